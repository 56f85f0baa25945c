//! What every `Fleet` does, stated as tests for the fake and for that of real hosts alike.

use super::{Fleet, UnknownNode};
use domain::NodeName;

/// A fleet to test, with what the tests need of its nodes.
pub struct Ground<'a> {
    pub fleet: &'a dyn Fleet,
    /// Nodes that it can reach, those that it knows of by itself among them.
    pub known: Vec<NodeName>,
    /// A node that nobody has told it of.
    pub stranger: NodeName,
}

/// A node that is known has both adapters whenever they are asked for, and one that is not has neither.
///
/// # Panics
/// When the fleet does otherwise.
pub fn contract(ground: &Ground<'_>) {
    let Ground {
        fleet,
        known,
        stranger,
    } = ground;
    let nodes = fleet.nodes();
    assert!(
        nodes.is_sorted_by(|a, b| a < b),
        "in order of name, each once: {nodes:?}"
    );
    assert!(nodes.iter().all(|node| known.contains(node)), "{nodes:?}");
    let met = fleet.met();
    assert!(met.is_sorted_by(|a, b| a < b), "likewise: {met:?}");
    assert!(known.iter().all(|node| met.contains(node)), "{met:?}");
    for node in known {
        for _ in ["asked for", "asked for again"] {
            assert!(fleet.runtime(node).is_ok(), "no instances of {node}");
            assert!(fleet.images(node).is_ok(), "no images of {node}");
        }
    }
    let unknown = Some(UnknownNode(stranger.clone()));
    assert_eq!(fleet.runtime(stranger).err(), unknown);
    assert_eq!(fleet.images(stranger).err(), unknown);
    assert_eq!(fleet.nodes(), nodes, "asking changes nothing");
}

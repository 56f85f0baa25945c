//! What several pools tell of one node.

use domain::Node;
use std::collections::BTreeSet;

/// A node, as each of its pools tells of it: what asks for more counts, and what leaves less room. What of its meta is said both
/// ways is as if nobody said it.
pub(super) fn agreed(told: Vec<Node>) -> Option<Node> {
    fn less<T: Ord + Copy>(one: Option<T>, other: Option<T>) -> Option<T> {
        one.into_iter().chain(other).min()
    }
    let mut told = told.into_iter();
    let mut node = told.next()?;
    let mut disputed = BTreeSet::new();
    for other in told {
        node.state = node.state.max(other.state);
        node.duty = node.duty.max(other.duty);
        node.memory = less(node.memory, other.memory);
        node.cpu = less(node.cpu, other.cpu);
        for (key, value) in other.meta {
            let said = node
                .meta
                .entry(key.clone())
                .or_insert_with(|| value.clone());
            if *said != value {
                disputed.insert(key);
            }
        }
    }
    node.meta.retain(|key, _| !disputed.contains(key));
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::agreed;
    use domain::{
        Node,
        node::{Duty, NodeState},
    };

    fn told(duty: Duty, meta: &[(&str, &str)]) -> Node {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Node {
            name: "node-1".parse().unwrap(),
            address: "10.0.0.9".to_owned(),
            state: NodeState::Alive,
            duty,
            meta: meta.iter().map(pair).collect(),
            memory: None,
            cpu: None,
        }
    }

    #[test]
    fn of_what_two_pools_say_of_a_node_that_counts_which_asks_for_more_and_no_dispute() {
        let one = told(
            Duty::Serving,
            &[("disk", "ssd"), ("zone", "a"), ("gpu", "1")],
        );
        let other = told(Duty::Draining, &[("disk", "hdd"), ("zone", "a")]);
        // The third says again what the first two do not agree on.
        let third = told(Duty::Serving, &[("disk", "ssd"), ("arch", "arm64")]);
        let node = agreed(vec![one, other, third]).unwrap();
        let expected = [("arch", "arm64"), ("gpu", "1"), ("zone", "a")];
        assert_eq!(node, told(Duty::Draining, &expected));
        assert_eq!(agreed(Vec::new()), None);
    }
}

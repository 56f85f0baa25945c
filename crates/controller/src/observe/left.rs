//! Nodes that have left every pool while instances stand on them: they are looked at until those are gone. Without that
//! an old version would go on serving there, and nobody would know.

use super::NodeSight;
use crate::deps::Deps;
use domain::{EnvironmentId, Node, NodeName};
use scheduler::input::Answered;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// For how long one is asked that does not answer: every look waits for it.
const ASKED: Duration = Duration::from_secs(60);

/// Those that the loop of the Environment saw last, and that are no members now; with when they were last seen to have
/// something of it.
///
/// A server that has just started remembers none: what stood there is lost to it.
pub(super) fn since(
    deps: &Deps,
    environment: EnvironmentId,
    members: &BTreeMap<NodeName, Node>,
) -> Vec<(Node, Instant)> {
    let Some(before) = deps.board.sight(environment, Duration::MAX) else {
        return Vec::new();
    };
    let gone = before.nodes.values().filter_map(|sight| {
        let name = &sight.node.name;
        let at = match before.left.get(name) {
            Some(at) => *at,
            None => Instant::now(),
        };
        let is_asked = !members.contains_key(name) && at.elapsed() < ASKED;
        is_asked.then(|| (sight.node.clone(), at))
    });
    gone.collect()
}

/// Forgets those that have nothing of the Environment any more.
pub(super) fn settle(
    nodes: &mut BTreeMap<NodeName, NodeSight>,
    left: &mut BTreeMap<NodeName, Instant>,
    environment: EnvironmentId,
) {
    left.retain(|name, at| {
        let Some(sight) = nodes.get(name) else {
            return false;
        };
        if sight.answered == Answered::No {
            return true;
        }
        *at = Instant::now();
        let mut seen = sight.instances.iter();
        let has_some = seen.any(|seen| seen.environment == environment);
        if !has_some {
            nodes.remove(name);
        }
        has_some
    });
}

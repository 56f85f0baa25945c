//! What is known of nodes that cannot be seen.

use domain::{NodeName, node::Duty};
use ports::store::view::EnvironmentView;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The nodes that are gone for good, as a person says.
pub(super) fn given_up(view: &EnvironmentView) -> BTreeSet<NodeName> {
    let duties = view.duties.iter();
    let gone = duties.filter(|(_, duty)| **duty == Duty::GivenUp);
    gone.map(|(node, _)| node.clone()).collect()
}

/// How much longer than by the database a lease is taken to last: for clocks that do not go alike. A node's program is done
/// a sixth of a lease before.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// For how long the programs of nodes let singletons run.
pub(super) fn leases(view: &EnvironmentView) -> BTreeMap<NodeName, Duration> {
    let leases = view.leases.iter();
    leases
        .map(|(node, lease)| (node.clone(), lease.left(LEASE_MARGIN)))
        .collect()
}

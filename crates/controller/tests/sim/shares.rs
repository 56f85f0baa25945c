//! How the Environments are spread over servers, once everything has been quiet for long.

use crate::world::{World, at_once};
use ports::store::{Page, leases::SERVERS};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// An Environment that nobody keeps, or a server that keeps more than its share.
    pub(crate) fn unshared(&self) -> Option<String> {
        let leases = at_once(self.store.list_leases()).unwrap();
        let environments = at_once(self.store.list_environments("", Page::ALL)).unwrap();
        let environments = environments.items.len();
        let seats = leases.iter().filter(|it| it.name.starts_with(SERVERS));
        let servers: BTreeSet<&str> = seats.map(|it| it.owner.as_str()).collect();
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        for lease in leases
            .iter()
            .filter(|it| it.name.starts_with("environment/"))
        {
            *kept.entry(&lease.owner).or_default() += 1;
        }
        let all: usize = kept.values().sum();
        let share = environments.div_ceil(servers.len().max(1));
        let is_fair = all == environments && kept.values().all(|count| *count <= share);
        (!is_fair).then(|| format!("{servers:?} keep {kept:?} of {environments} environments"))
    }
}

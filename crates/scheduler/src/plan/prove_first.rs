//! While a Deploy is `deploying`, the instances of others stay until every one of its Workers has shown that it gets
//! healthy: a bad Worker never costs another its old instances.

use super::Why;
use crate::world::{Crew, Squad, World, count};
use domain::{DeployState, worker::Order};

/// Whether a Deploy has shown that each of its Workers gets healthy.
pub(crate) struct Proof {
    missing: Option<Why>,
}

impl Proof {
    pub(crate) fn of(world: &World<'_>, squad: &Squad<'_>) -> Self {
        let proving = squad
            .app
            .deploy
            .as_ref()
            .is_some_and(|deploy| deploy.state == DeployState::Deploying);
        let missing = proving
            .then(|| world.crews(squad).find_map(|crew| lack(&crew)))
            .flatten();
        Self { missing }
    }

    /// What is missing.
    pub(crate) fn missing(&self) -> Option<Why> {
        self.missing.clone()
    }
}

fn lack(crew: &Crew<'_, '_>) -> Option<Why> {
    let needed = at_once(crew);
    let healthy = count(crew.fresh().filter(|member| member.is_in_service()));
    (healthy < needed).then(|| Why::ProveFirst {
        worker: crew.worker.clone(),
        healthy,
        needed,
    })
}

/// How many new instances may run beside all of the old ones. None of a Worker whose old ones go first.
fn at_once(crew: &Crew<'_, '_>) -> u16 {
    let Some(worker) = crew.wanted() else {
        return 0;
    };
    match (worker.spec.rollout.order, worker.spec.singleton) {
        (Order::StartFirst, false) => {
            let scale = worker.scale.get();
            (worker.spec.rollout.ceiling(worker.scale) - scale).min(scale)
        }
        (Order::StopFirst, _) | (_, true) => 0,
    }
}

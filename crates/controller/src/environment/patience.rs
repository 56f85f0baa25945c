//! How much time the Deploys that are deploying have had.
//!
//! Counted by a clock that does not jump, and only while a server sees them: a clock that is set forward fails none at
//! once, and one that is set back gives none more time. What is spent is put on record now and then, so that the next
//! server goes on counting where this one stopped.

use domain::{DeployId, DeployState};
use ports::store::view::EnvironmentView;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// How much may be spent without being on record: what a crash gives a Deploy at the most.
const ON_RECORD: Duration = Duration::from_secs(5);

/// The patience of an Environment's Deploys.
#[derive(Default)]
pub(super) struct Patience(BTreeMap<DeployId, Count>);

struct Count {
    /// Spent before this server saw it.
    before: Duration,
    since: Instant,
    recorded: Duration,
}

impl Count {
    fn spent(&self) -> Duration {
        self.before + self.since.elapsed()
    }
}

impl Patience {
    /// Counts for those that are deploying, and for no others. Answers what each has spent.
    pub(super) fn count(&mut self, view: &EnvironmentView) -> BTreeMap<DeployId, Duration> {
        let active = view.apps.iter().flat_map(|app| &app.active);
        let deploying: BTreeMap<DeployId, Duration> = active
            .map(|active| &active.deploy)
            .filter(|deploy| deploy.state == DeployState::Deploying)
            .map(|deploy| (deploy.id, deploy.spent))
            .collect();
        self.0.retain(|id, _| deploying.contains_key(id));
        for (id, before) in deploying {
            self.0.entry(id).or_insert_with(|| Count {
                before,
                since: Instant::now(),
                recorded: before,
            });
        }
        self.0
            .iter()
            .map(|(id, count)| (*id, count.spent()))
            .collect()
    }

    /// What has to be put on record now.
    pub(super) fn unrecorded(&self) -> Vec<(DeployId, Duration)> {
        let late = self
            .0
            .iter()
            .filter(|(_, count)| count.spent() >= count.recorded + ON_RECORD);
        late.map(|(id, count)| (*id, count.spent())).collect()
    }

    /// It is on record.
    pub(super) fn recorded(&mut self, deploy: DeployId, spent: Duration) {
        if let Some(count) = self.0.get_mut(&deploy) {
            count.recorded = spent;
        }
    }
}

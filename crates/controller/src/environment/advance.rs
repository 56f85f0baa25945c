//! Brings Deploys on their way. Each App has one under way at a time: the oldest that is not done. The others wait
//! behind it.

use super::{Finished, Keeper, prepare::Preparation};
use domain::{BuildState, DeployState};
use ports::store::view::{ActiveDeploy, AppView, EnvironmentView};
use tokio::time::Instant;

/// How often a host that does not answer is asked before a Deploy fails for it.
const ATTEMPTS: u32 = 6;

impl Keeper {
    /// Starts the preparation of each Deploy whose turn it is, unless it is under way or waits for its next try. Answers
    /// those that ask nobody but the database: they take no longer than a look at the nodes, and are left to the caller.
    pub(super) fn advance(&mut self, view: &EnvironmentView) -> Vec<Preparation> {
        self.advanced = Instant::now();
        let due: Vec<Preparation> = self
            .due(view)
            .map(|(app, active)| self.preparation(app, active))
            .collect();
        let (at_hand, elsewhere): (Vec<_>, Vec<_>) =
            due.into_iter().partition(Preparation::is_at_hand);
        for preparation in elsewhere {
            let deploy = preparation.deploy();
            self.preparing.insert(deploy);
            self.work.spawn(async move {
                let again = preparation.run().await;
                Finished::Prepared { deploy, again }
            });
        }
        self.waiting.retain(|id, _| {
            view.apps
                .iter()
                .any(|app| app.active.iter().any(|a| a.deploy.id == *id))
        });
        at_hand
    }

    /// The Deploys whose turn it is and for which nothing is under way yet.
    pub(super) fn due<'v>(
        &self,
        view: &'v EnvironmentView,
    ) -> impl Iterator<Item = (&'v AppView, &'v ActiveDeploy)> {
        let first = view
            .apps
            .iter()
            .filter_map(|app| Some((app, app.active.first()?)));
        first.filter(|(_, active)| {
            let id = active.deploy.id;
            let waits = self.waiting.get(&id).is_some_and(|retry| !retry.is_due());
            !(active.deploy.state == DeployState::Deploying
                || self.preparing.contains(&id)
                || waits
                || is_building(active))
        })
    }

    fn preparation(&self, app: &AppView, active: &ActiveDeploy) -> Preparation {
        let waiting = self.waiting.get(&active.deploy.id);
        let attempts = waiting.map_or(0, |retry| retry.attempts);
        Preparation {
            deps: self.deps.clone(),
            fence: self.fence.clone(),
            app: app.app.clone(),
            deployed: app.deployed.as_ref().map(|(_, release)| release.clone()),
            active: active.clone(),
            last_try: attempts + 1 >= ATTEMPTS,
        }
    }
}

/// Its build is under way: the end of that wakes the loop.
fn is_building(active: &ActiveDeploy) -> bool {
    active.deploy.state == DeployState::Building
        && active
            .build
            .as_ref()
            .is_some_and(|build| build.state == BuildState::InProgress)
}

//! What a control loop reads of one Environment.

use super::{Store, state::State};
use async_trait::async_trait;
use domain::{
    App, AppId, Deploy, DeployId, EnvironmentId, InstanceEnd, Release, ReleaseId, Timestamp,
    reconcile::ReconcileState,
};
use ports::store::{
    Error, Views,
    view::{ActiveDeploy, AppView, EnvironmentView, WorkerView},
};
use std::collections::{BTreeMap, BTreeSet};

/// The most ends in a view.
const ENDS_MAX: usize = 1000;

impl State {
    fn view(
        &self,
        environment: EnvironmentId,
        ends_since: Timestamp,
        now: Timestamp,
    ) -> Option<EnvironmentView> {
        let apps: Vec<AppView> = self
            .apps_here(environment)
            .map(|app| self.app_view(app, environment))
            .collect();
        let ends = self.ends_of(&apps, ends_since);
        let within = |reconcile: &&domain::reconcile::Reconcile| {
            reconcile.environment == environment && reconcile.state == ReconcileState::InProgress
        };
        Some(EnvironmentView {
            environment: self.environments.get(&environment)?.clone(),
            stacks: self.stacks.values().cloned().collect(),
            apps,
            intents: self.ledger.standing().cloned().collect(),
            releases: self.releases_of_intents(environment),
            ends,
            duties: self.duties.clone(),
            leases: self.joined.leases(now),
            fences: self.ledger.fences(environment),
            reconciles: self.reconciles.values().filter(within).cloned().collect(),
        })
    }

    fn apps_here(&self, environment: EnvironmentId) -> impl Iterator<Item = &App> {
        let deploys = self
            .deploys
            .values()
            .filter(move |d| d.environment == environment);
        let deployed: BTreeSet<AppId> = deploys.map(|deploy| deploy.app).collect();
        let intents = self
            .ledger
            .standing()
            .filter(move |i| i.environment == environment);
        let standing: BTreeSet<AppId> = intents.map(|intent| intent.app).collect();
        let all: BTreeMap<AppId, &App> = self
            .apps
            .values()
            .filter(|app| deployed.contains(&app.id))
            .chain(
                self.former_apps
                    .values()
                    .filter(|app| standing.contains(&app.id)),
            )
            .map(|app| (app.id, app))
            .collect();
        all.into_values()
    }

    fn app_view(&self, app: &App, environment: EnvironmentId) -> AppView {
        let rows = self.workers.values();
        let here =
            rows.filter(|row| row.worker.app == app.id && row.worker.environment == environment);
        let mut workers: Vec<WorkerView> = here
            .map(|row| WorkerView {
                worker: row.worker.clone(),
                restart: row.restart,
            })
            .collect();
        workers.sort_by(|a, b| a.worker.spec.name.cmp(&b.worker.spec.name));
        let deployed = self.deployed(app.id, environment);
        AppView {
            app: app.clone(),
            workers,
            deployed: deployed.and_then(|deploy| Some((deploy.clone(), self.release_of(deploy)?))),
            active: self
                .active(app.id, environment)
                .into_iter()
                .map(|deploy| ActiveDeploy {
                    deploy: deploy.clone(),
                    build: deploy
                        .build
                        .and_then(|id| self.builds.get(&id))
                        .map(|row| row.build.clone()),
                    release: self.release_of(deploy),
                })
                .collect(),
        }
    }

    fn release_of(&self, deploy: &Deploy) -> Option<Release> {
        self.releases
            .get(&deploy.release?)
            .map(|row| row.release.clone())
    }

    fn releases_of_intents(&self, environment: EnvironmentId) -> BTreeMap<DeployId, ReleaseId> {
        let here = self
            .ledger
            .standing()
            .filter(|intent| intent.environment == environment);
        here.filter_map(|intent| {
            let deploy = self.deploys.get(&intent.deploy)?;
            Some((deploy.id, deploy.release?))
        })
        .collect()
    }

    fn ends_of(&self, apps: &[AppView], since: Timestamp) -> Vec<InstanceEnd> {
        let wanted: BTreeSet<DeployId> = apps
            .iter()
            .flat_map(|app| {
                let active = app.active.iter().map(|active| active.deploy.id);
                active.chain(app.deployed.iter().map(|(deploy, _)| deploy.id))
            })
            .collect();
        let newest_first = self.ends.values().rev();
        let chosen = newest_first.filter(|end| wanted.contains(&end.deploy) && end.at >= since);
        let mut ends: Vec<InstanceEnd> = chosen.take(ENDS_MAX).cloned().collect();
        ends.reverse();
        ends
    }
}

#[async_trait]
impl Views for Store {
    async fn view(
        &self,
        environment: EnvironmentId,
        ends_since: Timestamp,
    ) -> Result<Option<EnvironmentView>, Error> {
        let now = self.clock.now();
        Ok(self.read(|state| state.view(environment, ends_since, now)))
    }
}

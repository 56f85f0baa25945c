//! What is forgotten when it is old.

use super::{Store, state::State};
use async_trait::async_trait;
use domain::{
    AppId, BuildId, BuildState, ConfigVersionId, DeployId, DeployState, EnvironmentId, ReleaseId,
    reconcile::ReconcileState,
};
use ports::store::{
    Error, Retention,
    retention::{Keep, Old},
};
use std::collections::{BTreeMap, BTreeSet};

/// Removes records by their keys, and says how many.
fn remove<K: Ord, V>(table: &mut BTreeMap<K, V>, keys: Vec<K>) -> usize {
    for key in &keys {
        table.remove(key);
    }
    keys.len()
}

/// The keys of the first records that are old.
fn old<K: Clone, V>(
    table: &BTreeMap<K, V>,
    limit: usize,
    is_old: impl Fn(&K, &V) -> bool,
) -> Vec<K> {
    let old = table.iter().filter(|(key, record)| is_old(key, record));
    old.take(limit).map(|(key, _)| key.clone()).collect()
}

impl State {
    fn forget(&mut self, what: Old, keep: Keep, limit: usize) -> usize {
        let since = keep.since;
        match what {
            Old::Requests => {
                let keys = old(&self.requests, limit, |_, row| row.record.at < since);
                remove(&mut self.requests, keys)
            }
            Old::Events => {
                let derived = self.outbox;
                let keys = old(&self.events, limit, |id, event| {
                    event.at < since && id.number() <= derived
                });
                remove(&mut self.events, keys)
            }
            Old::Jobs => self.forget_jobs(since, limit),
            Old::Callbacks => {
                let keys = old(&self.callbacks, limit, |_, (_, _, at)| *at < since);
                remove(&mut self.callbacks, keys)
            }
            Old::Ends => {
                let keys = old(&self.ends, limit, |_, end| end.at < since);
                for end in keys.iter().filter_map(|key| self.ends.get(key)) {
                    self.ledger.forget_end(end.instance);
                }
                remove(&mut self.ends, keys)
            }
            Old::Intents => self.ledger.forget(since, limit),
            Old::Audit => self.prune_audit(since, limit),
            Old::Tokens => {
                let keys = old(&self.tokens, limit, |_, (token, _)| {
                    token.revoked_at.is_some_and(|at| at < since)
                });
                remove(&mut self.tokens, keys)
            }
            Old::Reconciles => {
                let keys = old(&self.reconciles, limit, |_, reconcile| {
                    reconcile.state != ReconcileState::InProgress && reconcile.created_at < since
                });
                remove(&mut self.reconciles, keys)
            }
            Old::Runs => {
                let is_old = |run: &domain::Run| run.end.as_ref().is_some_and(|end| end.at < since);
                let keys = old(&self.runs, limit, |_, run| is_old(run));
                remove(&mut self.runs, keys)
            }
            Old::Deliveries => self.forget_deliveries(since, limit),
            Old::Deploys => {
                let keys = self.old_deploys(keep, limit);
                remove(&mut self.deploys, keys)
            }
            Old::Releases => {
                let keys = self.old_releases(keep, limit);
                remove(&mut self.releases, keys)
            }
            Old::BuildLines => self.forget_lines(keep, limit),
            Old::Builds => {
                let keys = self.old_builds(keep, limit);
                for id in &keys {
                    self.leases.remove(&format!("build/{id}"));
                }
                remove(&mut self.builds, keys)
            }
            Old::ConfigVersions => {
                let keys = self.old_config_versions(keep, limit);
                for id in &keys {
                    self.configs.drop_version(*id);
                }
                keys.len()
            }
        }
    }

    /// The newest Releases that were deployed of each App in each Environment.
    fn kept_releases(&self, count: u32) -> BTreeSet<ReleaseId> {
        let mut seen: BTreeMap<(AppId, EnvironmentId), u32> = BTreeMap::new();
        let mut kept = BTreeSet::new();
        for row in self.releases.values().rev().filter(|row| row.was_deployed) {
            let release = &row.release;
            let is_there = self.apps.contains_key(&release.app)
                && self.environments.contains_key(&release.environment);
            let count_of = seen.entry((release.app, release.environment)).or_default();
            *count_of += 1;
            if is_there && *count_of <= count {
                kept.insert(release.id);
            }
        }
        kept
    }

    fn old_deploys(&self, keep: Keep, limit: usize) -> Vec<DeployId> {
        let kept = self.kept_releases(keep.releases);
        let mut last: BTreeMap<ReleaseId, DeployId> = BTreeMap::new();
        for deploy in self.deploys.values() {
            if let Some(release) = deploy.release.filter(|release| kept.contains(release))
                && deploy.state == DeployState::Stopped
            {
                last.insert(release, deploy.id);
            }
        }
        let last: BTreeSet<DeployId> = last.into_values().collect();
        let standing: BTreeSet<DeployId> = self.ledger.standing().map(|i| i.deploy).collect();
        old(&self.deploys, limit, |id, deploy| {
            !deploy.state.is_active()
                && deploy.state != DeployState::Deployed
                && deploy.updated_at < keep.since
                && !standing.contains(id)
                && !last.contains(id)
        })
    }

    fn old_releases(&self, keep: Keep, limit: usize) -> Vec<ReleaseId> {
        let mut kept = self.kept_releases(keep.releases);
        kept.extend(self.deploys.values().filter_map(|deploy| deploy.release));
        old(&self.releases, limit, |id, row| {
            row.release.created_at < keep.since && !kept.contains(id)
        })
    }

    fn old_builds(&self, keep: Keep, limit: usize) -> Vec<BuildId> {
        let of_releases = self.releases.values().map(|row| row.release.build);
        let of_deploys = self.deploys.values().filter_map(|deploy| deploy.build);
        let named: BTreeSet<BuildId> = of_releases.chain(of_deploys).collect();
        old(&self.builds, limit, |id, row| {
            let serves = row.build.state == BuildState::Completed && row.kept;
            row.build.completed_at.is_some_and(|at| at < keep.since)
                && !serves
                && row.lines.is_empty()
                && !named.contains(id)
        })
    }

    fn forget_lines(&mut self, keep: Keep, limit: usize) -> usize {
        let mut gone = 0;
        for row in self.builds.values_mut() {
            if row.build.completed_at.is_some_and(|at| at < keep.since) {
                let some = row.lines.len().min(limit - gone);
                row.lines.drain(..some);
                gone += some;
            }
        }
        gone
    }

    fn old_config_versions(&self, keep: Keep, limit: usize) -> Vec<ConfigVersionId> {
        let named: BTreeSet<ConfigVersionId> = self
            .releases
            .values()
            .flat_map(|row| {
                let config = row.release.config;
                [config.environment, config.stack, config.app]
            })
            .flatten()
            .collect();
        let outdated = self.configs.outdated(keep.since);
        outdated
            .filter(|id| !named.contains(id))
            .take(limit)
            .collect()
    }
}

#[async_trait]
impl Retention for Store {
    async fn forget(&self, what: Old, keep: Keep, limit: u32) -> Result<u32, Error> {
        self.write(|state| {
            let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
            Ok(u32::try_from(state.forget(what, keep, limit)).unwrap_or(u32::MAX))
        })
    }
}

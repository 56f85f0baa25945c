//! What must be so once the faults are over and every job has ended.

use crate::{
    faults::is_known,
    watch::serves,
    world::{World, at_once},
};
use domain::{
    AppId, Cause, DeployId, EnvironmentId, IntentKind, IntentState, JobState, Release, WorkerName,
    config::{ConfigScope, ConfigVersions},
    observed::{Authenticity, RestartPolicy},
    reconcile::ReconcileState,
    worker::WorkerSource,
};
use ports::store::{
    Page,
    builds::BuildFilter,
    deploys::DeployFilter,
    jobs::JobFilter,
    leases::Lease,
    view::{AppView, EnvironmentView},
};
use scheduler::input::Registration;
use std::collections::{BTreeMap, BTreeSet};
use testkit::fake::node::Standing;

type Crew = (EnvironmentId, AppId, WorkerName);

/// Environments that wait for a person, of which little is asked.
type Halted = BTreeSet<EnvironmentId>;

impl World {
    /// Why the world is not at rest yet.
    pub(crate) fn unrest(&self) -> Option<String> {
        self.unrest_but_in(&BTreeSet::new())
    }

    /// The same where some Environments wait for a person, of all that does not.
    pub(crate) fn unrest_beside_halted(&self) -> Option<String> {
        let halted = self.environments.iter().copied();
        let halted: BTreeSet<_> = halted.filter(|id| self.is_halted_in(*id)).collect();
        self.unrest_but_in(&halted).or_else(|| self.unrecorded())
    }

    fn unrest_but_in(&self, halted: &Halted) -> Option<String> {
        self.unended_job(halted)
            .or_else(|| self.wrong_instances(halted))
            .or_else(|| self.lost_change(halted))
            .or_else(|| self.wrong_ledger(halted))
            .or_else(|| self.wrong_catalog(halted))
            .or_else(|| self.touched_strangers())
    }

    /// A Deploy that waits for a person has its patience all the same.
    fn unended_job(&self, halted: &Halted) -> Option<String> {
        let deploys = at_once(self.store.list_deploys(&DeployFilter::default(), Page::ALL));
        let mut deploys = deploys.unwrap().items.into_iter();
        if let Some(deploy) = deploys.find(|deploy| deploy.state.is_active()) {
            return Some(format!(
                "{} is {}: {}",
                deploy.id, deploy.state, deploy.step
            ));
        }
        let builds = at_once(self.store.list_builds(&BuildFilter::default(), Page::ALL));
        let mut builds = builds.unwrap().items.into_iter();
        if let Some(build) = builds.find(|build| !build.state.is_final()) {
            return Some(format!("{} is {}", build.id, build.state));
        }
        let state = Some(ReconcileState::InProgress);
        let open = at_once(self.store.list_reconciles(None, state, Page::ALL))
            .unwrap()
            .items;
        let mut open = open.iter();
        if let Some(reconcile) = open.find(|open| !halted.contains(&open.environment)) {
            return Some(format!("{} is in progress", reconcile.id));
        }
        let jobs = at_once(self.store.list_jobs(&JobFilter::default(), Page::ALL));
        let mut jobs = jobs.unwrap().items.into_iter();
        let may_be_lost = !self.database.jobs_run_out();
        let open = jobs.find(|job| match job.state {
            JobState::Running => !may_be_lost,
            state => !state.is_final(),
        })?;
        Some(format!(
            "{} of {} is {}",
            open.kind, open.subject, open.state
        ))
    }

    fn views(&self, halted: &Halted) -> Vec<EnvironmentView> {
        let asked = self.environments.iter().filter(|id| !halted.contains(id));
        let views = asked.map(|id| at_once(self.store.view(*id, self.now())));
        views.filter_map(|view| view.unwrap()).collect()
    }

    /// How many instances are wanted of each Worker, and of which Release.
    fn wanted(&self, halted: &Halted) -> BTreeMap<Crew, (u16, Release, bool)> {
        let mut wanted = BTreeMap::new();
        for view in self.views(halted) {
            for app in &view.apps {
                let Some((_, release)) = &app.deployed else {
                    continue;
                };
                for spec in &release.workers {
                    let row = app
                        .workers
                        .iter()
                        .find(|row| row.worker.spec.name == spec.name);
                    let scale = row.map_or(0, |row| row.worker.scale.get());
                    let scale = if spec.singleton { scale.min(1) } else { scale };
                    let crew = (view.environment.id, app.app.id, spec.name.clone());
                    wanted.insert(crew, (scale, release.clone(), spec.singleton));
                }
            }
        }
        wanted
    }

    /// What runs has the newest variables and the API's definitions, unless somebody went back to an earlier Release, or
    /// the Deploy of the change itself failed or was cancelled.
    fn lost_change(&self, halted: &Halted) -> Option<String> {
        for view in self.views(halted) {
            for app in &view.apps {
                let Some((deploy, release)) = &app.deployed else {
                    continue;
                };
                let own_failed = || {
                    let filter = DeployFilter {
                        app: Some(app.app.id),
                        environment: Some(view.environment.id),
                        state: None,
                    };
                    let all = at_once(self.store.list_deploys(&filter, Page::ALL)).unwrap();
                    all.items.iter().any(|other| {
                        other.id > deploy.id && matches!(other.cause, Cause::Config | Cause::Worker)
                    })
                };
                let newest = self.newest_config(app, view.environment.id);
                let defined = app.workers.iter().all(|row| {
                    let worker = &row.worker;
                    worker.source != WorkerSource::Api
                        || release.worker(&worker.spec.name) == Some(&worker.spec)
                });
                let has_it = release.config == newest && defined;
                if !has_it && deploy.cause != Cause::Rollback && !own_failed() {
                    return Some(format!(
                        "{} of {} runs without a change: it has {:?}, the newest is {newest:?}",
                        release.id, deploy.id, release.config
                    ));
                }
            }
        }
        None
    }

    fn newest_config(&self, app: &AppView, environment: EnvironmentId) -> ConfigVersions {
        let newest = |scope| {
            let set = at_once(self.store.find_config(scope)).unwrap();
            set.map(|set| set.version)
        };
        ConfigVersions {
            environment: newest(ConfigScope::Environment(environment)),
            stack: newest(ConfigScope::Stack(app.app.stack, environment)),
            app: newest(ConfigScope::App(app.app.id, environment)),
        }
    }

    fn known(&self) -> Vec<Standing> {
        let all = self.nodes.iter().flat_map(testkit::fake::Node::standing);
        let all = all.filter(|standing| !self.is_left_behind(standing));
        all.filter(is_known).collect()
    }

    /// A copy is on no record, and so keeps nobody from deleting its Environment: then it is nobody's.
    fn is_left_behind(&self, standing: &Standing) -> bool {
        let seen = standing.observed.as_ref();
        seen.is_some_and(|seen| {
            seen.authenticity == Authenticity::Copy
                && !self.environments.contains(&seen.environment)
        })
    }

    /// Those that stand where nothing waits for a person.
    fn known_but_in(&self, halted: &Halted) -> Vec<Standing> {
        let mut known = self.known();
        let environment = |standing: &Standing| standing.observed.as_ref().map(|s| s.environment);
        known.retain(|standing| environment(standing).is_none_or(|id| !halted.contains(&id)));
        known
    }

    fn wrong_instances(&self, halted: &Halted) -> Option<String> {
        let mut wanted = self.wanted(halted);
        for standing in self.known_but_in(halted) {
            let seen = standing.observed.as_ref()?;
            let crew = (seen.environment, seen.app, seen.worker.clone());
            let Some((missing, release, singleton)) = wanted.get_mut(&crew) else {
                return Some(format!(
                    "{} stands, and nothing is wanted of it",
                    standing.name
                ));
            };
            let policy = if *singleton {
                RestartPolicy::No
            } else {
                RestartPolicy::UnlessStopped
            };
            if seen.authenticity == Authenticity::Copy {
                return Some(format!("the copy {} stands", standing.name));
            }
            if !self.runs_release(seen.deploy, release) {
                let of = at_once(self.store.find_deploy(seen.deploy)).unwrap();
                let of = of.map(|deploy| (deploy.state, deploy.release));
                return Some(format!(
                    "{} of the superseded {} ({of:?}, wanted is {:?}) stands",
                    standing.name, seen.deploy, release.id
                ));
            }
            if !serves(&standing) || standing.stopping {
                return Some(format!("{} does not serve: {seen:?}", standing.name));
            }
            if standing.ends {
                return Some(format!("{} is about to end", standing.name));
            }
            if seen.restart != policy {
                return Some(format!(
                    "{} would not come back after a reboot",
                    standing.name
                ));
            }
            let Some(fewer) = missing.checked_sub(1) else {
                return Some(format!(
                    "{} is one too many of {}",
                    standing.name, seen.worker
                ));
            };
            *missing = fewer;
        }
        let mut lacking = wanted.iter().filter(|(_, (missing, ..))| *missing > 0);
        lacking
            .next()
            .map(|((environment, app, worker), (missing, ..))| {
                format!("{missing} of {worker} of {app} in {environment} are missing")
            })
    }

    /// Whether some Environment waits for a person: so many of its instances turned bad that replacing them halts.
    pub(crate) fn is_halted(&self) -> bool {
        self.environments.iter().any(|id| self.is_halted_in(*id))
    }

    fn is_halted_in(&self, environment: EnvironmentId) -> bool {
        let policy = scheduler::input::Policy::default();
        let all = self.known();
        let here = all.iter().filter(|standing| {
            standing
                .observed
                .as_ref()
                .is_some_and(|s| s.environment == environment)
        });
        let (bad, of) = here.fold((0, 0), |(bad, of), standing| {
            (bad + u32::from(!serves(standing)), of + 1)
        });
        bad >= policy.halt_at_least && bad * 100 > of * policy.halt_above_percent
    }

    /// Two Deploys of one Release are alike, however they ended: the instances of either serve for the other.
    fn runs_release(&self, deploy: DeployId, release: &Release) -> bool {
        let deploy = at_once(self.store.find_deploy(deploy)).unwrap();
        deploy.is_some_and(|deploy| deploy.release == Some(release.id))
    }

    fn wrong_ledger(&self, halted: &Halted) -> Option<String> {
        let known = self.known_but_in(halted).into_iter();
        let mut standing: BTreeSet<String> = known.map(|s| s.name).collect();
        let mut intents = at_once(self.store.standing_intents()).unwrap();
        intents.retain(|intent| !halted.contains(&intent.environment));
        for intent in intents {
            if intent.state != IntentState::Done || intent.kind != IntentKind::Start {
                return Some(format!(
                    "an intent to {} {} is open",
                    intent.kind, intent.instance
                ));
            }
            if !standing.remove(&intent.instance.to_string()) {
                return Some(format!(
                    "{} is on record and does not stand",
                    intent.instance
                ));
            }
        }
        standing
            .first()
            .map(|name| format!("{name} stands and is not on record"))
    }

    /// Whoever waits for a person as well, nothing stands that is on no record, and nothing twice.
    fn unrecorded(&self) -> Option<String> {
        let intents = at_once(self.store.standing_intents()).unwrap();
        let starts = intents
            .iter()
            .filter(|intent| intent.kind == IntentKind::Start);
        let mut starts: BTreeSet<_> = starts
            .map(|intent| (intent.instance, &intent.node))
            .collect();
        let known = self.known();
        let seen = known.iter().filter_map(|s| s.observed.as_ref());
        let mut genuine = seen.filter(|seen| seen.authenticity == Authenticity::Genuine);
        let wrong = genuine.find(|seen| !starts.remove(&(seen.instance, &seen.node)))?;
        Some(format!(
            "{} on {} is on no record, or stands twice",
            wrong.instance, wrong.node
        ))
    }

    fn wrong_catalog(&self, halted: &Halted) -> Option<String> {
        let all = self.known();
        let seen = all.iter().filter_map(|s| s.observed.as_ref());
        let waiting = seen.filter(|seen| halted.contains(&seen.environment));
        let waiting: BTreeSet<_> = waiting.map(|seen| seen.instance).collect();
        let ours = self.known_but_in(halted);
        let serving = ours
            .iter()
            .filter(|standing| serves(standing))
            .filter_map(|s| s.observed.as_ref());
        let mut wanted: BTreeSet<_> = serving.map(|seen| seen.instance).collect();
        let mut entries = self.catalog.entries();
        entries.retain(|(entry, _)| !waiting.contains(&entry.instance));
        for (entry, registration) in entries {
            if registration != Registration::Serving || !wanted.remove(&entry.instance) {
                return Some(format!(
                    "the catalog has {} as {registration:?}",
                    entry.instance
                ));
            }
        }
        wanted
            .first()
            .map(|instance| format!("the catalog lacks {instance}"))
    }

    fn touched_strangers(&self) -> Option<String> {
        for node in &self.nodes {
            let strangers = node
                .standing()
                .into_iter()
                .filter(|standing| !is_known(standing));
            let left = strangers.filter(|stranger| !stranger.stopping).count();
            if left != 3 {
                return Some(format!("{left} of 3 strangers are left on {}", node.name()));
            }
        }
        None
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        at_once(self.store.list_leases()).unwrap()
    }

    /// The leases that are held once every server has ended in good order.
    pub(crate) fn left_leases(&self) -> Option<String> {
        self.leases()
            .first()
            .map(|lease| format!("{} is still {}'s", lease.name, lease.owner))
    }
}

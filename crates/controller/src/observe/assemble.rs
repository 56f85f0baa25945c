//! Puts a plan's input together out of what the database has and what was seen.

mod unseen;

use super::Sight;
use crate::deps::Deps;
use domain::{
    AppId, DeployId, DeployState, Health, InstanceId, IntentKind, NodeName, Release, Timestamp,
    WorkerSpec,
};
use ports::store::view::{AppView, EnvironmentView, WorkerView};
use scheduler::{
    PlanInput,
    input::{
        Answered, DesiredApp, DesiredDeploy, DesiredWorker, Load, Opening, PoolNode, Registration,
        Sighting,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a plan's input needs besides the view and the sight.
pub(crate) struct Scene {
    /// A fresh one for each plan.
    pub(crate) seed: u64,
    /// Instances that nothing may be planned for just now.
    pub(crate) busy: BTreeSet<InstanceId>,
    /// Of the Deploys that were seen, those that are in the database.
    pub(crate) known_deploys: BTreeSet<DeployId>,
    /// What Deploys that are deploying have spent of their patience, where more is known than what is on record.
    pub(crate) spent: BTreeMap<DeployId, Duration>,
    /// Ports that strangers were found on.
    pub(crate) strangers_ports: BTreeMap<NodeName, BTreeSet<u16>>,
    /// How many nodes each pool had when it was last believed.
    pub(crate) remembered: BTreeMap<domain::StackId, u32>,
}

impl Scene {
    /// For a look from outside the loop: what the loop is busy with is taken from the board.
    pub(crate) async fn of(
        deps: &Deps,
        view: &EnvironmentView,
        sight: &Sight,
    ) -> Result<Self, ports::store::Error> {
        Ok(Self {
            seed: deps.ids.bits(),
            busy: deps.board.busy(),
            known_deploys: known_deploys(deps, view, sight).await?,
            spent: BTreeMap::new(),
            strangers_ports: BTreeMap::new(),
            remembered: deps.board.pools(view.environment.id),
        })
    }
}

/// Which of the Deploys that were seen are in the database. The database is asked only for those it did not name.
pub(crate) async fn known_deploys(
    deps: &Deps,
    view: &EnvironmentView,
    sight: &Sight,
) -> Result<BTreeSet<DeployId>, ports::store::Error> {
    let mut known = named_deploys(view);
    let seen = sight.nodes.values().flat_map(|node| &node.instances);
    let asked: BTreeSet<_> = seen
        .filter(|seen| seen.environment == view.environment.id && !known.contains(&seen.deploy))
        .map(|seen| seen.deploy)
        .collect();
    if !asked.is_empty() {
        known.extend(deps.store.known_deploys(&asked).await?);
    }
    Ok(known)
}

/// The Deploys that the view itself names, and whose intents it has therefore.
pub(crate) fn named_deploys(view: &EnvironmentView) -> BTreeSet<DeployId> {
    let mut named: BTreeSet<_> = view.releases.keys().copied().collect();
    for app in &view.apps {
        named.extend(app.deployed.iter().map(|(deploy, _)| deploy.id));
        named.extend(app.active.iter().map(|active| active.deploy.id));
    }
    named
}

/// The input of a plan for this Environment.
pub(crate) fn assemble(
    deps: &Deps,
    view: &EnvironmentView,
    sight: &Sight,
    scene: &Scene,
) -> PlanInput {
    let environment = view.environment.id;
    let mut observed = Vec::new();
    for node in sight.nodes.values() {
        for seen in node
            .instances
            .iter()
            .filter(|seen| seen.environment == environment)
        {
            let spec = spec_of(view, seen.app, seen.deploy, &seen.worker);
            let probed = deps.board.probed(seen.instance);
            let health = match &spec {
                Some(spec) => scheduler::health(
                    spec,
                    &deps.board.dated(seen.instance, &seen.phase, node.asked_at),
                    probed.as_ref(),
                    &deps.board.health(seen.instance),
                    freshness(deps),
                    // Since then nobody knows whether it still runs.
                    node.asked_at,
                ),
                None => Health::Unknown,
            };
            let registration = match seen.authenticity {
                domain::observed::Authenticity::Genuine => node
                    .registrations
                    .get(&seen.instance)
                    .copied()
                    .unwrap_or_default(),
                domain::observed::Authenticity::Copy => Registration::None,
            };
            observed.push(Sighting {
                seen: seen.clone(),
                health,
                registration,
            });
        }
    }
    let now = deps.clock.now();
    let (pools, left) = pools(view, sight, scene);
    let mut input = PlanInput {
        now,
        seed: scene.seed,
        environment,
        apps: view
            .apps
            .iter()
            .map(|app| desired_app(view, app, scene, now))
            .collect(),
        observed,
        intents: view
            .intents
            .iter()
            .filter(|intent| intent.environment == environment)
            .cloned()
            .collect(),
        busy: scene.busy.clone(),
        known_deploys: scene.known_deploys.clone(),
        ends: view.ends.clone(),
        pools,
        left,
        given_up: unseen::given_up(view),
        leases: unseen::leases(view),
        remembered: scene.remembered.clone(),
        rebalances: rebalances(view),
        policy: deps.settings.policy.clone(),
    };
    add_forgotten(&mut input);
    forget_the_future(&mut input);
    input
}

/// The pools that somebody wants evened out. Of several who want the same one, the most patient is not waited for.
fn rebalances(view: &EnvironmentView) -> BTreeMap<domain::StackId, u16> {
    let mut rebalances = BTreeMap::new();
    for rebalance in view.reconciles.iter().filter_map(|of| of.rebalance) {
        let at_once = rebalances.entry(rebalance.stack).or_insert(1);
        *at_once = rebalance.at_once.max(*at_once);
    }
    rebalances
}

/// An App that was deleted, and whose last intent is closed, is in no view. What turns up of it all the same, a copy or a
/// late start, is put away like anything of which nothing is wanted.
fn add_forgotten(input: &mut PlanInput) {
    let known = |seen: &&Sighting| input.known_deploys.contains(&seen.seen.deploy);
    let forgotten: BTreeMap<AppId, domain::StackId> = input
        .observed
        .iter()
        .filter(known)
        .filter(|sighting| input.app(sighting.seen.app).is_none())
        .filter_map(|Sighting { seen, .. }| {
            let mut pools = input.pools.iter();
            let pool = pools.find(|(_, nodes)| nodes.iter().any(|n| n.node.name == seen.node));
            Some((seen.app, *pool?.0))
        })
        .collect();
    for (app, stack) in forgotten {
        // Nobody is told its name any more; an id is one as well.
        let name = app.to_string().parse();
        let at = input.apps.partition_point(|known| known.app < app);
        if let Ok(name) = name {
            let deploy = None;
            input.apps.insert(
                at,
                DesiredApp {
                    app,
                    name,
                    stack,
                    deploy,
                },
            );
        }
    }
}

/// What is on record for later than now was written before the clock was set back. Taken as it is, it would be waited for
/// until the clock comes there again: a drain, a backoff, or a restart that replaces every instance it has just started.
fn forget_the_future(input: &mut PlanInput) {
    let now = input.now;
    input.ends.retain(|end| end.at <= now);
    for intent in &mut input.intents {
        if intent.opened_at > now {
            intent.opened_at = Timestamp::EPOCH;
        }
    }
    let deploys = input.apps.iter_mut().filter_map(|app| app.deploy.as_mut());
    for worker in deploys.flat_map(|deploy| &mut deploy.workers) {
        worker.restart_before = worker.restart_before.filter(|before| *before <= now);
    }
}

/// An answer older than this says nothing any more: three probes in a row did not come back.
pub(crate) fn freshness(deps: &Deps) -> std::time::Duration {
    3 * (deps.settings.probe_steady + deps.settings.probe_deadline)
}

fn pools(
    view: &EnvironmentView,
    sight: &Sight,
    scene: &Scene,
) -> (BTreeMap<domain::StackId, Vec<PoolNode>>, Vec<PoolNode>) {
    let mut loads: BTreeMap<&NodeName, (Load, BTreeSet<u16>)> = BTreeMap::new();
    let others = view
        .intents
        .iter()
        .filter(|i| i.environment != view.environment.id && i.kind == IntentKind::Start);
    for intent in others {
        let (load, ports) = loads.entry(&intent.node).or_default();
        load.instances += 1;
        let memory = intent.resources.memory.unwrap_or_default().as_bytes();
        load.memory = domain::ByteSize::bytes(load.memory.as_bytes() + memory);
        load.cpu =
            domain::CpuMillis::new(load.cpu.get() + intent.resources.cpu.unwrap_or_default().get());
        ports.extend(intent.host_ports());
    }
    let member = |name: &NodeName| {
        let seen = &sight.nodes[name];
        let (others, mut taken_ports) = loads.get(name).cloned().unwrap_or_default();
        taken_ports.extend(scene.strangers_ports.get(name).into_iter().flatten());
        PoolNode {
            node: seen.node.clone(),
            answered: seen.answered,
            others,
            taken_ports,
        }
    };
    let pools = sight.pools.iter();
    let pools = pools.map(|(stack, names)| (*stack, names.iter().map(member).collect()));
    let left = sight.left.keys().map(member);
    // One that does not answer is as lost as one that nobody remembers.
    let left = left.filter(|host| host.answered == Answered::Yes);
    (pools.collect(), left.collect())
}

fn desired_app(view: &EnvironmentView, app: &AppView, scene: &Scene, now: Timestamp) -> DesiredApp {
    let deploying = app
        .active
        .iter()
        .find(|active| active.deploy.state == DeployState::Deploying);
    let wanted = match deploying {
        Some(active) => active
            .release
            .as_ref()
            .map(|release| (&active.deploy, release)),
        None => app
            .deployed
            .as_ref()
            .map(|(deploy, release)| (deploy, release)),
    };
    DesiredApp {
        app: app.app.id,
        name: app.app.name.clone(),
        stack: app.app.stack,
        deploy: wanted.map(|(deploy, release)| DesiredDeploy {
            id: deploy.id,
            also: view
                .releases
                .iter()
                .filter(|(id, of)| **of == release.id && **id != deploy.id)
                .map(|(id, _)| *id)
                .collect(),
            state: deploy.state,
            opening: Opening::of(deploy.cause),
            commit: release.commit.clone(),
            deadline: match deploy.state {
                // Told from now on, so that it does not move with the clock.
                DeployState::Deploying => {
                    let spent = scene.spent.get(&deploy.id).copied();
                    let left = deploy
                        .patience
                        .saturating_sub(spent.unwrap_or(deploy.spent));
                    Some(now + left)
                }
                DeployState::Created
                | DeployState::Building
                | DeployState::Deployed
                | DeployState::Stopped
                | DeployState::Failed
                | DeployState::Cancelled => None,
            },
            workers: release
                .workers
                .iter()
                .map(|spec| desired_worker(spec, &app.workers))
                .collect(),
        }),
    }
}

/// A Worker that was deleted since has no scale any more: nothing is wanted of it.
fn desired_worker(spec: &WorkerSpec, stored: &[WorkerView]) -> DesiredWorker {
    let stored = stored
        .iter()
        .find(|view| view.worker.spec.name == spec.name);
    let restart = stored.and_then(|view| view.restart);
    DesiredWorker {
        spec: spec.clone(),
        scale: stored.map(|view| view.worker.scale).unwrap_or_default(),
        restart_before: restart.map(|restart| restart.before),
        restart_only: restart.map(|restart| restart.only).unwrap_or_default(),
    }
}

/// The Release of a Deploy, where it is one of those that are wanted, or alike to one.
pub(crate) fn release_of(view: &EnvironmentView, deploy: DeployId) -> Option<&Release> {
    let release = view.releases.get(&deploy);
    let known = view.apps.iter().flat_map(|app| {
        let active = app
            .active
            .iter()
            .filter_map(|active| Some((active.deploy.id, active.release.as_ref()?)));
        active.chain(
            app.deployed
                .iter()
                .map(|(deploy, release)| (deploy.id, release)),
        )
    });
    known
        .filter(|(id, of)| *id == deploy || release == Some(&of.id))
        .map(|(_, of)| of)
        .next()
}

/// How an instance was started, as far as is known: by its own Release, else by the newest of its App. What is left of an
/// older Release is watched by the definition of today, since only whether it may stop depends on that.
fn spec_of(
    view: &EnvironmentView,
    app: AppId,
    deploy: DeployId,
    worker: &domain::WorkerName,
) -> Option<WorkerSpec> {
    if let Some(spec) = release_of(view, deploy).and_then(|release| release.worker(worker)) {
        return Some(spec.clone());
    }
    let app = view.apps.iter().find(|view| view.app.id == app)?;
    let deployed = app.deployed.as_ref().map(|(_, release)| release);
    let newest = app
        .active
        .iter()
        .filter_map(|active| active.release.as_ref())
        .chain(deployed);
    newest
        .filter_map(|release| release.worker(worker))
        .next()
        .cloned()
}

/// What has to be asked of an instance from outside, if anything.
pub(crate) fn spec_for(
    view: &EnvironmentView,
    seen: &domain::ObservedInstance,
) -> Option<WorkerSpec> {
    spec_of(view, seen.app, seen.deploy, &seen.worker)
}

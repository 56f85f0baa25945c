//! Looks at the world: every node of an Environment's pools, what stands on it, and what the catalog knows of it.

mod afar;
mod assemble;
mod left;
mod told;

pub(crate) use assemble::{Scene, assemble, known_deploys, named_deploys, release_of, spec_for};

use crate::{Error, deps::Deps};
use domain::{
    AppId, EnvironmentId, InstanceId, Intent, Node, NodeName, ObservedInstance, StackId, Timestamp,
    node::NodeState,
};
use futures_util::future::join_all;
use ports::{catalog::Pool, store::view::EnvironmentView};
use scheduler::{
    CrashLoop,
    input::{Answered, Registration, Sighting},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::time::Instant;

/// What was seen of the nodes of an Environment's pools.
pub(crate) struct Sight {
    /// In order of name.
    pub(crate) nodes: BTreeMap<NodeName, NodeSight>,
    /// The nodes of each Stack's pool.
    pub(crate) pools: BTreeMap<StackId, Vec<NodeName>>,
    /// Of the nodes, those that have left every pool, and when they were last seen to have something of this Environment.
    pub(crate) left: BTreeMap<NodeName, Instant>,
}

/// What was seen of one node.
pub(crate) struct NodeSight {
    pub(crate) node: Node,
    pub(crate) answered: Answered,
    /// When it was asked: what it shows may be so old, and no older.
    pub(crate) asked_at: Timestamp,
    /// All instances of this Installation, of every Environment.
    pub(crate) instances: Vec<ObservedInstance>,
    pub(crate) registrations: BTreeMap<InstanceId, Registration>,
}

/// Asks the catalog for the pools and every node for its instances, all at once.
///
/// # Errors
/// The catalog's: without it nothing is known of the pools, and nothing may be concluded.
pub(crate) async fn look(deps: &Deps, view: &EnvironmentView) -> Result<Sight, Error> {
    let mut pools = BTreeMap::new();
    let mut told: BTreeMap<NodeName, Vec<Node>> = BTreeMap::new();
    for stack in &view.stacks {
        let pool = Pool {
            environment: view.environment.id,
            environment_name: view.environment.name.clone(),
            stack: stack.id,
            stack_name: stack.name.clone(),
        };
        let members = deps.catalog.nodes(&pool).await?;
        pools.insert(
            stack.id,
            members.iter().map(|node| node.name.clone()).collect(),
        );
        for node in members {
            told.entry(node.name.clone()).or_default().push(node);
        }
    }
    let of_all = |(name, told)| Some((name, told::agreed(told)?));
    let mut nodes: BTreeMap<NodeName, Node> = told.into_iter().filter_map(of_all).collect();
    let mut left = BTreeMap::new();
    for (node, at) in left::since(deps, view.environment.id, &nodes) {
        left.insert(node.name.clone(), at);
        nodes.insert(node.name.clone(), node);
    }
    let owners = &owners(view);
    let sights = nodes.into_values().map(|mut node| async move {
        if let Some(duty) = view.duties.get(&node.name) {
            // What a person wants, and what the host says of itself: the one that asks for more.
            node.duty = node.duty.max(*duty);
        }
        let mut sight = look_at(deps, node).await;
        for seen in &mut sight.instances {
            if let Some((app, environment)) = owners.get(&seen.instance) {
                (seen.app, seen.environment) = (*app, *environment);
            }
        }
        (sight.node.name.clone(), sight)
    });
    let mut nodes = join_all(sights).await.into_iter().collect();
    left::settle(&mut nodes, &mut left, view.environment.id);
    Ok(Sight { nodes, pools, left })
}

/// Whose the instances on record are. One that was adopted bears the ids of a database that is lost.
fn owners(view: &EnvironmentView) -> BTreeMap<InstanceId, (AppId, EnvironmentId)> {
    let of = |intent: &Intent| (intent.instance, (intent.app, intent.environment));
    view.intents.iter().map(of).collect()
}

/// How much less time a node gets that was just waited for in vain: everything else waits for it, and it answers by the
/// next time that it gets all of its time, if it does. One that the catalog calls failed gets that less often.
const IN_VAIN: u32 = 5;

async fn look_at(deps: &Deps, mut node: Node) -> NodeSight {
    let (board, whole) = (&deps.board, deps.settings.list_deadline);
    let ticks = match node.state {
        NodeState::Failed => 6,
        NodeState::Alive | NodeState::Silent => 2,
    };
    let deadline = match board.was_silent(&node.name, ticks * deps.settings.tick) {
        true => whole / IN_VAIN,
        false => whole,
    };
    let asked_at = deps.clock.now();
    let listed = async {
        let runtime = deps.fleet.runtime(&node.name)?;
        // Before the instances: what is registered now and not there afterwards is gone.
        let registrations = deps.catalog.registrations(&node.name).await?;
        Ok::<_, Error>((runtime.list().await?, registrations))
    };
    // One deadline for both: an agent that hangs holds the others up no longer than an Engine that does.
    let listed = tokio::time::timeout(deadline, listed).await;
    let listed = listed.unwrap_or_else(|_| {
        if deadline == whole {
            board.note_silent(&node.name);
        }
        let silent = "no answer within the deadline".to_owned();
        Err(ports::runtime::Error::Unreachable(silent).into())
    });
    match listed {
        Ok((instances, registrations)) => {
            board.note_answer(&node.name);
            NodeSight {
                node,
                answered: Answered::Yes,
                asked_at,
                instances,
                registrations,
            }
        }
        Err(error) => {
            tracing::debug!(node = %node.name, %error, "the node does not answer");
            if node.state == NodeState::Alive {
                node.state = NodeState::Silent;
            }
            NodeSight {
                node,
                answered: Answered::No,
                asked_at,
                instances: Vec::new(),
                registrations: BTreeMap::new(),
            }
        }
    }
}

impl NodeSight {
    /// What the catalog knows and the node has no more: taken away by hand, it passed through no plan.
    pub(crate) fn vanished(&self) -> impl Iterator<Item = InstanceId> {
        let there: BTreeSet<_> = self.instances.iter().map(|seen| seen.instance).collect();
        let answered = self.answered == Answered::Yes;
        let known = self.registrations.keys().copied().filter(move |_| answered);
        known.filter(move |instance| !there.contains(instance))
    }
}

/// An instance as it is shown to people: what was seen, whether it serves, and where it is reached.
#[derive(Debug, Clone)]
pub struct SeenInstance {
    pub seen: ObservedInstance,
    pub health: domain::Health,
    pub registration: Registration,
    /// The node's address; with `seen.port` it is where the instance is reached.
    pub address: String,
    /// The commit it runs, where its Release is known.
    pub commit: Option<domain::CommitSha>,
    /// That it dies again and again, or those of its Worker do and it is not healthy.
    pub crash_loop: Option<CrashLoop>,
}

/// A Worker whose instances die one after the other, while none is started: the next one waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub crash_loop: CrashLoop,
    /// How the last one ended.
    pub last: domain::InstanceEnd,
}

/// How new that has to be which is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// Nodes are asked now.
    #[default]
    Afresh,
    /// What the loop of the Environment saw last is enough, for whoever follows: it looks whenever something happens, and
    /// however many follow, no node is asked more often. Nodes are asked where this server does not keep the Environment.
    AsLoopsDo,
}

/// The instances of one Environment, of one App in it where one is named. In order of App, Worker and age.
///
/// # Errors
/// `store::Error::NotFound` for the Environment; the catalog's.
pub async fn instances(
    deps: &Deps,
    environment: domain::EnvironmentId,
    app: Option<AppId>,
    how: Look,
) -> Result<Vec<SeenInstance>, Error> {
    Ok(instances_and_waiting(deps, environment, app, how).await?.0)
}

/// The same, and the Workers of which none is started for now, since each has died.
///
/// # Errors
/// `store::Error::NotFound` for the Environment; the catalog's.
pub async fn instances_and_waiting(
    deps: &Deps,
    environment: domain::EnvironmentId,
    app: Option<AppId>,
    how: Look,
) -> Result<(Vec<SeenInstance>, Vec<Waiting>), Error> {
    let (view, sight) = view_and_look(deps, environment, how).await?;
    let deps = &afar::acquainted(deps, environment, &view, &sight).await;
    let scene = Scene::of(deps, &view, &sight).await?;
    let input = assemble(deps, &view, &sight, &scene);
    let loops = scheduler::crash_loops(&input, &deps.board.restarts());
    let waiting = waiting(&input, &loops, app);
    let mut shown: Vec<_> = input
        .observed
        .into_iter()
        .filter(|sighting| app.is_none_or(|app| sighting.seen.app == app))
        .map(|sighting| SeenInstance {
            address: sight
                .nodes
                .get(&sighting.seen.node)
                .map(|node| node.node.address.clone())
                .unwrap_or_default(),
            commit: release_of(&view, sighting.seen.deploy).map(|release| release.commit.clone()),
            crash_loop: loop_of(&loops, &sighting).cloned(),
            seen: sighting.seen,
            health: sighting.health,
            registration: sighting.registration,
        })
        .collect();
    shown.sort_by_cached_key(|i| {
        (
            i.seen.app,
            i.seen.worker.clone(),
            i.seen.created_at,
            i.seen.instance,
        )
    });
    Ok((shown, waiting))
}

/// Its own loop; else that of its Worker, unless it is healthy: then it is what the loop came to.
fn loop_of<'a>(loops: &'a [CrashLoop], sighting: &Sighting) -> Option<&'a CrashLoop> {
    let Sighting { seen, health, .. } = sighting;
    let of_worker = |one: &&CrashLoop| one.app == seen.app && one.worker == seen.worker;
    let mut all = loops.iter().filter(of_worker);
    all.find(|one| match one.instance {
        Some(instance) => instance == seen.instance,
        None => !health.is_healthy(),
    })
}

fn waiting(input: &scheduler::PlanInput, loops: &[CrashLoop], app: Option<AppId>) -> Vec<Waiting> {
    let waits = loops.iter().filter(|one| {
        one.instance.is_none() && one.next_try.is_some() && app.is_none_or(|app| one.app == app)
    });
    waits
        .filter_map(|one| {
            let mut ends = input.ends.iter().rev();
            let last = ends.find(|end| {
                end.app == one.app
                    && end.worker == one.worker
                    && end.manner == domain::observed::Manner::Died
            })?;
            Some(Waiting {
                crash_loop: one.clone(),
                last: last.clone(),
            })
        })
        .collect()
}

/// Observes an Environment now and plans, with what is wanted edited first. Nothing is done and nothing is stored.
///
/// # Errors
/// `store::Error::NotFound` for the Environment; the catalog's.
pub async fn preview(
    deps: &Deps,
    environment: domain::EnvironmentId,
    edit: impl FnOnce(&mut scheduler::PlanInput),
) -> Result<scheduler::Plan, Error> {
    let (view, sight) = view_and_look(deps, environment, Look::Afresh).await?;
    let deps = &afar::acquainted(deps, environment, &view, &sight).await;
    let scene = Scene::of(deps, &view, &sight).await?;
    let mut input = assemble(deps, &view, &sight, &scene);
    edit(&mut input);
    let closures = scheduler::settle(&input);
    crate::ledger::apply(&mut input, &closures);
    Ok((deps.settings.planner)(&input))
}

async fn view_and_look(
    deps: &Deps,
    environment: domain::EnvironmentId,
    how: Look,
) -> Result<(EnvironmentView, Arc<Sight>), Error> {
    let view = view(deps, environment)
        .await?
        .ok_or_else(|| ports::store::Error::NotFound {
            what: "environment",
            which: environment.to_string(),
        })?;
    let settings = &deps.settings;
    let known = match how {
        Look::Afresh => None,
        // Older: its loop is stuck, or has ended.
        Look::AsLoopsDo => deps
            .board
            .sight(environment, 2 * settings.tick + settings.list_deadline),
    };
    let sight = match known {
        Some(sight) => sight,
        None => Arc::new(look(deps, &view).await?),
    };
    Ok((view, sight))
}

/// The Environment as the database has it, with the ends that may still matter to backoff and to running Deploys.
pub(crate) async fn view(
    deps: &Deps,
    environment: domain::EnvironmentId,
) -> Result<Option<EnvironmentView>, ports::store::Error> {
    deps.store.view(environment, oldest_end(deps)).await
}

/// A Deploy may be under way for a day; what ended before that is of no use to anybody's plan.
fn oldest_end(deps: &Deps) -> Timestamp {
    const LONGEST_DEPLOY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
    deps.clock.now() - LONGEST_DEPLOY
}

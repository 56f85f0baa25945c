//! Looks at every effect of a server, just before it happens, for what may never be.

use crate::{
    database::Database,
    decided::was_known_to_serve,
    patience::Patience,
    world::{INSTALLATION, at_once},
};
use domain::{
    AppId, DeployState, EnvironmentId, EventId, InstanceId, IntentKind, NodeName, Timestamp,
    WorkerName, observed::Authenticity,
};
use ports::{
    runtime::InstanceSpec,
    store::{Page, deploys::DeployFilter, view::AppView},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use testkit::{
    fake::{
        self,
        node::{DoesItsWork, Standing},
    },
    sim::{
        Fate,
        faulty::{Act, Witness},
    },
};
use tokio::{sync::watch, time::Instant};

/// For how long Jockey may act upon what it saw before a death that it did not bring about: a step waits for a node that
/// is silent for up to a minute, and for up to four seconds at each of its points.
const EXCUSED: Duration = Duration::from_secs(75);

/// The instances of one Worker.
type Crew = (EnvironmentId, AppId, WorkerName);

/// Clones look at the same world.
#[derive(Clone)]
pub(crate) struct Watch {
    database: Arc<dyn Database>,
    store: Arc<dyn ports::Store>,
    nodes: Arc<[fake::Node]>,
    catalog: Arc<fake::Catalog>,
    fate: Fate,
    newest: watch::Receiver<EventId>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    violations: Vec<String>,
    /// What a server has begun to end.
    condemned: BTreeSet<String>,
    serving: BTreeMap<Crew, BTreeSet<String>>,
    /// What no server has begun to end and serves no more, and since when.
    lost: BTreeMap<Crew, Vec<(Instant, String)>>,
    /// How many of each Worker had to stay healthy since when, and the event up to which that is known.
    floors: BTreeMap<Crew, Vec<(Instant, u16)>>,
    known_to: Option<EventId>,
    patience: Patience,
    /// The newest instance of each singleton that was started, and its number.
    newest: BTreeMap<Crew, (InstanceId, i64)>,
}

impl Seen {
    /// How many of a Worker's instances were lost while a step that is under way may have been decided. One that came back
    /// counts as well: what was decided meanwhile was decided without it.
    fn lost_lately(&self, crew: &Crew) -> usize {
        let all = self.lost.get(crew).into_iter().flatten();
        let lately = all.filter(|(since, _)| since.elapsed() < EXCUSED);
        let handles: BTreeSet<&str> = lately.map(|(_, handle)| handle.as_str()).collect();
        handles.len()
    }
}

impl Watch {
    pub(crate) fn new(
        database: Arc<dyn Database>,
        nodes: Vec<fake::Node>,
        catalog: Arc<fake::Catalog>,
        fate: Fate,
    ) -> Self {
        let store = database.store();
        Self {
            database,
            newest: store.newest_event(),
            store,
            nodes: nodes.into(),
            catalog,
            fate,
            seen: Arc::default(),
        }
    }

    pub(crate) fn witness(&self) -> Witness {
        let this = self.clone();
        Arc::new(move |act| this.about_to(act))
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who serves now, and which Workers lost somebody without a server's doing.
    pub(crate) fn observe(&self) {
        let mut seen = self.lock();
        let mut serving: BTreeMap<Crew, BTreeSet<String>> = BTreeMap::new();
        let mut standing_crews = BTreeSet::new();
        for node in &*self.nodes {
            node.glance(INSTALLATION, |spec, handle, works| {
                let crew = (spec.environment, spec.app, spec.worker.clone());
                if works == DoesItsWork::Yes {
                    let handles = serving.entry(crew.clone()).or_default();
                    handles.insert(handle.to_owned());
                }
                standing_crews.insert(crew);
            });
        }
        let before = std::mem::take(&mut seen.serving);
        for (crew, handles) in before {
            let still = serving.get(&crew);
            let lost = handles.into_iter().filter(|handle| {
                !seen.condemned.contains(handle)
                    && still.is_none_or(|still| !still.contains(handle))
            });
            let lost: Vec<_> = lost.map(|handle| (Instant::now(), handle)).collect();
            seen.lost.entry(crew).or_default().extend(lost);
        }
        seen.serving = serving;
        let overlaps = self.overlaps();
        for what in &overlaps {
            self.fate.note(format_args!("VIOLATION: {what}"));
        }
        seen.violations.extend(overlaps);
        self.note_written(&mut seen, standing_crews);
        for what in seen.patience.late() {
            self.fate.note(format_args!("VIOLATION: {what}"));
            seen.violations.push(what);
        }
    }

    /// Rule 9, as the world truly is: whoever sees it, and whether anybody does.
    fn overlaps(&self) -> Vec<String> {
        let mut running: BTreeMap<Crew, Vec<String>> = BTreeMap::new();
        for node in &*self.nodes {
            node.singletons(INSTALLATION, |spec, _| {
                let crew = (spec.environment, spec.app, spec.worker.clone());
                let of_crew = running.entry(crew).or_default();
                of_crew.push(format!("{} on {}", spec.instance, node.name()));
            });
        }
        let overlapping = running.into_iter().filter(|(_, all)| all.len() > 1);
        overlapping
            .map(|((environment, app, worker), all)| {
                let all = all.join(" and ");
                format!("the singleton {worker} of {app} in {environment} overlaps: {all} run")
            })
            .collect()
    }

    /// The number of a singleton rises with each instance.
    fn must_rise(&self, spec: &InstanceSpec) {
        let Some(fence) = spec.fence else {
            return;
        };
        let crew = (spec.environment, spec.app, spec.worker.clone());
        let before = self.lock().newest.insert(crew, (spec.instance, fence));
        let rises = before.is_none_or(|(instance, number)| match instance == spec.instance {
            true => number == fence,
            false => number < fence,
        });
        if !rises {
            self.violate(format!(
                "{} has the number {fence} after {before:?}",
                spec.instance
            ));
        }
    }

    /// A server is gone: nobody counts the patience of Deploys until another one does.
    pub(crate) fn server_ended(&self) {
        self.lock().patience.server_ended();
    }

    /// For so long no server could put on record what Deploys have spent of their patience, or end one.
    pub(crate) fn not_counted(&self, time: Duration) {
        self.lock().patience.not_counted(time);
    }

    /// Notes what has to stay healthy, and which Deploys have begun and ended, whenever something was written that may
    /// have changed it.
    fn note_written(&self, seen: &mut Seen, crews: BTreeSet<Crew>) {
        let newest = Some(*self.newest.borrow());
        if seen.known_to == newest {
            return;
        }
        seen.known_to = newest;
        let deploys = at_once(self.store.list_deploys(&DeployFilter::default(), Page::ALL));
        let early = seen.patience.look(deploys.unwrap().items);
        seen.violations.extend(early);
        for crew in crews {
            let floor = self.floor(&crew);
            let history = seen.floors.entry(crew).or_default();
            if history.last().is_none_or(|(_, last)| *last != floor) {
                history.push((Instant::now(), floor));
            }
        }
    }

    fn about_to(&self, act: &Act) {
        self.observe();
        let (node, called) = match act {
            Act::Start { node, spec } => {
                self.fate
                    .note(format_args!("start {} on {node}", spec.instance));
                self.needs_intent(spec.instance, IntentKind::Start, "start");
                self.must_rise(spec);
                return;
            }
            Act::Stop { node, handle } | Act::Remove { node, handle } => (node, handle.clone()),
            Act::Maintenance { node, instance } | Act::Deregister { node, instance } => {
                (node, instance.to_string())
            }
        };
        let word = match act {
            Act::Start { .. } => "start",
            Act::Stop { .. } => "stop",
            Act::Remove { .. } => "remove",
            Act::Maintenance { .. } => "maintenance",
            Act::Deregister { .. } => "deregister",
        };
        self.fate.note(format_args!("{word} {called} on {node}"));
        if let Some(target) = self.find(node, &called) {
            self.may_end(&target, word);
            if let Act::Stop { .. } = act {
                self.must_be_forgotten(&target, node);
            }
        }
    }

    fn find(&self, node: &NodeName, called: &str) -> Option<Standing> {
        let node = self.nodes.iter().find(|known| known.name() == node)?;
        let mut ours = node
            .standing()
            .into_iter()
            .filter(|s| s.installation == Some(INSTALLATION));
        ours.find(|standing| standing.handle == called || standing.name == called)
    }

    fn may_end(&self, target: &Standing, word: &str) {
        let Some(observed) = &target.observed else {
            return;
        };
        if at_once(self.store.find_deploy(observed.deploy)).is_ok_and(|found| found.is_none()) {
            self.violate(format!(
                "{word} of {}, whose deploy is unknown",
                target.name
            ));
        }
        if observed.authenticity == Authenticity::Copy {
            self.lock().condemned.insert(target.handle.clone());
            return;
        }
        self.needs_intent(observed.instance, IntentKind::Stop, word);
        let first = self.lock().condemned.insert(target.handle.clone());
        if first && serves(target) {
            self.must_stay_healthy(target, word);
        }
    }

    fn needs_intent(&self, instance: InstanceId, kind: IntentKind, word: &str) {
        if !self.database.has_intent(instance, kind) {
            self.violate(format!(
                "{word} of {instance}, and no intent to {kind} it is on record"
            ));
        }
    }

    /// What is stopped is out of the catalog: nobody is sent there any more. A copy is in none.
    fn must_be_forgotten(&self, target: &Standing, node: &NodeName) {
        let genuine = target.observed.as_ref();
        let Some(seen) = genuine.filter(|seen| seen.authenticity == Authenticity::Genuine) else {
            return;
        };
        let mut entries = self.catalog.entries().into_iter();
        let named =
            entries.find(|(entry, _)| entry.instance == seen.instance && entry.node == *node);
        if let Some((_, registration)) = named {
            self.violate(format!(
                "stop of {}, which the catalog still has as {registration:?}",
                target.name
            ));
        }
    }

    /// Rule 1: what is left must be as many as have to stay healthy, but for what was lost of itself since the step may have
    /// been decided.
    fn must_stay_healthy(&self, target: &Standing, word: &str) {
        let Some(crew) = crew(target) else {
            return;
        };
        let seen = self.lock();
        let needed = lowest(seen.floors.get(&crew)).min(self.floor(&crew));
        let others = seen.serving.get(&crew).into_iter().flatten();
        let left = others
            .filter(|handle| !seen.condemned.contains(*handle))
            .count();
        let lost = seen.lost_lately(&crew);
        drop(seen);
        if left + lost < usize::from(needed) && was_known_to_serve(&*self.store, target) {
            self.violate(format!(
                "{word} of {} leaves {left} of {} in {}, {lost} were lost, and {needed} must stay healthy",
                target.name, crew.2, crew.0
            ));
        }
    }

    fn floor(&self, (environment, app, worker): &Crew) -> u16 {
        let Ok(Some(view)) = at_once(self.store.view(*environment, Timestamp::EPOCH)) else {
            return 0;
        };
        let Some(app) = view.apps.iter().find(|view| view.app.id == *app) else {
            return 0;
        };
        // A Worker that never was deployed has not shown that it serves, and may be given up as a whole.
        let deployed = app.deployed.as_ref();
        let proven = deployed.is_some_and(|(_, release)| release.worker(worker).is_some());
        let Some(release) = wanted(app).filter(|_| proven) else {
            return 0;
        };
        let row = app
            .workers
            .iter()
            .find(|row| row.worker.spec.name == *worker);
        match (release.worker(worker), row) {
            (Some(spec), Some(row)) if !spec.singleton => spec.rollout.floor(row.worker.scale),
            _ => 0,
        }
    }

    pub(crate) fn violate(&self, what: String) {
        self.fate.note(format_args!("VIOLATION: {what}"));
        self.lock().violations.push(what);
    }
}

/// The fewest that had to stay healthy of late. A step under way was decided by what was wanted then, and is not called
/// back when somebody wants something else meanwhile.
fn lowest(history: Option<&Vec<(Instant, u16)>>) -> u16 {
    let mut lowest = u16::MAX;
    for (since, floor) in history.into_iter().flatten().rev() {
        lowest = lowest.min(*floor);
        if since.elapsed() >= EXCUSED {
            break;
        }
    }
    lowest
}

/// The Release that is to run.
fn wanted(app: &AppView) -> Option<&domain::Release> {
    let active = app
        .active
        .first()
        .filter(|active| active.deploy.state == DeployState::Deploying);
    let deploying = active.and_then(|active| active.release.as_ref());
    deploying.or(app.deployed.as_ref().map(|(_, release)| release))
}

fn crew(standing: &Standing) -> Option<Crew> {
    let ours = standing.installation == Some(INSTALLATION);
    let seen = standing.observed.as_ref().filter(|_| ours)?;
    let genuine = seen.authenticity == Authenticity::Genuine;
    genuine.then(|| (seen.environment, seen.app, seen.worker.clone()))
}

/// Whether it truly does what it is for: one without a port has only to run.
pub(crate) fn serves(standing: &Standing) -> bool {
    let seen = standing.observed.as_ref();
    seen.is_some_and(|seen| match seen.port {
        Some(_) => standing.serves,
        None => seen.phase.is_running(),
    })
}

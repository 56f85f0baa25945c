//! How few ever served, and how many ever ran.

use crate::sketch::Sketch;
use domain::{DeployId, IntentKind, NodeName, WorkerName};
use scheduler::input::{Answered, Sighting};
use std::collections::BTreeMap;

/// For each worker, over all that was seen since something was said.
#[derive(Default)]
pub(crate) struct Tally {
    workers: BTreeMap<WorkerName, Extremes>,
}

struct Extremes {
    fewest_serving: usize,
    most_running: usize,
    /// Without those whose stop is on record: what the surge is about, where the new ones come first.
    most_staying: usize,
}

impl Tally {
    /// Looks once more.
    pub(crate) fn see(&mut self, world: &Sketch, workers: &[WorkerName]) {
        for worker in workers {
            let serving = serving(world, worker).count();
            let running = || seen(world, worker).filter(|one| one.seen.phase.is_running());
            let staying = running().filter(|one| !is_leaving(world, one)).count();
            let extremes = self.workers.entry(worker.clone()).or_insert(Extremes {
                fewest_serving: serving,
                most_running: 0,
                most_staying: 0,
            });
            extremes.fewest_serving = extremes.fewest_serving.min(serving);
            extremes.most_running = extremes.most_running.max(running().count());
            extremes.most_staying = extremes.most_staying.max(staying);
        }
    }

    /// A line for each worker.
    pub(crate) fn told(&self, world: &Sketch) -> String {
        let lines = self.workers.iter().map(|(worker, extremes)| {
            let places = places(world, worker);
            format!("{worker} serves {places}; {extremes}\n")
        });
        lines.collect()
    }
}

/// `never fewer than 2 served, never more than 3 ran, 4 with those that leave`.
impl std::fmt::Display for Extremes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            fewest_serving: fewest,
            most_running: all,
            most_staying: most,
        } = self;
        write!(
            f,
            "never fewer than {fewest} served, never more than {most} ran"
        )?;
        match all == most {
            true => Ok(()),
            false => write!(f, ", {all} with those that leave"),
        }
    }
}

/// `at dep-1 on a, b and at dep-2 on c`.
fn places(world: &Sketch, worker: &WorkerName) -> String {
    let mut places: BTreeMap<DeployId, Vec<&str>> = BTreeMap::new();
    for sighting in serving(world, worker) {
        let of = places.entry(sighting.seen.deploy).or_default();
        of.push(sighting.seen.node.as_str());
    }
    let told = places.iter_mut().map(|(deploy, nodes)| {
        nodes.sort_unstable();
        format!("at {deploy} on {}", nodes.join(", "))
    });
    let told: Vec<String> = told.collect();
    match told.is_empty() {
        true => "nowhere".to_owned(),
        false => told.join(" and "),
    }
}

fn serving<'w>(world: &'w Sketch, worker: &WorkerName) -> impl Iterator<Item = &'w Sighting> {
    seen(world, worker).filter(|sighting| world.is_serving(sighting))
}

/// What is on a node that does not answer is not seen.
fn seen<'w>(world: &'w Sketch, worker: &WorkerName) -> impl Iterator<Item = &'w Sighting> {
    let answers = move |node: &NodeName| {
        let mut nodes = world.nodes.iter();
        nodes.any(|host| host.node.name == *node && host.answered == Answered::Yes)
    };
    let worker = worker.clone();
    world
        .containers
        .iter()
        .filter(move |sighting| sighting.seen.worker == worker && answers(&sighting.seen.node))
}

fn is_leaving(world: &Sketch, sighting: &Sighting) -> bool {
    let mut intents = world.intents.iter();
    intents
        .any(|intent| intent.instance == sighting.seen.instance && intent.kind == IntentKind::Stop)
}

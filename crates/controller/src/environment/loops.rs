//! Tells of crash loops: when one begins, and when it is over.

use super::{Acquainted, Keeper};
use domain::{AppId, DeployState, InstanceId, WorkerName};
use ports::store::{events::NewEvent, intents::Entry, view::EnvironmentView};
use scheduler::{CrashLoop, PlanInput, input::DesiredApp};
use std::collections::{BTreeMap, BTreeSet};

/// What goes in a loop: one instance, or a Worker whose instances are replaced again and again.
pub(super) type Looping = (AppId, WorkerName, Option<InstanceId>);

impl Keeper {
    /// Has the loops told of that have begun and those that are over. A loop of this server that has just begun to look
    /// tells of nothing: what it finds may have been told of before. While an App is deploying nothing is known of its
    /// loops: neither that they are over, nor that they go on.
    pub(super) fn note_loops(&mut self, view: &EnvironmentView, input: &PlanInput) {
        let found = scheduler::crash_loops(input, &self.deps.board.restarts());
        let now: BTreeMap<Looping, CrashLoop> = found
            .into_iter()
            .map(|one| ((one.app, one.worker.clone(), one.instance), one))
            .collect();
        let deploying = deploying(input);
        let undecided = self
            .looping
            .iter()
            .filter(|(app, ..)| deploying.contains(app));
        let keys: BTreeSet<Looping> = now.keys().chain(undecided).cloned().collect();
        let before = std::mem::replace(&mut self.looping, keys);
        if self.acquainted == Acquainted::No {
            return;
        }
        let begun = now
            .iter()
            .filter(|(key, _)| !before.contains(*key))
            .map(|(key, one)| event(view, input, key, Turn::Begins(one)));
        let over = before
            .iter()
            .filter(|key| !self.looping.contains(*key))
            .map(|key| event(view, input, key, Turn::Ends));
        self.learned.extend(begun.chain(over));
    }
}

/// The Apps that are being deployed.
fn deploying(input: &PlanInput) -> BTreeSet<AppId> {
    let is_deploying = |app: &&DesiredApp| {
        let deploy = app.deploy.as_ref();
        deploy.is_some_and(|deploy| deploy.state == DeployState::Deploying)
    };
    let apps = input.apps.iter().filter(is_deploying);
    apps.map(|app| app.app).collect()
}

enum Turn<'a> {
    Begins(&'a CrashLoop),
    Ends,
}

fn event(view: &EnvironmentView, input: &PlanInput, key: &Looping, turn: Turn<'_>) -> Entry {
    let (app, worker, instance) = key;
    let whose = view.apps.iter().find(|view| view.app.id == *app);
    let name = whose.map_or_else(|| app.to_string(), |view| view.app.name.to_string());
    let row = whose.and_then(|view| {
        let mut rows = view.workers.iter();
        rows.find(|row| row.worker.spec.name == *worker)
    });
    let (noun, subject, what) = match instance {
        Some(instance) => (
            "instance",
            instance.to_string(),
            format!("{worker} {instance} of {name}"),
        ),
        None => {
            let subject = row.map_or_else(|| worker.to_string(), |row| row.worker.id.to_string());
            ("worker", subject, format!("{worker} of {name}"))
        }
    };
    let (kind, message) = match turn {
        Turn::Begins(one) => (
            "crash_loop",
            format!("{what} dies again and again: it {one}"),
        ),
        Turn::Ends => (
            "crash_loop_over",
            format!("{what} is out of its crash loop"),
        ),
    };
    Entry::Event(NewEvent {
        at: input.now,
        kind: format!("{noun}.{kind}"),
        actor: "jockey".to_owned(),
        subject,
        app: Some(*app),
        environment: Some(view.environment.id),
        message,
        facts: BTreeMap::from([("worker".to_owned(), worker.to_string())]),
    })
}

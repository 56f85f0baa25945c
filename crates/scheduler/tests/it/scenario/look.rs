//! What a scenario shows: a plan, a line for each step and each thing held, in the names of the story.

use super::names::{Name, Names};
use domain::Timestamp;
use scheduler::{
    Plan, Verdict,
    plan::{Held, Step, Why},
};

/// An empty plan.
pub(crate) const NOTHING: &str = "nothing to do\n";

/// `start  web.3@c  dep-2  0 of 2 run`, a line each.
pub(crate) fn plan_told(plan: &Plan, names: &mut Names, now: Timestamp) -> String {
    meet_all(plan, names);
    let mut steps: Vec<Row> = plan.steps.iter().map(|s| of_step(s, names, now)).collect();
    let mut held: Vec<Row> = plan.held.iter().map(|h| of_held(h, names, now)).collect();
    steps.sort();
    held.sort();
    let mut text = aligned(steps.iter().chain(&held));
    if let Some(at) = plan.wake_at.filter(|_| plan.steps.is_empty()) {
        text.push_str(&format!("again in {}s\n", at.since(now).as_secs()));
    }
    match text.is_empty() {
        true => NOTHING.to_owned(),
        false => text,
    }
}

/// `done`, or how far, or why not.
pub(crate) fn verdict_told(verdict: &Verdict, names: &Names) -> String {
    let text = match verdict {
        Verdict::Done => "done".to_owned(),
        Verdict::InProgress { step, .. } => format!("in progress: {step}"),
        Verdict::Failed { reason, .. } => format!("failed: {reason}"),
    };
    names.put_into(&text) + "\n"
}

/// New ones are numbered by worker and node: the order in a plan, and the ids, mean nothing.
fn meet_all(plan: &Plan, names: &mut Names) {
    let mut met: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (&step.worker, &step.node, step.instance))
        .collect();
    met.sort();
    for (worker, _, instance) in met {
        names.meet(instance, worker);
    }
}

/// Sorts by whom it is about; what is about nobody yet comes last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    is_about_nobody: bool,
    name: Option<Name>,
    cells: [String; 4],
}

fn of_step(step: &Step, names: &mut Names, now: Timestamp) -> Row {
    let name = names.meet(step.instance, &step.worker);
    Row {
        cells: [
            step.action.as_str().to_owned(),
            format!("{name}@{}", step.node),
            step.deploy.to_string(),
            reason(&step.why, names, now),
        ],
        name: Some(name),
        is_about_nobody: false,
    }
}

fn of_held(held: &Held, names: &mut Names, now: Timestamp) -> Row {
    let name = held
        .instance
        .map(|instance| names.meet(instance, &held.worker));
    let target = match (&name, &held.node) {
        (Some(name), Some(node)) => format!("{name}@{node}"),
        (Some(name), None) => name.to_string(),
        (None, _) => held.worker.to_string(),
    };
    let deploy = held.deploy.map(|deploy| deploy.to_string());
    Row {
        cells: [
            format!("held {}", held.action),
            target,
            deploy.unwrap_or_default(),
            reason(&held.why, names, now),
        ],
        is_about_nobody: name.is_none(),
        name,
    }
}

/// The sentence, with names for ids and spans for points in time.
fn reason(why: &Why, names: &Names, now: Timestamp) -> String {
    let text = names.put_into(&why.to_string());
    let (Why::Backoff { until, .. } | Why::Draining { until }) = why else {
        return text;
    };
    let span = format!("{}s from now", until.since(now).as_secs());
    text.replace(&until.to_string(), &span)
}

fn aligned<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> String {
    let width = |column: usize| {
        let widths = rows.clone().map(|row| row.cells[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let (verb, target, deploy) = (width(0), width(1), width(2));
    rows.map(|row| {
        let [one, two, three, four] = &row.cells;
        let line = format!("{one:verb$}  {two:target$}  {three:deploy$}  {four}");
        line.trim_end().to_owned() + "\n"
    })
    .collect()
}

//! Logs of Builds, Deploys and Reconciles: lines whose times rise from each to the next, so that a reader who knows the
//! time of the last one knows which are new.
//!
//! A log is complete before its record is shown as final: its record is read first, and whoever moves it writes what
//! there is to say in the same transaction.

use crate::usecases::{Ctx, Error, Kind};
use domain::{
    Build, BuildId, BuildState, Deploy, DeployId, DeployState, Event, EventId, ReconcileId,
    Timestamp,
    reconcile::{Reconcile, ReconcileState},
};
use ports::store::events::EventFilter;
use std::{collections::VecDeque, time::Duration};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Timestamp,
    pub level: Level,
    pub text: String,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Error,
}

/// A log, and what it is of: `bld-31`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub of: String,
    pub lines: Vec<Line>,
}

/// The newest lines that one answer has: what an old client reads again each second.
const LINES_MAX: u32 = 5_000;
/// The least time between two lines.
const TICK: Duration = Duration::from_micros(1);

/// What a Build has written, and how it ended.
///
/// # Errors
/// `Unknown`.
pub async fn of_build(ctx: &Ctx, id: BuildId) -> Result<Log, Error> {
    let found = ctx.store().find_build(id).await?;
    let build = found.ok_or_else(|| Error::unknown(Kind::Build, id.number()))?;
    let mut log = Writer::default();
    let mut after = first_line(ctx, id).await?;
    loop {
        let lines = ctx.store().build_lines(id, after, LINES_MAX).await?;
        let Some(last) = lines.last() else { break };
        after = last.number;
        for line in lines {
            log.write(line.at.unwrap_or(build.created_at), Level::Info, line.text);
        }
    }
    if let Some((level, text)) = end_of_build(&build) {
        log.write(build.completed_at.unwrap_or(build.created_at), level, text);
    }
    Ok(log.done(id))
}

/// The number after which the newest lines begin.
async fn first_line(ctx: &Ctx, id: BuildId) -> Result<i64, Error> {
    let step = i64::from(LINES_MAX);
    let mut after = 0;
    // Lines have numbers without gaps, at most some twenty times as many as one answer has.
    loop {
        let next = ctx.store().build_lines(id, after + step, 1).await?;
        if next.is_empty() {
            return Ok((after - step).max(0));
        }
        after += step;
    }
}

fn end_of_build(build: &Build) -> Option<(Level, String)> {
    let why = build.reason.as_deref().unwrap_or_default();
    match build.state {
        BuildState::InProgress => None,
        BuildState::Completed => Some((Level::Info, format!("{} is completed", build.id))),
        BuildState::Failed => Some((Level::Error, format!("{} failed: {why}", build.id))),
        BuildState::Cancelled => Some((Level::Error, format!("{} was cancelled: {why}", build.id))),
    }
}

/// What happened to a Deploy and to its instances, and how it ended.
///
/// # Errors
/// `Unknown`.
pub async fn of_deploy(ctx: &Ctx, id: DeployId) -> Result<Log, Error> {
    let found = ctx.store().find_deploy(id).await?;
    let deploy = found.ok_or_else(|| Error::unknown(Kind::Deploy, id.number()))?;
    let mut log = Writer::default();
    for event in events_of_deploy(ctx, &deploy).await? {
        log.write(event.at, level(&event), event.message);
    }
    for line in deploy.failure.iter().flat_map(|failure| &failure.log_tail) {
        log.write(deploy.updated_at, Level::Error, line.clone());
    }
    if let Some(text) = end_of_deploy(&deploy).filter(|_| log.lines.is_empty()) {
        log.write(deploy.updated_at, Level::Info, text);
    }
    Ok(log.done(id))
}

/// Events are not kept for ever; what has ended still has a line.
fn end_of_deploy(deploy: &Deploy) -> Option<String> {
    match deploy.state {
        DeployState::Created | DeployState::Building | DeployState::Deploying => None,
        DeployState::Deployed
        | DeployState::Stopped
        | DeployState::Failed
        | DeployState::Cancelled => Some(match &deploy.failure {
            Some(failure) => format!("{} is {}: {}", deploy.id, deploy.state, failure.reason),
            None => format!("{} is {}", deploy.id, deploy.state),
        }),
    }
}

/// Its own events up to its end, and those of its instances meanwhile: the newest of them.
async fn events_of_deploy(ctx: &Ctx, deploy: &Deploy) -> Result<VecDeque<Event>, Error> {
    let subject = deploy.id.to_string();
    let own = EventFilter {
        subject: Some(subject.clone()),
        ..EventFilter::default()
    };
    let first = ctx.store().events_after(EventId::new(0), &own, 1).await?;
    let Some(first) = first.first() else {
        return Ok(VecDeque::new());
    };
    let around = EventFilter {
        app: Some(deploy.app),
        environment: Some(deploy.environment),
        ..EventFilter::default()
    };
    let mut after = EventId::new(first.id.number() - 1);
    let mut events = VecDeque::new();
    loop {
        let found = ctx.store().events_after(after, &around, LINES_MAX).await?;
        let Some(last) = found.last() else {
            return Ok(events);
        };
        after = last.id;
        for event in found {
            let its_own = event.subject == subject;
            let of_instance = event.facts.get("deploy") == Some(&subject);
            if !its_own && !of_instance {
                continue;
            }
            let ends = its_own && ends_deploy(&event.kind);
            if events.len() == LINES_MAX as usize {
                events.pop_front();
            }
            events.push_back(event);
            if ends {
                return Ok(events);
            }
        }
    }
}

fn ends_deploy(kind: &str) -> bool {
    ["deploy.deployed", "deploy.failed", "deploy.cancelled"].contains(&kind)
}

fn level(event: &Event) -> Level {
    let bad = ["failed", "cancelled", "died", "unhealthy", "vanished"];
    match bad.iter().any(|bad| event.kind.ends_with(bad)) {
        true => Level::Error,
        false => Level::Info,
    }
}

/// The plan of a Reconcile, and how it ended.
///
/// # Errors
/// `Unknown`.
pub async fn of_reconcile(ctx: &Ctx, id: ReconcileId) -> Result<Log, Error> {
    let found = ctx.store().find_reconcile(id).await?;
    let reconcile = found.ok_or_else(|| Error::unknown(Kind::Reconcile, id.number()))?;
    let mut log = Writer::default();
    let made = reconcile.created_at;
    log.write(made, Level::Info, format!("{id} begins"));
    for line in planned(&reconcile.plan) {
        log.write(made, Level::Info, line);
    }
    if let Some((level, text)) = end_of_reconcile(&reconcile) {
        log.write(reconcile.completed_at.unwrap_or(made), level, text);
    }
    Ok(log.done(id))
}

/// What is carried out is planned again then, and this plan was made to be shown.
const AS_PLANNED: &str =
    "as planned when it was asked for; an instance that starts gets its id and port only then:";

fn planned(plan: &[String]) -> Vec<String> {
    let first = match plan.is_empty() {
        true => "nothing to do",
        false => AS_PLANNED,
    };
    let mut lines = vec![first.to_owned()];
    lines.extend_from_slice(plan);
    lines
}

fn end_of_reconcile(reconcile: &Reconcile) -> Option<(Level, String)> {
    let why = reconcile.reason.as_deref().unwrap_or_default();
    match reconcile.state {
        ReconcileState::Preview | ReconcileState::InProgress => None,
        ReconcileState::Completed => Some((Level::Info, format!("{} is completed", reconcile.id))),
        ReconcileState::Failed => Some((Level::Error, format!("{} failed: {why}", reconcile.id))),
    }
}

/// Gives each line a time after that of the line before it.
#[derive(Default)]
struct Writer {
    lines: Vec<Line>,
}

impl Writer {
    fn write(&mut self, at: Timestamp, level: Level, text: String) {
        let earliest = self.lines.last().map(|last| last.at + TICK);
        self.lines.push(Line {
            at: earliest.map_or(at, |earliest| at.max(earliest)),
            level,
            text,
        });
    }

    fn done(self, of: impl ToString) -> Log {
        Log {
            of: of.to_string(),
            lines: self.lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_later_than_the_one_before_it() {
        let mut log = Writer::default();
        for micros in [5, 5, 3, 9] {
            let at = Timestamp::from_micros(micros);
            log.write(at, Level::Info, String::new());
        }
        let times: Vec<i64> = log.lines.iter().map(|line| line.at.micros()).collect();
        assert_eq!(times, [5, 6, 7, 9]);
    }

    #[test]
    fn a_plan_is_told_as_what_was_shown() {
        assert_eq!(planned(&[]), ["nothing to do"]);
        let step = "start  web  ins-4h8s2k9q0xzt on node-1:20001";
        assert_eq!(planned(&[step.to_owned()]), [AS_PLANNED, step]);
    }
}

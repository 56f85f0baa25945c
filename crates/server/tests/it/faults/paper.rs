//! What was seen, as a table to be read.

use super::{Cell, TABLE, fault::Fault, operation::Operation};
use std::{fmt, fs, process::Command, sync::Mutex, time::Duration};

const PAPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");

const HEAD: &str = "\
# Faults

What a real cluster did when a part of it failed while something was under way: three Docker hosts in network namespaces, each with a
Consul agent, a Consul server, a registry, PostgreSQL, and two `jockeyd`. A Worker of three instances is asked all the time, at the
addresses that Consul lists as passing. `scripts/test --full` writes this page: see [testing](testing.md).

Each fault lasts 15 s and is then mended; of a lost host, which has no dockerd, no agent and no link, it is waited for that all
are healthy elsewhere, which is to take less than 30 s from when Consul calls it failed: all of what is being deployed, or of what
ran before while that is still built, since a build waits for its host. A cell is good when in the end the deploy has ended,
exactly as many instances are healthy as are wanted, all of what the deploy says; the containers on the hosts are those of the
ledger and of both servers' lists; Consul has each of them once, passing, and nothing else; no request was lost but on the host
that the fault took; and never fewer were ready than were wanted without those which the fault took.

| fault | while | it ended | fewest ready | requests, lost | at rest after it was mended | in all | of commit |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

/// Held by who writes the page: each reads what is there, and writes all of it.
static TURN: Mutex<()> = Mutex::new(());

/// One cell.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) fault: Fault,
    pub(super) operation: Operation,
    /// How what was under way ended.
    pub(super) end: String,
    pub(super) scale: usize,
    /// How many instances the fault took.
    pub(super) hit: usize,
    /// From when Consul called the host failed until as many as are wanted were healthy on others.
    pub(super) healthy_elsewhere_in: Option<Duration>,
    pub(super) fewest: usize,
    pub(super) asked: usize,
    pub(super) lost: usize,
    pub(super) rested: Duration,
    pub(super) took: Duration,
    pub(super) broken: Option<String>,
    /// What was run: see [`commit`].
    pub(super) commit: String,
}

impl Row {
    pub(super) fn broken(
        fault: Fault,
        operation: Operation,
        error: &anyhow::Error,
        commit: String,
    ) -> Self {
        let text = format!("{error:#}");
        let line = text.lines().next().unwrap_or_default().replace('|', "/");
        Self {
            fault,
            operation,
            end: String::new(),
            scale: 0,
            hit: 0,
            healthy_elsewhere_in: None,
            fewest: 0,
            asked: 0,
            lost: 0,
            rested: Duration::ZERO,
            took: Duration::ZERO,
            broken: Some(line),
            commit,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, operation) = (self.fault, self.operation);
        if let Some(broken) = &self.broken {
            return write!(
                f,
                "| {fault} | {operation} | **broken**: {broken} | | | | | {} |",
                self.commit
            );
        }
        let taken = match self.hit {
            0 => String::new(),
            hit => format!(", {hit} taken"),
        };
        let elsewhere = self.healthy_elsewhere_in.map_or(String::new(), |time| {
            format!(
                "; all healthy elsewhere {:.1} s after Consul called the host failed",
                time.as_secs_f64()
            )
        });
        write!(
            f,
            "| {fault} | {operation} | {}{elsewhere} | {} of {}{taken} | {}, {} | {:.1} s | {:.0} s | {} |",
            self.end,
            self.fewest,
            self.scale,
            self.asked,
            self.lost,
            self.rested.as_secs_f64(),
            self.took.as_secs_f64(),
            self.commit
        )
    }
}

/// The commit that is run, with a `+` where more than papers has changed since; `unknown` where git does not say.
pub(super) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let told = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(told.stdout).ok()?;
        told.status.success().then(|| text.trim().to_owned())
    };
    let head = git(&["rev-parse", "--short", "HEAD"]);
    let changed = git(&["status", "--porcelain", "--", ":/", ":!/docs"]);
    match (head, changed) {
        (Some(head), Some(changed)) if changed.is_empty() => head,
        (Some(head), Some(_)) => head + "+",
        _ => "unknown".to_owned(),
    }
}

/// Writes what was seen now, and keeps what an earlier run has seen of the other cells.
pub(super) fn write(row: &Row) -> anyhow::Result<()> {
    let _turn = TURN.lock().expect("nobody panics with it");
    let before = fs::read_to_string(PAPER).unwrap_or_default();
    let text = merged(&before, row, TABLE);
    Ok(fs::write(PAPER, text)?)
}

/// The page with this row in its place.
fn merged(before: &str, row: &Row, table: &[Cell]) -> String {
    let mut text = HEAD.to_owned();
    for (fault, operation) in table {
        let begin = format!("| {fault} | {operation} |");
        let mut old = before.lines().filter(|line| line.starts_with(&begin));
        if (row.fault, row.operation) == (*fault, *operation) {
            text += &format!("{row}\n");
        } else if let Some(old) = old.next() {
            text += &format!("{old}\n");
        }
    }
    text
}

#[test]
fn a_cell_that_is_run_again_takes_the_place_of_what_was_seen_before() {
    let row = |operation, why: &str| {
        let commit = "678d49f".to_owned();
        Row::broken(
            Fault::ServerKilled,
            operation,
            &anyhow::anyhow!("{why}"),
            commit,
        )
    };
    let mut page = String::new();
    for (operation, why) in [
        (Operation::Idle, "first"),
        (Operation::Deploy, "second"),
        (Operation::Idle, "third"),
    ] {
        page = merged(&page, &row(operation, why), TABLE);
    }
    let rows: Vec<&str> = page.lines().skip(HEAD.lines().count()).collect();
    let told = |operation, why| row(operation, why).to_string();
    assert_eq!(
        rows,
        [
            told(Operation::Deploy, "second"),
            told(Operation::Idle, "third")
        ]
    );
}

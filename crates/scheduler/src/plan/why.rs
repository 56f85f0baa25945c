//! The sentences that users read, and the words that programs do.

use super::{Refusal, RefusalReason, Why};
use domain::{InstanceId, NodeName, Timestamp};
use std::{fmt, time::Duration};

impl Why {
    /// The stable word for it, for programs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BelowScale { .. } => "below_scale",
            Self::TakenUp => "taken_up",
            Self::Successor { .. } => "successor",
            Self::Evens { .. } => "evens",
            Self::Ready => "ready",
            Self::Proven => "proven",
            Self::Condemned => "condemned",
            Self::Superseded { .. } => "superseded",
            Self::NotWanted => "not_wanted",
            Self::AboveScale { .. } => "above_scale",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Ended { .. } => "ended",
            Self::NeverStarted => "never_started",
            Self::Restart => "restart",
            Self::NodeDraining => "node_draining",
            Self::Misplaced { .. } => "misplaced",
            Self::NodeReturned => "node_returned",
            Self::NodeGivenUp => "node_given_up",
            Self::NodeLeft => "node_left",
            Self::Stray => "stray",
            Self::Copy => "copy",
            Self::Stale => "stale",
            Self::KeepHealthy { .. } => "keep_healthy",
            Self::ProveFirst { .. } => "prove_first",
            Self::Surge { .. } => "surge",
            Self::NoRoom { .. } => "no_room",
            Self::NodeSilent => "node_silent",
            Self::PoolDoubted { .. } => "pool_doubted",
            Self::Backoff { .. } => "backoff",
            Self::Halted { .. } => "halted",
            Self::UnknownDeploy => "unknown_deploy",
            Self::Overlap { .. } => "overlap",
            Self::Leased { .. } => "leased",
            Self::Unleased { .. } => "unleased",
            Self::Draining { .. } => "draining",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowScale { running, scale } => write!(f, "{running} of {} run", scale.get()),
            Self::TakenUp => f.write_str("its start is on record"),
            Self::Successor { of } => write!(f, "takes the place of {of}"),
            Self::Evens {
                of,
                from,
                has,
                fewest,
            } => write!(
                f,
                "takes the place of {of}, to even the pool out: {from} has {has} instances, this node {fewest}"
            ),
            Self::Ready => f.write_str("it is healthy"),
            Self::Proven => f.write_str("its deploy is deployed; it may outlive a reboot"),
            Self::Condemned => f.write_str("its stop is on record"),
            Self::Superseded { by } => write!(f, "{by} takes its place"),
            Self::NotWanted => f.write_str("its deploy is not wanted"),
            Self::AboveScale { running, scale } => {
                write!(f, "{running} run, {} are wanted", scale.get())
            }
            Self::Unhealthy { what } => write!(f, "unhealthy past its grace: {what}"),
            Self::Ended { code } => write!(f, "exited with code {code}"),
            Self::NeverStarted => f.write_str("it was made and never started"),
            Self::Restart => f.write_str("a restart was asked for"),
            Self::NodeDraining => f.write_str("its node is to take nothing"),
            Self::Misplaced { constraint } => {
                write!(f, "its node does not meet `{constraint}`")
            }
            Self::NodeReturned => f.write_str("its node has failed, and answers again"),
            Self::NodeGivenUp => f.write_str("its node was given up, and answers again"),
            Self::NodeLeft => f.write_str("its node has left the pool"),
            Self::Stray => f.write_str("no intent stands for it"),
            Self::Copy => f.write_str("it is a copy of an instance's labels"),
            Self::Stale => f.write_str("its node does not know it"),
            Self::KeepHealthy { healthy, needed } => {
                write!(f, "{needed} must stay healthy, {healthy} {}", are(*healthy))
            }
            Self::ProveFirst {
                worker: first,
                healthy,
                needed,
            } => write!(f, "first {first} has to get healthy: {healthy} of {needed}"),
            Self::Surge { running, at_most } => {
                write!(f, "surge: {running} of at most {at_most} run")
            }
            Self::NoRoom { refusals } => no_room(f, refusals),
            Self::NodeSilent => f.write_str("its node does not answer"),
            Self::PoolDoubted { answering, known } => write!(
                f,
                "only {answering} of {known} nodes answer: nothing is moved until more do"
            ),
            Self::Backoff { failures, until } => backoff(f, *failures, *until),
            Self::Halted { unhealthy, of } => write!(
                f,
                "{unhealthy} of {of} are unhealthy at once: none is replaced until fewer are"
            ),
            Self::UnknownDeploy => f.write_str(
                "its deploy is not in the database; `jockey system adopt` or `sweep` decides",
            ),
            Self::Overlap { other } => write!(f, "{other} has not been seen to be gone"),
            Self::Leased { other, node, left } => leased(f, *other, node, *left),
            Self::Unleased { node } => {
                write!(f, "{node} has no lease now, and would stop it")
            }
            Self::Draining { until } => write!(f, "it drains until {until}"),
        }
    }
}

const fn are(number: u16) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

fn times(number: u32) -> String {
    match number {
        1 => "once".to_owned(),
        _ => format!("{number} times"),
    }
}

fn backoff(f: &mut fmt::Formatter<'_>, failures: u32, until: Timestamp) -> fmt::Result {
    let often = times(failures);
    write!(f, "it failed {often}, and is tried again at {until}")
}

fn leased(
    f: &mut fmt::Formatter<'_>,
    other: InstanceId,
    node: &NodeName,
    left: Duration,
) -> fmt::Result {
    let seconds = left.as_secs_f64().ceil();
    write!(
        f,
        "{other} may run on {node} for another {seconds} s, until the lease of {node} has run out"
    )
}

/// How many nodes are named one by one; of more, the first few and how many others.
const NAMED_MAX: usize = 3;

fn no_room(f: &mut fmt::Formatter<'_>, refusals: &[Refusal]) -> fmt::Result {
    if refusals.is_empty() {
        return f.write_str("the pool has no node");
    }
    f.write_str("no node can take it: ")?;
    for (number, refusal) in refusals.iter().take(NAMED_MAX).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        write!(f, "{comma}{} {}", refusal.node, refusal.reason)?;
    }
    match refusals.len().saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        others => write!(f, ", and {others} more"),
    }
}

impl RefusalReason {
    /// The stable word for it, for programs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Cordoned => "cordoned",
            Self::Draining => "draining",
            Self::GivenUp => "given_up",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Memory { .. } => "memory",
            Self::Cpu { .. } => "cpu",
            Self::NoPort => "no_port",
            Self::Unleased => "unleased",
            Self::Unmet { .. } => "unmet",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cordoned => f.write_str("is cordoned"),
            Self::Draining => f.write_str("is being drained"),
            Self::GivenUp => f.write_str("was given up"),
            Self::Failed => f.write_str("has failed"),
            Self::Silent => f.write_str("does not answer"),
            Self::Memory { free, wanted } => {
                write!(f, "has {free} of memory free, {wanted} are wanted")
            }
            Self::Cpu {
                free_millis,
                wanted_millis,
            } => {
                write!(
                    f,
                    "has {free_millis} thousandths of a core free, {wanted_millis} are wanted"
                )
            }
            Self::NoPort => f.write_str("has no free port in the range"),
            Self::Unleased => f.write_str("has no lease now, and would stop it"),
            Self::Unmet { constraint, said } => {
                let key = constraint.key();
                write!(f, "does not meet `{constraint}`: ")?;
                match said {
                    Some(said) => write!(f, "its {key} is {said}"),
                    None => write!(f, "it has no {key}"),
                }
            }
        }
    }
}

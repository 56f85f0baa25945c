//! Whether an instance serves, from what its node shows and what our own prober saw.

use domain::{
    Evidence, Health, Timestamp, WorkerSpec,
    observed::{ImageCheck, Phase},
    worker::Check,
};
use std::time::Duration;

/// What is said of an instance that somebody froze.
pub(crate) const PAUSED: &str = "it is paused on its node; `docker unpause` lets it go on";

/// The newest thing that a prober saw of an instance's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    pub outcome: ProbeOutcome,
    /// For people: `GET / answered 200`, `connection refused`.
    pub what: String,
    /// Since when the outcome has been this one.
    pub since: Timestamp,
    /// When it was seen last.
    pub seen_at: Timestamp,
}

/// What a probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeOutcome {
    Passed,
    Failed,
}

/// How a Worker shows that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness<'a> {
    /// `GET` of this path on its port.
    Http(&'a str),
    /// A TCP connection to its port.
    Tcp,
    /// The image's own HEALTHCHECK.
    Image,
    /// It runs, and was not restarted for its settle time.
    Settled,
}

/// How this instance shows that it is ready: an HTTP path where one is set, else the image's HEALTHCHECK, else a TCP
/// connection; without a port, the image's HEALTHCHECK, else that it runs on.
#[must_use]
pub fn readiness<'a>(spec: &'a WorkerSpec, phase: &Phase) -> Readiness<'a> {
    let image = match phase {
        Phase::Running { check, .. } => check.is_some(),
        Phase::Created | Phase::Paused { .. } | Phase::Restarting { .. } | Phase::Exited { .. } => {
            false
        }
    };
    match (spec.port, &spec.check, image) {
        (Some(_), Check::Http(path), _) => Readiness::Http(path),
        (Some(_), Check::Tcp, _) | (Some(_), Check::Default, false) => Readiness::Tcp,
        (Some(_) | None, _, true) => Readiness::Image,
        (None, _, false) => Readiness::Settled,
    }
}

/// The health of an instance. `stale_after` is how old a probe may be and still be believed; three times the interval
/// of probes is a good one.
///
/// Pass the instance's last known health as `before`: while what is seen does not change, it keeps the time since when
/// it has been so. A node that restarts a process over and over does not make it new each time.
#[must_use]
pub fn health(
    spec: &WorkerSpec,
    phase: &Phase,
    probed: Option<&Probed>,
    before: &Health,
    stale_after: Duration,
    now: Timestamp,
) -> Health {
    let seen = match phase {
        Phase::Created => Health::Unknown,
        // Whatever a probe says: the kernel accepts connections for a process that is frozen.
        Phase::Paused { .. } => unhealthy(PAUSED.to_owned(), now, now),
        Phase::Restarting { code, end, .. } => unhealthy(
            format!("{}; its node starts it again", end.with_code(*code)),
            now,
            now,
        ),
        Phase::Exited { code, end, at } => unhealthy(end.with_code(*code), *at, now),
        Phase::Running { since, check, .. } => match readiness(spec, phase) {
            Readiness::Http(_) | Readiness::Tcp => by_probe(probed, *since, stale_after, now),
            Readiness::Image => by_image(check.as_ref(), *since, now),
            Readiness::Settled => by_settling(*since, spec.timing.settle, now),
        },
    };
    continued(seen, before)
}

/// A probe of the process before this one says nothing of it. A start that lies in the future is the node's clock.
fn by_probe(
    probed: Option<&Probed>,
    started: Timestamp,
    stale_after: Duration,
    now: Timestamp,
) -> Health {
    match probed {
        Some(probed)
            if now.since(probed.seen_at) <= stale_after
                && (probed.seen_at >= started || started > now) =>
        {
            let evidence = Evidence {
                what: probed.what.clone(),
                since: probed.since,
                seen_at: probed.seen_at,
            };
            match probed.outcome {
                ProbeOutcome::Passed => Health::Healthy(evidence),
                ProbeOutcome::Failed => Health::Unhealthy(evidence),
            }
        }
        Some(_) | None => Health::Unknown,
    }
}

fn by_image(check: Option<&ImageCheck>, started: Timestamp, now: Timestamp) -> Health {
    match check {
        Some(ImageCheck::Passing) => {
            healthy("the image's HEALTHCHECK passes".to_owned(), started, now)
        }
        Some(ImageCheck::Failing { said }) => {
            let what = match said.as_str() {
                "" => "the image's HEALTHCHECK fails".to_owned(),
                said => format!("the image's HEALTHCHECK fails: {said}"),
            };
            unhealthy(what, now, now)
        }
        Some(ImageCheck::Starting) | None => Health::Unknown,
    }
}

fn by_settling(started: Timestamp, settle: Duration, now: Timestamp) -> Health {
    if started + settle <= now {
        healthy(
            "runs, and was not restarted for its settle time".to_owned(),
            started + settle,
            now,
        )
    } else {
        Health::Unknown
    }
}

/// What goes on keeps its beginning.
fn continued(seen: Health, before: &Health) -> Health {
    let since = |seen: &Evidence, before: &Evidence| seen.since.min(before.since);
    match (seen, before) {
        (Health::Healthy(seen), Health::Healthy(before)) => Health::Healthy(Evidence {
            since: since(&seen, before),
            ..seen
        }),
        (Health::Unhealthy(seen), Health::Unhealthy(before)) => Health::Unhealthy(Evidence {
            since: since(&seen, before),
            ..seen
        }),
        (seen, _) => seen,
    }
}

fn healthy(what: String, since: Timestamp, now: Timestamp) -> Health {
    Health::Healthy(Evidence {
        what,
        since,
        seen_at: now,
    })
}

fn unhealthy(what: String, since: Timestamp, now: Timestamp) -> Health {
    Health::Unhealthy(Evidence {
        what,
        since,
        seen_at: now,
    })
}

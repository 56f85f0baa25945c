//! What is seen, and what it says of an instance's health.

use domain::{
    Health, Timestamp, WorkerSpec,
    observed::{End, ImageCheck, Phase},
    worker::Check,
};
use scheduler::{ProbeOutcome, Probed, health};
use std::time::Duration;

const STALE: Duration = Duration::from_secs(30);

fn at(second: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(1_000 + second)
}

fn web(check: Check) -> WorkerSpec {
    WorkerSpec {
        check,
        ..WorkerSpec::named("web".parse().unwrap())
    }
}

fn clock() -> WorkerSpec {
    WorkerSpec::named("clock".parse().unwrap())
}

fn running(since: u64, check: Option<ImageCheck>) -> Phase {
    Phase::Running {
        since: at(since),
        restarts: 0,
        check,
    }
}

fn probe(outcome: ProbeOutcome, seen: u64) -> Probed {
    Probed {
        outcome,
        what: "GET / answered 200".to_owned(),
        since: at(seen),
        seen_at: at(seen),
    }
}

#[test]
fn each_worker_is_asked_in_its_own_way() {
    use {ImageCheck as I, ProbeOutcome as P};
    let http = || web(Check::Http("/".to_owned()));
    for (why, spec, phase, probed, now, want) in [
        (
            "nothing was asked yet",
            http(),
            running(0, None),
            None,
            1,
            "unknown",
        ),
        (
            "the path answers",
            http(),
            running(0, None),
            Some((P::Passed, 1)),
            2,
            "healthy",
        ),
        (
            "the path does not",
            http(),
            running(0, None),
            Some((P::Failed, 1)),
            2,
            "unhealthy",
        ),
        (
            "a path comes before the image's check",
            http(),
            running(0, Some(I::Passing)),
            None,
            2,
            "unknown",
        ),
        (
            "an old answer says nothing",
            http(),
            running(0, None),
            Some((P::Passed, 1)),
            32,
            "unknown",
        ),
        (
            "nor one of the process before",
            http(),
            running(5, None),
            Some((P::Passed, 4)),
            6,
            "unknown",
        ),
        (
            "unless its node's clock is wrong",
            http(),
            running(9, None),
            Some((P::Passed, 4)),
            6,
            "healthy",
        ),
        (
            "the image's check passes",
            web(Check::Default),
            running(0, Some(I::Passing)),
            None,
            1,
            "healthy",
        ),
        (
            "it has not passed yet",
            web(Check::Default),
            running(0, Some(I::Starting)),
            None,
            99,
            "unknown",
        ),
        (
            "it fails",
            web(Check::Default),
            running(0, Some(I::Failing)),
            Some((P::Passed, 1)),
            1,
            "unhealthy",
        ),
        (
            "else a connection",
            web(Check::Default),
            running(0, None),
            Some((P::Passed, 1)),
            1,
            "healthy",
        ),
        (
            "or always, where asked for",
            web(Check::Tcp),
            running(0, Some(I::Failing)),
            Some((P::Passed, 1)),
            1,
            "healthy",
        ),
        (
            "without a port it settles",
            clock(),
            running(0, None),
            None,
            2,
            "unknown",
        ),
        (
            "and has settled",
            clock(),
            running(0, None),
            None,
            3,
            "healthy",
        ),
        (
            "a restart begins anew",
            clock(),
            running(2, None),
            None,
            4,
            "unknown",
        ),
        (
            "an image's check is asked there too",
            clock(),
            running(0, Some(I::Failing)),
            None,
            9,
            "unhealthy",
        ),
        (
            "what is about to start again does not serve",
            clock(),
            Phase::Restarting {
                restarts: 1,
                code: 1,
            },
            None,
            9,
            "unhealthy",
        ),
        (
            "what was never started is not known",
            clock(),
            Phase::Created,
            None,
            9,
            "unknown",
        ),
        (
            "what ended does not serve",
            clock(),
            Phase::Exited {
                code: 3,
                end: End::Exit,
                at: at(1),
            },
            None,
            9,
            "unhealthy",
        ),
    ] {
        let probed = probed.map(|(outcome, seen)| probe(outcome, seen));
        let got = health(
            &spec,
            &phase,
            probed.as_ref(),
            &Health::Unknown,
            STALE,
            at(now),
        );
        assert_eq!(got.as_str(), want, "{why}");
    }
}

#[test]
fn what_goes_on_keeps_its_beginning() {
    let restarting = Phase::Restarting {
        restarts: 1,
        code: 1,
    };
    let first = health(&clock(), &restarting, None, &Health::Unknown, STALE, at(10));
    let later = health(&clock(), &restarting, None, &first, STALE, at(50));
    assert_eq!(later.evidence().unwrap().since, at(10));
    assert_eq!(later.evidence().unwrap().seen_at, at(50));
    let well = health(&clock(), &running(51, None), None, &later, STALE, at(60));
    assert_eq!(
        (well.as_str(), well.evidence().unwrap().since),
        ("healthy", at(54))
    );
}

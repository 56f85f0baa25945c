//! What is seen, and what it says of an instance's health.

use domain::{
    Health, Timestamp, WorkerSpec,
    observed::{End, ImageCheck, Phase},
    worker::Check,
};
use scheduler::{
    ProbeOutcome::{self, Failed, Passed},
    Probed, health,
};
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

/// The kernel accepts connections for it, and its image's check is not run.
#[test]
fn what_is_paused_is_unhealthy_whatever_a_probe_says() {
    let paused = || Phase::Paused {
        since: at(0),
        restarts: 0,
    };
    for (spec, why) in [
        (clock(), "without a port"),
        (web(Check::Tcp), "the connection was accepted"),
        (web(Check::Http("/".to_owned())), "an answer of before"),
    ] {
        Look::of(spec, paused(), 60)
            .with(Passed, 59)
            .says("unhealthy", why);
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

/// What is seen, and when it is looked at.
struct Look {
    spec: WorkerSpec,
    phase: Phase,
    probed: Option<(ProbeOutcome, u64)>,
    now: u64,
}

impl Look {
    fn of(spec: WorkerSpec, phase: Phase, now: u64) -> Self {
        let probed = None;
        Self {
            spec,
            phase,
            probed,
            now,
        }
    }

    fn with(self, outcome: ProbeOutcome, seen: u64) -> Self {
        let probed = Some((outcome, seen));
        Self { probed, ..self }
    }

    #[track_caller]
    fn says(self, want: &str, why: &str) {
        let probed = self.probed.map(|(outcome, seen)| probe(outcome, seen));
        let (before, now) = (Health::Unknown, at(self.now));
        let got = health(
            &self.spec,
            &self.phase,
            probed.as_ref(),
            &before,
            STALE,
            now,
        );
        assert_eq!(got.as_str(), want, "{why}");
    }
}

#[test]
fn a_worker_with_a_path_is_asked_there() {
    let look = |since, now| {
        let http = web(Check::Http("/".to_owned()));
        Look::of(http, running(since, Some(ImageCheck::Passing)), now)
    };
    look(0, 1).says(
        "unknown",
        "nothing was asked yet, and the image's check does not count",
    );
    look(0, 2)
        .with(Passed, 1)
        .says("healthy", "the path answers");
    look(0, 2)
        .with(Failed, 1)
        .says("unhealthy", "the path does not");
    look(0, 32)
        .with(Passed, 1)
        .says("unknown", "an old answer says nothing");
    look(5, 6)
        .with(Passed, 4)
        .says("unknown", "nor one of the process before");
    look(9, 6)
        .with(Passed, 4)
        .says("healthy", "unless it is the node's clock that is wrong");
}

#[test]
fn without_a_path_the_image_is_asked_and_else_the_port() {
    let look = |check, image| Look::of(web(check), running(0, image), 9);
    look(Check::Default, Some(ImageCheck::Passing)).says("healthy", "the image's check passes");
    look(Check::Default, Some(ImageCheck::Starting)).says("unknown", "it has not passed yet");
    let fails = |said: &str| {
        let said = said.to_owned();
        Some(ImageCheck::Failing { said })
    };
    let failing = look(Check::Default, fails("no answer"));
    failing.with(Passed, 8).says("unhealthy", "it fails");
    let told = health(
        &web(Check::Default),
        &running(0, fails("no answer")),
        None,
        &Health::Unknown,
        STALE,
        at(9),
    );
    let told = told.evidence().unwrap().what.clone();
    assert_eq!(told, "the image's HEALTHCHECK fails: no answer");
    look(Check::Default, None)
        .with(Passed, 8)
        .says("healthy", "else a connection");
    let asked_for = look(Check::Tcp, fails("no answer"));
    asked_for
        .with(Passed, 8)
        .says("healthy", "or always, where asked for");
}

#[test]
fn a_worker_without_a_port_settles() {
    let look = |phase, now| Look::of(clock(), phase, now);
    look(running(0, None), 2).says("unknown", "it settles");
    look(running(0, None), 3).says("healthy", "it has settled");
    look(running(2, None), 4).says("unknown", "a restart begins anew");
    let said = String::new();
    let failing = running(0, Some(ImageCheck::Failing { said }));
    look(failing, 9).says("unhealthy", "an image's check is asked here too");
}

#[test]
fn what_does_not_run_does_not_serve() {
    let restarting = Phase::Restarting {
        restarts: 1,
        code: 1,
        end: End::Exit,
    };
    Look::of(clock(), restarting, 9).says("unhealthy", "it is about to start again");
    Look::of(clock(), Phase::Created, 9).says("unknown", "it was never started");
    let (code, end, at) = (3, End::Exit, at(1));
    Look::of(clock(), Phase::Exited { code, end, at }, 9).says("unhealthy", "it ended");
}

#[test]
fn what_goes_on_keeps_its_beginning() {
    let restarting = Phase::Restarting {
        restarts: 1,
        code: 1,
        end: End::Exit,
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

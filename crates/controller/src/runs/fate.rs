//! What becomes of a run that nobody attends. Pure.

use domain::{
    Run, Timestamp,
    observed::Phase,
    run::{Attendance, Place},
};
use ports::processes::ObservedRun;

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Leave,
    /// It has ended by itself: its last words are kept, and it is taken away.
    Collect { code: i64 },
    /// It is ended and taken away, for want of anybody who is at it.
    Sweep,
    /// The same, for having taken too long.
    TooLong,
    /// Its container is gone: that is put on record.
    Vanished,
    /// It was inside an instance: what is left of its processes is killed.
    KillInside,
}

/// What is known of a run that no server attends: its record, what was seen, by a node that answers.
pub(super) fn fate(on_record: Option<&Run>, seen: Option<&ObservedRun>, now: Timestamp) -> Fate {
    let standing = on_record.filter(|run| run.end.is_none());
    match (standing, seen) {
        (None, None) => Fate::Leave,
        (Some(run), None) => match run.place {
            Place::Own(_) => Fate::Vanished,
            Place::Inside(_) => Fate::KillInside,
        },
        (_, Some(seen)) => match (seen.attendance, &seen.phase) {
            (Attendance::Attended, _) => Fate::Sweep,
            (Attendance::Detached, Phase::Exited { code, .. }) => Fate::Collect { code: *code },
            // Its end is on record: it was stopped.
            (Attendance::Detached, _) if on_record.is_some() && standing.is_none() => Fate::Sweep,
            (Attendance::Detached, _) if seen.until <= now => Fate::TooLong,
            (
                Attendance::Detached,
                Phase::Created
                | Phase::Running { .. }
                | Phase::Paused { .. }
                | Phase::Restarting { .. },
            ) => Fate::Leave,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, EnvironmentId, InstanceId, RunId, observed::End, run::RunEnd};

    const NOW: Timestamp = Timestamp::from_micros(1_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000);
    const BEFORE: Timestamp = Timestamp::from_micros(500);

    fn on_record(place: Place, end: Option<RunEnd>) -> Run {
        Run {
            id: RunId::from_bits(1),
            number: 1,
            app: AppId::new(1),
            environment: EnvironmentId::new(1),
            worker: None,
            place,
            node: "a".parse().unwrap(),
            commit: None,
            command: Vec::new(),
            attendance: Attendance::Attended,
            actor: "me".to_owned(),
            begun_at: BEFORE,
            until: LATER,
            end,
        }
    }

    fn seen(attendance: Attendance, until: Timestamp, phase: Phase) -> ObservedRun {
        ObservedRun {
            run: RunId::from_bits(1),
            app: AppId::new(1),
            environment: EnvironmentId::new(1),
            attendance,
            image: None,
            until,
            phase,
        }
    }

    fn running() -> Phase {
        Phase::Running {
            since: BEFORE,
            restarts: 0,
            check: None,
        }
    }

    fn exited() -> Phase {
        Phase::Exited {
            code: 3,
            end: End::Exit,
            at: BEFORE,
        }
    }

    fn standing() -> Run {
        let image = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        on_record(Place::Own(image), None)
    }

    fn stopped() -> Run {
        Run {
            end: Some(RunEnd {
                at: BEFORE,
                exit_code: None,
                what: "stopped by me".to_owned(),
                log_tail: Vec::new(),
            }),
            ..standing()
        }
    }

    #[test]
    fn what_nobody_attends_goes_unless_it_is_meant_to_go_on() {
        use Attendance::{Attended, Detached};
        let attended = Some(seen(Attended, LATER, running()));
        let detached = Some(seen(Detached, LATER, running()));
        let late = Some(seen(Detached, BEFORE, running()));
        let done = Some(seen(Detached, LATER, exited()));
        let inside = on_record(Place::Inside(InstanceId::from_bits(2)), None);
        let (stands, ended) = (standing(), stopped());
        let record = Some(&stands);
        let collect = Fate::Collect { code: 3 };
        for (why, record, sight, want) in [
            ("its server died", record, &attended, Fate::Sweep),
            ("a database without it", None, &attended, Fate::Sweep),
            ("it goes on", record, &detached, Fate::Leave),
            ("nobody knows it", None, &detached, Fate::Leave),
            ("it is late", record, &late, Fate::TooLong),
            ("stopped", Some(&ended), &detached, Fate::Sweep),
            ("it is done", record, &done, collect),
            ("somebody removed it", record, &None, Fate::Vanished),
            ("inside", Some(&inside), &None, Fate::KillInside),
            ("all is said", Some(&ended), &None, Fate::Leave),
        ] {
            assert_eq!(fate(record, sight.as_ref(), NOW), want, "{why}");
        }
    }
}

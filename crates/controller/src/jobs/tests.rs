use super::*;
use domain::{JobId, JobState};
use secrecy::SecretString;

fn job(attempts: u32) -> Job {
    Job {
        id: JobId::new(1),
        kind: "test.call".to_owned(),
        key: "a".to_owned(),
        subject: "whk-1".to_owned(),
        payload: SecretString::from("{}"),
        state: JobState::Running,
        attempts,
        due_at: Timestamp::EPOCH,
        last_error: None,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

#[test]
fn an_attempt_ends_a_job_or_is_followed_by_another() {
    let why = || "it answered 500".to_owned();
    let seconds = Duration::from_secs;
    let again = |due: u64| JobEnd::Again {
        due_at: Timestamp::EPOCH + seconds(due),
        why: why(),
    };
    let given_up = |why: &str| JobEnd::GivenUp {
        why: why.to_owned(),
    };
    let failed = |after: Option<u64>| Outcome::Again {
        after: after.map(seconds),
        why: why(),
    };
    for (attempts, now, outcome, want) in [
        (1, 0, Outcome::Done, JobEnd::Done),
        (
            1,
            0,
            Outcome::Dead { why: why() },
            given_up("it answered 500"),
        ),
        (1, 10, failed(None), again(12)),
        (3, 10, failed(None), again(18)),
        (3, 10, failed(Some(30)), again(40)),
        (
            3,
            99,
            failed(None),
            given_up("given up after attempt 3: it answered 500"),
        ),
        (
            1,
            0,
            failed(Some(101)),
            given_up("given up after attempt 1: it answered 500"),
        ),
    ] {
        let at = Timestamp::EPOCH + seconds(now);
        let got = end_of(
            outcome.clone(),
            &job(attempts),
            at,
            Backoff::default(),
            seconds(100),
        );
        assert_eq!(got, want, "{outcome:?} of attempt {attempts} at {now} s");
    }
}

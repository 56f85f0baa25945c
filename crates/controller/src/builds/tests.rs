use super::*;
use tokio::time::Instant;

fn away() -> store::Error {
    store::Error::DiskFull("it is full".into())
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_for_ever_ends_when_the_server_stops() {
    let stop = CancellationToken::new();
    let began = Instant::now();
    let trying = persist(u32::MAX, &stop, || async { Err::<(), _>(away()) });
    let stopping = async {
        tokio::time::sleep(BEFORE_RETRY * 50).await;
        stop.cancel();
    };
    let (answer, ()) = tokio::join!(trying, stopping);
    assert!(answer.unwrap_err().is_transient());
    assert_eq!(began.elapsed(), BEFORE_RETRY * 50);
}

#[tokio::test(start_paused = true)]
async fn what_is_away_for_a_moment_is_asked_again_and_not_for_ever() {
    let stop = CancellationToken::new();
    for (answers_at, wanted, asked) in [(1, true, 1), (3, true, 3), (9, false, 4)] {
        let mut times = 0;
        let answer = persist(4, &stop, || {
            times += 1;
            let answer = if times == answers_at {
                Ok(())
            } else {
                Err(away())
            };
            async { answer }
        });
        assert_eq!(answer.await.is_ok(), wanted);
        assert_eq!(times, asked);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_build_tells_is_kept_though_the_database_is_away_for_a_minute() {
    let stop = CancellationToken::new();
    let (began, minute) = (Instant::now(), Duration::from_secs(60));
    let answer = persist(KEEP_TRIES, &stop, move || async move {
        match began.elapsed() > minute {
            true => Ok(()),
            false => Err(away()),
        }
    });
    answer.await.unwrap();
}

#[test]
fn a_deadline_is_told_in_what_it_was_given_in() {
    let told = |seconds, waits: Option<&str>| {
        too_long(Duration::from_secs(seconds), waits.map(str::to_owned))
    };
    assert_eq!(told(1800, None), "it took longer than 30 min");
    assert_eq!(
        told(2, Some("the node does not answer")),
        "it took longer than 2 s: the node does not answer"
    );
}

//! The audit log is closed behind those who write it.

use crate::stage::{Stage, change};
use domain::audit::Proof;
use ports::store::{
    Audit, Change, Stacks,
    audit::{Asked, Origin},
};
use std::{sync::Arc, time::Duration};
use testkit::sim::{Fate, Odds, Tracing};
use tokio::time::{Instant, sleep};

/// Somebody makes a stack, which leaves a row.
async fn makes_stack(stage: &Stage, name: &str) {
    let asked = Asked {
        proof: Proof::Token,
        credential: "tok-1".to_owned(),
        action: "jockey.v1.StackService/CreateStack".to_owned(),
        request: name.to_owned(),
    };
    let change = Change {
        origin: Origin::Asked(Arc::new(asked)),
        ..change()
    };
    let name = name.parse().unwrap();
    stage.store.create_stack(name, &change).await.unwrap();
}

/// How many rows are sealed, and how many are not.
async fn rows(stage: &Stage) -> (u64, u64) {
    let verdict = stage.store.verify_audit().await.unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    (verdict.rows, verdict.unsealed)
}

/// How long it takes until all of so many rows are sealed.
async fn sealed(stage: &Stage, want: u64) -> Duration {
    let begun = Instant::now();
    let wait = async {
        while rows(stage).await != (want, 0) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(came.is_ok(), "{:?} of {want}", rows(stage).await);
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_sealed_within_a_second_and_tried_again_where_that_fails() {
    let mut stage = Stage::new().await;
    let fate = Fate::of(1, Tracing::Hash);
    stage.faulty_store(&fate);
    let _server = stage.start();
    for (number, name) in [(1, "one"), (2, "two")] {
        makes_stack(&stage, name).await;
        assert_eq!(rows(&stage).await, (number - 1, 1));
        let took = sealed(&stage, number).await;
        assert!(took <= Duration::from_secs(1), "{took:?}");
    }

    let fail = 10_000;
    fate.set_odds(Odds {
        fail,
        ..Odds::default()
    });
    makes_stack(&stage, "three").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rows(&stage).await, (2, 1), "nothing can be written");
    fate.set_odds(Odds::default());
    let took = sealed(&stage, 3).await;
    assert!(took <= Duration::from_secs(6), "{took:?}");
    makes_stack(&stage, "four").await;
    let took = sealed(&stage, 4).await;
    assert!(took <= Duration::from_secs(1), "{took:?}");
}

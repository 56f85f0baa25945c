//! Whoever alters the audit log in the database is found.

use crate::world::{Ground, change, on_both};
use domain::{
    AuditId,
    audit::{Finding, Proof, Verdict},
};
use ports::store::{Audit as _, Change, Origin, Stacks as _, audit::Asked};
use std::{fs, sync::Arc};
use store::Store;

on_both! {
    an_edited_row_is_named,
    a_deleted_row_is_named,
    rows_in_another_order_are_named,
    a_cut_off_tail_is_missed_and_no_later_seal_covers_it_up,
    a_log_without_any_row_is_missed,
    a_row_that_is_not_sealed_yet_is_no_tampering_and_an_edited_one_is,
    an_anchor_that_is_gone_or_garbled_is_told,
    a_forged_checkpoint_hides_nothing,
    a_server_that_ended_between_seal_and_anchor_goes_on,
    the_chain_goes_on_under_another_key,
    sixteen_writers_need_no_sealer,
    words_that_cannot_be_kept_are_proved_as_they_are_kept,
}

fn asked() -> Change {
    Change {
        origin: Origin::Asked(Arc::new(Asked {
            proof: Proof::Token,
            credential: "tok-1".to_owned(),
            action: "jockey.v1.StackService/CreateStack".to_owned(),
            request: "call-1".to_owned(),
        })),
        ..change()
    }
}

async fn stacks(store: &Store, names: &[&str]) {
    for name in names {
        let change = asked();
        let made = store.create_stack(name.parse().unwrap(), &change);
        made.await.unwrap();
    }
}

/// A log of five sealed rows.
async fn sealed(ground: &Ground) -> Store {
    let store = ground.open().await;
    stacks(&store, &["a", "b", "c", "d", "e"]).await;
    assert!(store.seal_audit(100).await.unwrap().anchored);
    store
}

/// What somebody does who has the file.
fn tamper(ground: &Ground, statements: &[&str]) {
    for (statement, touched) in statements.iter().zip(ground.execute(statements)) {
        assert!(touched > 0, "{statement}");
    }
}

async fn verdict(store: &Store) -> Verdict {
    store.verify_audit().await.unwrap()
}

async fn an_edited_row_is_named(ground: Ground) {
    for column in ["actor", "message", "after", "credential", "object"] {
        let ground = ground.another();
        let store = sealed(&ground).await;
        tamper(
            &ground,
            &[&format!(
                "UPDATE audit SET {column} = '{{}}' WHERE number = 3"
            )],
        );
        let edited = Finding::Edited {
            id: AuditId::new(3),
            number: Some(3),
        };
        assert_eq!(verdict(&store).await.findings, [edited], "{column}");
    }
}

async fn a_deleted_row_is_named(ground: Ground) {
    let store = sealed(&ground).await;
    tamper(&ground, &["DELETE FROM audit WHERE number IN (2, 3)"]);
    let found = verdict(&store).await.findings;
    assert_eq!(found, [Finding::Deleted { from: 2, to: 3 }]);
}

async fn rows_in_another_order_are_named(ground: Ground) {
    let moved = |id, number| Finding::Moved {
        id: AuditId::new(id),
        number,
    };
    let store = sealed(&ground).await;
    let swap_numbers = [
        "UPDATE audit SET number = 99 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 99",
    ];
    tamper(&ground, &swap_numbers);
    assert_eq!(verdict(&store).await.findings, [moved(3, 2), moved(2, 3)]);

    let ground = ground.another();
    let store = sealed(&ground).await;
    let swap_places = [
        "CREATE TEMP TABLE two AS SELECT number, hash FROM audit WHERE id = 2",
        "CREATE TEMP TABLE three AS SELECT number, hash FROM audit WHERE id = 3",
        "UPDATE audit SET number = 98, hash = (SELECT hash FROM three) WHERE id = 2",
        "UPDATE audit SET number = 2, hash = (SELECT hash FROM two) WHERE id = 3",
        "UPDATE audit SET number = 3 WHERE id = 2",
    ];
    ground.execute(&swap_places);
    assert_eq!(verdict(&store).await.findings, [moved(3, 2), moved(2, 3)]);
}

async fn a_cut_off_tail_is_missed_and_no_later_seal_covers_it_up(ground: Ground) {
    let store = sealed(&ground).await;
    tamper(&ground, &["DELETE FROM audit WHERE number >= 4"]);
    let cut = [Finding::CutOff { from: 4, to: 5 }];
    assert_eq!(verdict(&store).await.findings, cut);
    stacks(&store, &["f"]).await;
    let sealed = store.seal_audit(100).await.unwrap();
    assert_eq!((sealed.rows, sealed.anchored), (1, false));
    let cut = [Finding::CutOff { from: 5, to: 5 }];
    assert_eq!(verdict(&store).await.findings, cut);
    stacks(&store, &["g", "h"]).await;
    assert!(!store.seal_audit(100).await.unwrap().anchored);
    let replaced = [Finding::Replaced { number: 5 }];
    assert_eq!(verdict(&store).await.findings, replaced);
    store.accept_audit(&asked()).await.unwrap();
    let accepted = verdict(&store).await;
    assert!(accepted.is_sound(), "{accepted:?}");
    assert_eq!(accepted.rows, 7, "it says that it was accepted");
}

async fn a_log_without_any_row_is_missed(ground: Ground) {
    let store = sealed(&ground).await;
    tamper(&ground, &["DELETE FROM audit"]);
    let cut = [Finding::CutOff { from: 1, to: 5 }];
    assert_eq!(verdict(&store).await.findings, cut);
    drop(store);
    let again = ground.open().await;
    assert_eq!(verdict(&again).await.findings, cut);
}

async fn a_row_that_is_not_sealed_yet_is_no_tampering_and_an_edited_one_is(ground: Ground) {
    let store = sealed(&ground).await;
    stacks(&store, &["f"]).await;
    let open = verdict(&store).await;
    assert!(open.is_sound(), "{open:?}");
    assert_eq!((open.rows, open.unsealed), (5, 1));
    tamper(
        &ground,
        &["UPDATE audit SET actor = 'eve' WHERE number IS NULL"],
    );
    let edited = Finding::Edited {
        id: AuditId::new(6),
        number: None,
    };
    assert_eq!(verdict(&store).await.findings, [edited]);
    store.seal_audit(100).await.unwrap();
    let edited = Finding::Edited {
        id: AuditId::new(6),
        number: Some(6),
    };
    assert_eq!(
        verdict(&store).await.findings,
        [edited],
        "its seal does not make it good"
    );
}

async fn an_anchor_that_is_gone_or_garbled_is_told(ground: Ground) {
    let store = sealed(&ground).await;
    let anchor = ground.path().join("audit-head");
    fs::remove_file(&anchor).unwrap();
    assert_eq!(verdict(&store).await.findings, [Finding::NoAnchor]);
    assert!(!store.seal_audit(100).await.unwrap().anchored);
    assert!(!anchor.exists(), "none is made in its place");
    fs::write(&anchor, "5 ff").unwrap();
    assert_eq!(verdict(&store).await.findings, [Finding::BadAnchor]);
}

async fn a_forged_checkpoint_hides_nothing(ground: Ground) {
    let store = sealed(&ground).await;
    let hash: String = fs::read_to_string(ground.path().join("audit-head")).unwrap();
    let forged = hash.trim().replacen('5', "2", 1);
    let insert =
        format!("INSERT INTO meta (key, value) VALUES ('audit_checkpoint', '{forged} AAAA')");
    tamper(&ground, &["DELETE FROM audit WHERE number <= 2", &insert]);
    let found = verdict(&store).await.findings;
    let want = [Finding::BadCheckpoint, Finding::Deleted { from: 1, to: 2 }];
    assert_eq!(found, want);
}

async fn a_server_that_ended_between_seal_and_anchor_goes_on(ground: Ground) {
    let store = sealed(&ground).await;
    let anchor = ground.path().join("audit-head");
    let before = fs::read_to_string(&anchor).unwrap();
    stacks(&store, &["f"]).await;
    store.seal_audit(100).await.unwrap();
    fs::write(&anchor, before).unwrap();
    let behind = verdict(&store).await;
    assert!(behind.is_sound(), "{behind:?}");
    assert!(store.seal_audit(100).await.unwrap().anchored);
    assert!(fs::read_to_string(&anchor).unwrap().starts_with("6 "));
}

async fn the_chain_goes_on_under_another_key(ground: Ground) {
    let store = sealed(&ground).await;
    store.rotate_keys().await.unwrap();
    drop(store);
    let store = ground.open().await;
    stacks(&store, &["f"]).await;
    assert!(store.seal_audit(100).await.unwrap().anchored);
    let whole = verdict(&store).await;
    assert!(whole.is_sound(), "{whole:?}");
    assert_eq!(whole.rows, 6);
}

async fn sixteen_writers_need_no_sealer(ground: Ground) {
    let store = Arc::new(ground.open().await);
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { stacks(&store, &[&format!("s{number}")]).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Every write was answered though nothing was ever sealed: none has waited for it.
    let open = verdict(&store).await;
    assert_eq!((open.rows, open.unsealed), (0, 16));
    if !ground.is_shared() {
        assert!(!ground.path().join("audit-head").exists());
    }
    // What is sealed while others write is each row once.
    let (sealing, writing) = (Arc::clone(&store), Arc::clone(&store));
    let sealer = async move { while sealing.seal_audit(3).await.unwrap().rows > 0 {} };
    tokio::join!(sealer, stacks(&writing, &["x", "y", "z"]));
    while store.seal_audit(100).await.unwrap().rows > 0 {}
    let whole = verdict(&store).await;
    assert!(whole.is_sound(), "{whole:?}");
    assert_eq!((whole.rows, whole.unsealed), (19, 0));
}

async fn words_that_cannot_be_kept_are_proved_as_they_are_kept(ground: Ground) {
    let store = ground.open().await;
    let change = Change {
        message: "a\0b".to_owned(),
        ..asked()
    };
    let made = store.create_stack("api".parse().unwrap(), &change).await;
    made.unwrap();
    assert!(store.seal_audit(100).await.unwrap().anchored);
    let entry = store.find_audit_entry(AuditId::new(1)).await.unwrap();
    assert_eq!(entry.unwrap().message, "a\u{fffd}b");
    let verdict = verdict(&store).await;
    assert!(verdict.is_sound() && verdict.rows == 1, "{verdict:?}");
}

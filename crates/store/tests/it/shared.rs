//! Several servers on one database of PostgreSQL.

use crate::world::{Ground, change, open};
use base64::Engine as _;
use domain::{EnvironmentId, EventId, audit::Proof};
use ports::store::{
    Audit as _, Change, Environments as _, Error, Events as _, Leases as _, Origin, Page,
    Stacks as _, audit::Asked, events::EventFilter, leases::Claim,
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{BadKeys, Database, KeySource, OpenError, Store};
use tempfile::TempDir;
use testkit::postgres::Postgres;
use tokio::task::JoinSet;

/// Only a failure takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn key() -> KeySource {
    KeySource::Given(
        base64::engine::general_purpose::STANDARD
            .encode([7; 32])
            .into(),
    )
}

/// A server with a state directory of its own.
pub(crate) async fn join(ground: &Ground) -> (Store, TempDir) {
    let state = tempfile::tempdir().unwrap();
    let store = open(ground.database_for(state.path()), key()).await;
    (store.unwrap(), state)
}

pub(crate) async fn stack(store: &Store, name: &str) -> Result<(), Error> {
    let change = change();
    let made = store.create_stack(name.parse().unwrap(), &change);
    made.await.map(drop)
}

/// Asks again until it is so.
pub(crate) async fn wait<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_open_an_empty_database_at_once_make_it_once() {
    let ground = Ground::postgres();
    let mut opening = JoinSet::new();
    for _ in 0..6 {
        let state = tempfile::tempdir().unwrap();
        let database = ground.database_for(state.path());
        opening.spawn(async move { (open(database, key()).await.unwrap(), state) });
    }
    let opened = opening.join_all().await;
    let all = opened
        .iter()
        .map(|(store, _)| ports::Store::installation(store));
    assert_eq!(all.collect::<BTreeSet<_>>().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_key_or_none_is_refused() {
    let ground = Ground::postgres();
    let (_first, _state) = join(&ground).await;
    let state = tempfile::tempdir().unwrap();
    let other = base64::engine::general_purpose::STANDARD.encode([8; 32]);
    let other = KeySource::Given(other.into());
    let error = open(ground.database_for(state.path()), other)
        .await
        .unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Wrong { .. })),
        "{error}"
    );
    let file = state.path().join("key");
    let none = KeySource::File(file.clone());
    let error = open(ground.database_for(state.path()), none)
        .await
        .unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Missing { .. })),
        "{error}"
    );
    assert!(!file.exists(), "none is made in its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_writes_wakes_who_waits_at_another() {
    let ground = Ground::postgres();
    let ((one, _a), (two, _b)) = (join(&ground).await, join(&ground).await);
    let mut all = two.newest_event();
    let mut of_first = two.newest_event_of(EnvironmentId::new(1));
    let mut of_second = two.newest_event_of(EnvironmentId::new(2));
    let mut audited = two.newest_audit_entry();
    stack(&one, "api").await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, all.changed()).await;
    heard.unwrap().unwrap();
    for name in ["production", "staging"] {
        let name = name.parse().unwrap();
        one.create_environment(name, None, &asked()).await.unwrap();
    }
    let heard = tokio::time::timeout(PATIENCE, audited.changed()).await;
    heard.unwrap().unwrap();
    let newest = *one.newest_event().borrow();
    let heard = all.wait_for(|heard| *heard == newest);
    tokio::time::timeout(PATIENCE, heard)
        .await
        .unwrap()
        .unwrap();
    // Told last of all.
    let heard = of_second.wait_for(|heard| *heard == newest);
    tokio::time::timeout(PATIENCE, heard)
        .await
        .unwrap()
        .unwrap();
    of_first.mark_unchanged();
    of_second.mark_unchanged();
    let mut second = one.find_environment("staging").await.unwrap().unwrap();
    second.service_template = "{app}-{worker}-x".parse().unwrap();
    one.update_environment(&second, second.updated_at, &change())
        .await
        .unwrap();
    let newest = *one.newest_event().borrow();
    let heard = of_second.wait_for(|heard| *heard == newest);
    tokio::time::timeout(PATIENCE, heard)
        .await
        .unwrap()
        .unwrap();
    assert!(!of_first.has_changed().unwrap(), "it is not concerned");
}

fn asked() -> Change {
    Change {
        origin: Origin::Asked(Arc::new(Asked {
            proof: Proof::Token,
            credential: "tok-1".to_owned(),
            action: "jockey.v1.Test/Ask".to_owned(),
            request: "call-1".to_owned(),
        })),
        ..change()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_misses_nothing_that_several_servers_write_at_once() {
    const EACH: usize = 150;
    let ground = Ground::postgres();
    let ((one, _a), (two, _b), (three, _c)) = (
        join(&ground).await,
        join(&ground).await,
        join(&ground).await,
    );
    let mut writing = JoinSet::new();
    for (server, store) in [Arc::new(one), Arc::new(two)].into_iter().enumerate() {
        for writer in 0..4 {
            let store = Arc::clone(&store);
            writing.spawn(async move {
                for number in 0..EACH / 4 + 1 {
                    let name = format!("s-{server}-{writer}-{number}");
                    // One of two is refused and taken back, and its numbers with it.
                    stack(&store, &name).await.unwrap();
                    stack(&store, &name).await.unwrap_err();
                }
            });
        }
    }
    let count = 2 * 4 * (EACH / 4 + 1);
    let mut cursor = EventId::new(0);
    let mut seen = Vec::new();
    wait("all of them", async || {
        let more = three.events_after(cursor, &EventFilter::default(), 7).await;
        for event in more.unwrap() {
            assert!(event.id > cursor, "in their order");
            cursor = event.id;
            seen.push(event.id);
        }
        (seen.len() >= count).then_some(())
    })
    .await;
    writing.join_all().await;
    let mut there = Vec::new();
    let mut cursor = EventId::new(0);
    loop {
        let more = three
            .events_after(cursor, &EventFilter::default(), 1000)
            .await
            .unwrap();
        let Some(last) = more.last() else { break };
        cursor = last.id;
        there.extend(more.iter().map(|event| event.id));
    }
    assert_eq!(seen, there, "none became visible behind the watcher");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sealers_close_one_chain_and_each_anchors_it() {
    let ground = Ground::postgres();
    let (one, a) = join(&ground).await;
    let (two, b) = join(&ground).await;
    let (one, two) = (Arc::new(one), Arc::new(two));
    let mut work = JoinSet::new();
    for (server, store) in [&one, &two].into_iter().enumerate() {
        let writer = Arc::clone(store);
        work.spawn(async move {
            for number in 0..30 {
                let name = format!("s-{server}-{number}").parse().unwrap();
                writer.create_stack(name, &asked()).await.unwrap();
            }
        });
        let sealer = Arc::clone(store);
        work.spawn(async move {
            for _ in 0..30 {
                match sealer.seal_audit(7).await {
                    Ok(sealed) => assert!(sealed.anchored),
                    // The other one was first.
                    Err(error) => assert!(matches!(error, Error::Stale { .. }), "{error}"),
                }
            }
        });
    }
    work.join_all().await;
    while one.seal_audit(100).await.unwrap().rows > 0 {}
    assert!(two.seal_audit(100).await.unwrap().anchored);
    for (store, state) in [(&one, &a), (&two, &b)] {
        let verdict = store.verify_audit().await.unwrap();
        assert!(verdict.is_sound(), "{verdict:?}");
        assert_eq!((verdict.rows, verdict.unsealed), (60, 0));
        let anchor = std::fs::read_to_string(state.path().join("audit-head")).unwrap();
        assert!(anchor.starts_with("60 "), "{anchor}");
    }
    // Who joins later anchors what it finds, and misses what is cut off from then on.
    let (three, _c) = join(&ground).await;
    ground.execute(&["DELETE FROM audit WHERE number > 50"]);
    assert!(!three.verify_audit().await.unwrap().is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_goes_by_the_clock_of_the_database_and_has_one_owner() {
    let ground = Ground::postgres();
    let ((one, _a), (two, _b)) = (join(&ground).await, join(&ground).await);
    let claim = one.claim("environment/env-1", "one", Duration::from_secs(1));
    let Claim::Ours(old) = claim.await.unwrap() else {
        panic!("nobody else has it")
    };
    let new = wait("the lease to run out", async || {
        let claim = two.claim("environment/env-1", "two", PATIENCE).await;
        match claim.unwrap() {
            Claim::Ours(fence) => Some(fence),
            Claim::Theirs { owner, .. } => {
                assert_eq!(owner, "one");
                None
            }
        }
    })
    .await;
    assert!(new.number > old.number);
    let late = one.renew(&old, PATIENCE).await.unwrap_err();
    assert!(matches!(late, Error::Fenced { .. }), "{late}");
    let lock = one.serve_lock().unwrap();
    one.break_leases(&lock).await.unwrap();
    let kept = two.renew(&new, PATIENCE).await;
    kept.expect("a server that starts leaves the leases of others alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_a_newer_one_has_outgrown_writes_no_more_and_says_so() {
    let ground = Ground::postgres();
    let (store, _state) = join(&ground).await;
    stack(&store, "api").await.unwrap();
    ground.execute(&["INSERT INTO meta (key, value) VALUES ('least_migration', '0099')"]);
    // The first one already: it does not have to be told of it.
    for name in ["first", "second"] {
        let said = stack(&store, name).await.unwrap_err();
        assert!(
            matches!(&said, Error::ReadOnly(what) if what.contains("0099")),
            "{said}"
        );
    }
    let listed = store.list_stacks("", Page::ALL).await.unwrap();
    assert_eq!(listed.items.len(), 1, "what is there can be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_keep_every_text_is_refused() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database
        .sql("CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        .unwrap();
    let state = tempfile::tempdir().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/plain", server.port());
    let plain = Database::Postgres {
        address: url.parse().unwrap(),
        state: state.path().to_owned(),
    };
    let refused = open(plain, key()).await.unwrap_err();
    assert!(
        matches!(&refused, OpenError::Encoding { encoding, .. } if encoding == "SQL_ASCII"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_is_told_of_and_used_again() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let state = tempfile::tempdir().unwrap();
    let database = Database::Postgres {
        address: database.url().parse().unwrap(),
        state: state.path().to_owned(),
    };
    let store = open(database.clone(), key()).await.unwrap();
    stack(&store, "before").await.unwrap();
    server.stop().unwrap();
    // Its processes end one by one.
    let read = wait("the end of the last", async || {
        store.list_stacks("", Page::ALL).await.err()
    })
    .await;
    assert!(matches!(read, Error::Unavailable(_)), "{read}");
    let written = stack(&store, "meanwhile").await.unwrap_err();
    assert!(matches!(written, Error::Unavailable(_)), "{written}");
    let opened = open(database, key()).await.unwrap_err();
    assert!(matches!(opened, OpenError::Unreachable { .. }), "{opened}");
    server.start_again().unwrap();
    stack(&store, "after")
        .await
        .expect("the writer's connection is made anew at once");
    let names = wait("a reader", async || {
        store.list_stacks("", Page::ALL).await.ok()
    })
    .await;
    let names: Vec<_> = names
        .items
        .iter()
        .map(|stack| stack.name.as_str())
        .collect();
    assert_eq!(names, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_for_a_backup_and_nobody_else_waits_for_it() {
    let ground = Ground::postgres();
    drop(join(&ground).await);
    // Back to that of rebalancing, which changes a table that is read and written all the time.
    let mut pending = 0;
    let mut last = String::new();
    while !last.ends_with("0012") {
        let taken_back = Store::migrate_down(ground.database()).await.unwrap();
        last = taken_back.expect("it is among them");
        pending += 1;
    }
    let backup = ground.begin(
        "LOCK TABLE reconciles IN ACCESS SHARE MODE; LOCK TABLE reconciles IN ROW EXCLUSIVE MODE",
    );
    let database = ground.database();
    let migrating = tokio::spawn(Store::migrate_up(database));
    let waits =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'reconciles'::regclass";
    for _ in 0..2 {
        wait("the migration to wait", async || {
            (ground.sql(waits).trim() != "0").then_some(())
        })
        .await;
        // Where it did not give way, these would be refused: the backup goes on for as long.
        ground.sql("SET lock_timeout = '60s'; SELECT count(*) FROM reconciles");
        ground.sql("SET lock_timeout = '60s'; UPDATE reconciles SET state = state");
    }
    drop(backup);
    let before = migrating.await.unwrap().unwrap();
    assert_eq!(before.pending.len(), pending);
}

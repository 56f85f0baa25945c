//! A database that does not answer, or not in time.

use crate::{
    shared::{PATIENCE, join, key, stack},
    world::{Ground, open},
};
use ports::store::{Error, Events as _, Page, Stacks as _};
use testkit::process;

/// Processes that were stopped, and go on when this is dropped.
struct Stopped(Vec<u32>);

impl Stopped {
    /// Those of PostgreSQL that answer somebody else on this database.
    fn all_on(ground: &Ground) -> Self {
        let pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let pids = ground.sql(pids);
        let pids = pids.split_whitespace().map(|pid| pid.parse().unwrap());
        let stopped = Self(pids.collect());
        for pid in &stopped.0 {
            process::hold(*pid).unwrap();
        }
        stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            process::release(*pid).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_is_given_up_and_asked_over_new_connections() {
    let ground = Ground::postgres();
    let (store, state) = join(&ground).await;
    stack(&store, "before").await.unwrap();
    let stopped = Stopped::all_on(&ground);
    // The writer's, a reader's, and that of who hears of others.
    assert!(stopped.0.len() >= 3, "{:?}", stopped.0);
    let (read, written) =
        tokio::join!(store.list_stacks("", Page::ALL), stack(&store, "meanwhile"));
    for error in [read.unwrap_err(), written.unwrap_err()] {
        let is_silent =
            matches!(&error, Error::Unavailable(what) if what.contains("does not answer"));
        assert!(is_silent, "{error}");
    }
    stack(&store, "after").await.expect("over a new connection");
    let names = store.list_stacks("", Page::ALL).await;
    let names = names.expect("over a new connection").items.into_iter();
    let names: Vec<_> = names.map(|stack| stack.name.to_string()).collect();
    assert_eq!(names, ["before", "after"]);
    let mut heard = store.newest_event();
    heard.mark_unchanged();
    let other = open(ground.database_for(state.path()), key())
        .await
        .unwrap();
    stack(&other, "elsewhere").await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, heard.changed()).await;
    heard.expect("over a new connection").unwrap();
    let closing = tokio::task::spawn_blocking(move || drop((store, other)));
    let closed = tokio::time::timeout(PATIENCE, closing).await;
    closed.expect("nobody waits for what hangs").unwrap();
    drop(stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_ended_by_the_database_itself() {
    let ground = Ground::postgres();
    let (store, _state) = join(&ground).await;
    stack(&store, "before").await.unwrap();
    let is_ended = async |why: &str| {
        let error = store.list_stacks("", Page::ALL).await.unwrap_err();
        let is_told = matches!(&error, Error::Unavailable(what) if what.contains(why));
        assert!(is_told, "{why}: {error}");
    };
    let held = ground.begin("LOCK TABLE stacks IN ACCESS EXCLUSIVE MODE");
    is_ended("due to lock timeout").await;
    drop(held);
    ground.execute(&[
        "ALTER TABLE stacks RENAME TO kept",
        "CREATE VIEW stacks AS SELECT kept.* FROM kept, pg_sleep(600)",
    ]);
    is_ended("due to statement timeout").await;
    ground.execute(&["DROP VIEW stacks", "ALTER TABLE kept RENAME TO stacks"]);
    let listed = store.list_stacks("", Page::ALL).await.unwrap();
    assert_eq!(listed.items.len(), 1, "{listed:?}");
}

use crate::{Database, KeySource, OpenOptions, Store, conn::Conn, fault::Fault};
use diesel::connection::SimpleConnection as _;
use domain::Timestamp;
use ports::store::{Change, Error, Events as _, Page, Stacks as _};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};
use tempfile::TempDir;
use testkit::postgres::{self, Postgres};

async fn open() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        database: Database::File(directory.path().join("jockey.db")),
        key: KeySource::File(directory.path().join("jockey.key")),
        installation: None,
    };
    (Store::open(options).await.unwrap(), directory)
}

async fn open_shared() -> (Store, TempDir, postgres::Database) {
    let directory = tempfile::tempdir().unwrap();
    let database = Postgres::shared().unwrap().database().unwrap();
    let options = OpenOptions {
        database: Database::Postgres {
            address: database.url().parse().unwrap(),
            state: directory.path().to_owned(),
        },
        key: KeySource::File(directory.path().join("jockey.key")),
        installation: None,
    };
    (Store::open(options).await.unwrap(), directory, database)
}

/// Keeps the writer in a write until it is told, so that what is asked meanwhile shares the next commit.
async fn occupied(
    store: &Arc<Store>,
) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
    let (go_on, told) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let store = Arc::clone(store);
    let write = tokio::spawn(async move {
        let write = store.write(move |_| {
            begun.send(()).unwrap();
            told.recv().unwrap();
            Ok::<_, Fault>(())
        });
        write.await
    });
    has_begun.await.unwrap();
    (go_on, write)
}

/// Asks until the answer is waited for.
async fn asked<T>(write: &mut Pin<Box<impl Future<Output = Result<T, Error>>>>) {
    tokio::select! {
        biased;
        _ = write => panic!("it is answered before it is written"),
        () = std::future::ready(()) => {}
    }
}

async fn stack(store: &Store, name: &str) -> Result<(), Error> {
    let change = Change {
        actor: "ada".to_owned(),
        at: Timestamp::EPOCH,
        message: "for a test".to_owned(),
        request: None,
        origin: ports::store::Origin::Server,
    };
    store
        .create_stack(name.parse().unwrap(), &change)
        .await
        .map(drop)
}

/// Changes how the writer's connection works.
async fn pragma(store: &Store, pragma: &'static str) {
    let set = store.write(move |tx| match tx.conn {
        Conn::Sqlite(conn) => Ok::<_, Fault>(conn.batch_execute(pragma)?),
        Conn::Postgres(_) => unreachable!("a file was opened"),
    });
    set.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_gets_over_it() {
    let (store, _directory) = open().await;
    // Stands in for the disk: SQLite answers alike when its file may not grow.
    pragma(&store, "PRAGMA max_page_count = 1").await;
    let mut written = 0;
    let full = loop {
        match stack(&store, &format!("stack-{written}")).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::DiskFull(_)), "{full}");
    assert!(full.is_transient());
    pragma(&store, "PRAGMA max_page_count = 1000000").await;
    stack(&store, "after").await.unwrap();
    let there = store.list_stacks("", Page::ALL).await.unwrap().items.len();
    assert_eq!(there, written.min(999) + 1);
}

#[tokio::test]
async fn a_database_that_may_not_be_written_says_so() {
    let (store, _directory) = open().await;
    // Set outside of a transaction it would hold for good; here it stands in for a file system gone read-only.
    pragma(&store, "PRAGMA query_only = ON").await;
    let error = stack(&store, "api").await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly(_)), "{error}");
    assert!(!error.is_transient());
    assert_eq!(store.list_stacks("", Page::ALL).await.unwrap().items, []);
}

#[tokio::test]
async fn a_write_that_panics_is_taken_back_alone() {
    let (store, _directory) = open().await;
    let newest = *store.newest_event().borrow();
    let panicked: Result<(), Error> = store.write(|_| panic!("in a test")).await;
    assert!(matches!(panicked, Err(Error::Unavailable(_))));
    assert_eq!(*store.newest_event().borrow(), newest);
    stack(&store, "api").await.unwrap();
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_written_all_the_same() {
    let (store, _directory) = open().await;
    let store = Arc::new(store);
    let (go_on, occupied) = occupied(&store).await;
    let ran = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&ran);
    let mut given_up = Box::pin(store.write(move |_| {
        set.store(true, Ordering::SeqCst);
        Ok::<_, Fault>(())
    }));
    asked(&mut given_up).await;
    drop(given_up);
    let mut next = Box::pin(stack(&store, "api"));
    asked(&mut next).await;
    go_on.send(()).unwrap();
    next.await.unwrap();
    occupied.await.unwrap().unwrap();
    assert!(ran.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_statement_that_postgresql_ends_takes_back_its_own_write_alone() {
    let (store, _directory, _database) = open_shared().await;
    let store = Arc::new(store);
    for slow in [
        "SET LOCAL statement_timeout = 20; SELECT pg_sleep(60)",
        "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$",
    ] {
        let (go_on, occupied) = occupied(&store).await;
        let name = format!("s-{}", slow.len());
        let mut before = Box::pin(stack(&store, &name));
        asked(&mut before).await;
        let mut ended = Box::pin(store.write(move |tx| match tx.conn {
            Conn::Postgres(conn) => Ok::<_, Fault>(conn.batch_execute(slow)?),
            Conn::Sqlite(_) => unreachable!("a server was opened"),
        }));
        asked(&mut ended).await;
        go_on.send(()).unwrap();
        let error = ended.await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        before.await.expect("it shares the commit, and is kept");
        occupied.await.unwrap().unwrap();
    }
    let there = store.list_stacks("", Page::ALL).await.unwrap().items.len();
    assert_eq!(there, 2);
}

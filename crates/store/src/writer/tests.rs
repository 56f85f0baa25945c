use crate::{KeySource, OpenOptions, Store, conn::Conn, fault::Fault};
use diesel::connection::SimpleConnection as _;
use domain::Timestamp;
use ports::store::{Change, Error, Events as _, Page, Stacks as _};
use tempfile::TempDir;

async fn open() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        path: directory.path().join("jockey.db"),
        key: KeySource::File(directory.path().join("jockey.key")),
        installation: None,
    };
    (Store::open(options).await.unwrap(), directory)
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
    let there = store.list_stacks(Page::ALL).await.unwrap().items.len();
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
    assert_eq!(store.list_stacks(Page::ALL).await.unwrap().items, []);
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

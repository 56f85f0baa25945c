//! The real store as the database of a world.

use crate::{
    database::Database,
    world::{INSTALLATION, at_once},
};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    sql_types::{BigInt, Text},
};
use domain::{InstanceId, IntentKind};
use ports::store::{Fence, Leases, leases::Lease};
use std::{
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};
use store::{Database as Kind, KeySource, OpenOptions, Store};
use tempfile::TempDir;

/// What is in the directory of a database.
const FILES: [&str; 2] = ["jockey.db", "key"];

/// A database with its tables and nothing in it, which each world gets a copy of.
static EMPTY: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = in_memory();
    drop(open(directory.path()));
    // All of it in the one file that is copied.
    connect(directory.path())
        .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("nobody else has it open");
    directory
});

struct Sqlite {
    store: Arc<Store>,
    /// For what no port asks.
    looks: Mutex<SqliteConnection>,
    _directory: TempDir,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

pub(crate) fn make() -> Arc<dyn Database> {
    let directory = in_memory();
    for file in FILES {
        let to = directory.path().join(file);
        std::fs::copy(EMPTY.path().join(file), to).expect("there is room");
    }
    Arc::new(Sqlite {
        store: Arc::new(open(directory.path())),
        looks: Mutex::new(connect(directory.path())),
        _directory: directory,
    })
}

/// Where no write waits for a disk: that a commit survives the machine is not what is simulated.
fn in_memory() -> TempDir {
    let shared = Path::new("/dev/shm");
    let made = match shared.is_dir() {
        true => tempfile::tempdir_in(shared),
        false => tempfile::tempdir(),
    };
    made.expect("a directory")
}

fn connect(directory: &Path) -> SqliteConnection {
    let path = directory.join(FILES[0]);
    SqliteConnection::establish(&path.to_string_lossy()).expect("a database")
}

fn open(directory: &Path) -> Store {
    at_once(Store::open(OpenOptions {
        database: Kind::File(directory.join(FILES[0])),
        key: KeySource::File(directory.join(FILES[1])),
        installation: Some(INSTALLATION),
    }))
    .expect("a database")
}

impl Sqlite {
    fn let_go(&self, is_over: impl Fn(&Lease) -> bool) {
        let leases = at_once(self.store.list_leases()).expect("leases");
        for lease in leases.into_iter().filter(is_over) {
            let fence = Fence {
                lease: lease.name,
                number: lease.number,
            };
            at_once(self.store.release(&fence)).expect("it is let go");
        }
    }
}

impl Database for Sqlite {
    fn store(&self) -> Arc<dyn ports::Store> {
        self.store.clone()
    }

    fn has_intent(&self, instance: InstanceId, kind: IntentKind) -> bool {
        let count = "SELECT count(*) AS count FROM intents WHERE instance = ? AND kind = ?";
        let found = diesel::sql_query(count)
            .bind::<Text, _>(instance.to_string())
            .bind::<Text, _>(kind.as_str())
            .get_result::<Found>(&mut *self.looks.lock().expect("nobody panics with it"));
        found.expect("the table of intents").count > 0
    }

    /// By hand: the clock of the database is the machine's, and an hour of the world is a second of it.
    fn outlive(&self, server: &str) {
        self.let_go(|lease| lease.owner == server);
    }

    fn run_out(&self, before: &[Lease]) {
        self.let_go(|lease| before.contains(lease));
    }

    fn jobs_run_out(&self) -> bool {
        false
    }
}

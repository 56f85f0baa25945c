use super::{Address, Conn, Manager, OPENING_MS, Purpose, TABLES_MS, begin_write, without_stalls};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::Text};
use testkit::postgres::{Database, Postgres};

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    value: String,
}

fn setting(conn: &mut Conn, name: &str) -> String {
    let query = sql_query("SELECT current_setting($1) AS value").bind::<Text, _>(name);
    query.get_result::<Shown>(conn).unwrap().value
}

fn opened(database: &Database, purpose: Purpose) -> Conn {
    let manager = Manager {
        address: Address::Postgres(database.url().parse().unwrap()),
        purpose,
    };
    manager.open().unwrap()
}

fn writer(database: &Database) -> Conn {
    opened(database, Purpose::Write)
}

fn with_default(name: &str, value: &str) -> Database {
    let database = Postgres::shared().unwrap().database().unwrap();
    set_default(&database, name, value);
    database
}

fn set_default(database: &Database, name: &str, value: &str) {
    let named = database.sql("SELECT current_database()").unwrap();
    let set = format!("ALTER DATABASE {} SET {name} = {value}", named.trim());
    database.sql(&set).unwrap();
}

#[test]
fn what_is_asked_has_its_limits_whatever_the_database_has_for_a_default() {
    const LIMITS: [&str; 3] = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    ];
    let database = Postgres::shared().unwrap().database().unwrap();
    for name in LIMITS {
        set_default(&database, name, "'7s'");
    }
    for (purpose, wanted) in [
        (Purpose::Read, ["30s", "10s", "4s"]),
        (Purpose::Write, ["30s", "10s", "4s"]),
        (Purpose::Maintain, ["0", "1min", "0"]),
    ] {
        let mut conn = opened(&database, purpose);
        let limits = LIMITS.map(|name| setting(&mut conn, name));
        assert_eq!(limits, wanted, "{purpose:?}: {LIMITS:?}");
    }
}

#[test]
fn a_write_sees_what_was_committed_before_it_whatever_the_database_has_for_a_default() {
    let database = with_default("default_transaction_isolation", "serializable");
    let mut conn = writer(&database);
    begin_write(&mut conn).unwrap();
    assert_eq!(
        setting(&mut conn, "transaction_isolation"),
        "read committed"
    );
}

#[test]
fn what_is_answered_is_on_the_disk_whatever_the_database_has_for_a_default() {
    for (default, wanted) in [("off", "on"), ("local", "local"), ("on", "on")] {
        let database = with_default("synchronous_commit", default);
        let mut conn = writer(&database);
        assert_eq!(
            setting(&mut conn, "synchronous_commit"),
            wanted,
            "{default}"
        );
    }
}

#[test]
fn whoever_stalls_while_it_opens_is_cut_off_before_the_others_give_up() {
    const { assert!(OPENING_MS < TABLES_MS) };
    let database = Postgres::shared().unwrap().database().unwrap();
    let mut conn = writer(&database);
    without_stalls(&mut conn).unwrap();
    for name in [
        "idle_session_timeout",
        "idle_in_transaction_session_timeout",
    ] {
        assert_eq!(setting(&mut conn, name), "20s", "{name}");
    }
}

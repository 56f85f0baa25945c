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

fn writer(database: &Database) -> Conn {
    let manager = Manager {
        address: Address::Postgres(database.url().parse().unwrap()),
        purpose: Purpose::Write,
    };
    manager.open().unwrap()
}

fn with_default(name: &str, value: &str) -> Database {
    let database = Postgres::shared().unwrap().database().unwrap();
    let named = database.sql("SELECT current_database()").unwrap();
    let set = format!("ALTER DATABASE {} SET {name} = {value}", named.trim());
    database.sql(&set).unwrap();
    database
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

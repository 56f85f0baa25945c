use super::*;
use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waiting for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_database_is_empty_and_its_own_and_goes_with_the_server() {
    let server = Postgres::start().unwrap();
    let (one, two) = (server.database().unwrap(), server.database().unwrap());
    one.sql("CREATE TABLE a (b BIGINT)").unwrap();
    one.sql("INSERT INTO a VALUES (1), (2)").unwrap();
    assert_eq!(one.sql("SELECT sum(b) FROM a").unwrap(), "3\n");
    two.sql("SELECT 1 FROM a").unwrap_err();
    server.stop().unwrap();
    one.sql("SELECT 1").unwrap_err();
    server.start_again().unwrap();
    assert_eq!(one.sql("SELECT sum(b) FROM a").unwrap(), "3\n");
    let (directory, port) = (server.directory.clone(), server.port());
    drop(server);
    assert!(!directory.exists());
    TcpStream::connect(("127.0.0.1", port)).unwrap_err();
}

/// The process that is killed is this test again, told so by its environment.
#[test]
fn a_server_ends_with_the_process_that_started_it_also_when_that_is_killed() {
    const TOLD: &str = "TESTKIT_STARTS_POSTGRES_UNTIL_KILLED";
    if let Some(note) = std::env::var_os(TOLD) {
        let server = Postgres::start().unwrap();
        std::fs::write(
            note,
            format!("{} {}", server.port, server.directory.display()),
        )
        .unwrap();
        loop {
            thread::park();
        }
    }
    let ground = tempfile::tempdir().unwrap();
    let note = ground.path().join("note");
    let name =
        "postgres::tests::a_server_ends_with_the_process_that_started_it_also_when_that_is_killed";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(TOLD, &note)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = || std::fs::read_to_string(&note).unwrap_or_default();
    wait("a server", || said().contains(' '));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = said();
    let (port, directory) = said.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    wait("its end", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    wait("its files to go", || !Path::new(directory).exists());
}

//! State directories on which a server cannot start, or go on.

use crate::{calls::refused, harness::Jockeyd};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use proto::v1;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tonic::Code;

/// Mounts something over a directory, until it is dropped. Needs root.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn over(directory: &Path, words: &[&str]) -> anyhow::Result<Self> {
        mount(directory, words)?;
        Ok(Self(directory.to_owned()))
    }

    /// The directory itself, read-only.
    pub(crate) fn read_only(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.display().to_string();
        let mounted = Self::over(directory, &["--bind", &path])?;
        mount(directory, &["-o", "remount,bind,ro"])?;
        Ok(mounted)
    }
}

fn mount(directory: &Path, words: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("mount").args(words).arg(directory).status()?;
    anyhow::ensure!(
        status.success(),
        "mount {words:?} failed: this test needs root"
    );
    Ok(())
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Fails only when it is not mounted any more.
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn stack(name: &str) -> v1::CreateStackRequest {
    v1::CreateStackRequest {
        stack: Some(v1::Stack {
            name: name.to_owned(),
            ..v1::Stack::default()
        }),
        ..v1::CreateStackRequest::default()
    }
}

/// The database of a server, as another program opens it.
fn database(server: &Jockeyd) -> anyhow::Result<SqliteConnection> {
    let path = server.file("jockey.db").display().to_string();
    let mut connection = SqliteConnection::establish(&path)?;
    // The server writes now and then by itself: whoever comes beside it waits for its turn.
    connection.batch_execute("PRAGMA busy_timeout = 10000")?;
    Ok(connection)
}

/// As a Jockey of the future leaves it.
pub(crate) fn migrate_beyond(server: &Jockeyd) -> anyhow::Result<()> {
    let statement = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')";
    match server.keeps_a_file() {
        true => Ok(database(server)?.batch_execute(statement)?),
        false => server.sql(statement).map(drop),
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_state_refuses_to_start() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let holder = format!("process {}", server.pid());
    let words = ["another server", &holder, "a state directory of its own"];
    server.start_refused().await?.refuses(&words);
    server.serving().await?;
    server
        .admin()
        .stacks()
        .create_stack(stack("still-works"))
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused() -> anyhow::Result<()> {
    let (server, other) = (Jockeyd::start().await?, Jockeyd::prepare(&[])?);
    let url = std::fs::read_to_string(server.file("address"))?;
    let address = url.trim().trim_start_matches("http://");
    let told = other
        .jockeyd(&["serve", "--dev", "--listen", address])
        .await?;
    told.refuses(&["cannot listen on", address, "choose another --listen"]);
    let told = other
        .jockeyd(&[
            "serve",
            "--dev",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            address,
        ])
        .await?;
    let words = [
        "cannot listen on",
        address,
        "choose another --metrics-listen",
    ];
    told.refuses(&words);
    for name in ["key", "jockey.db", "admin-token"] {
        assert!(!other.file(name).exists(), "{name} is left behind");
    }
    Ok(())
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    server.kill()?;
    migrate_beyond(&server)?;
    let words = [
        "made by a newer Jockey",
        "99991231000000",
        "restore a backup",
    ];
    server.start_refused().await?.refuses(&words);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    server.kill()?;
    for name in ["jockey.db-wal", "jockey.db-shm"] {
        std::fs::remove_file(server.file(name)).ok();
    }
    std::fs::write(
        server.file("jockey.db"),
        "these are not the tables you look for".repeat(500),
    )?;
    server
        .start_refused()
        .await?
        .refuses(&["is not a database of Jockey"]);
    Ok(())
}

#[tokio::test]
async fn a_read_only_state_directory_is_refused() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    server.kill()?;
    let _mount = Mount::read_only(server.state())?;
    server
        .start_refused()
        .await?
        .refuses(&["read-only", "make it"]);
    Ok(())
}

#[tokio::test]
async fn a_locked_database_is_waited_for_and_then_told() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let mut other = database(&server)?;
    other.batch_execute("BEGIN IMMEDIATE")?;
    let answer = server
        .admin()
        .stacks()
        .create_stack(stack("locked-out"))
        .await;
    let words = ["the database is not available", "try again"];
    refused(answer).says(Code::Unavailable, "DATABASE_UNAVAILABLE", &words);
    other.batch_execute("ROLLBACK")?;
    server
        .admin()
        .stacks()
        .create_stack(stack("let-in"))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_locked_database_is_told_at_the_start_too() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    server.kill()?;
    let mut other = database(&server)?;
    other.batch_execute("BEGIN IMMEDIATE")?;
    let words = ["is locked by another program", "end it, then start again"];
    server.start_refused().await?.refuses(&words);
    other.batch_execute("ROLLBACK")?;
    server.resume().await?;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    let size = ["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"];
    let _mount = Mount::over(server.state(), &size)?;
    server.resume().await?;
    server.admin().stacks().create_stack(stack("first")).await?;
    let filler = server.file("filler");
    // Ends when there is no room left.
    let _full = std::fs::write(&filler, vec![0; 64 << 20]);
    let mut number = 0;
    let refusal = loop {
        number += 1;
        let name = format!("{}-{number}", "x".repeat(20));
        match server.admin().stacks().create_stack(stack(&name)).await {
            Ok(_) if number < 2000 => {}
            refusal => break refused(refusal),
        }
    };
    let words = ["the disk of the database is full", "free some space"];
    refusal.says(Code::ResourceExhausted, "DISK_FULL", &words);
    std::fs::remove_file(&filler)?;
    server
        .admin()
        .stacks()
        .create_stack(stack("room-again"))
        .await?;
    Ok(())
}

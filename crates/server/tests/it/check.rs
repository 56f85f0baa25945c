//! `jockeyd check`: what is wrong is named, with how to mend it, and what is well is named too.

use crate::{
    calls::contains,
    harness::Jockeyd,
    programs::{Ended, ended},
    state::{Mount, migrate_beyond},
};
use std::{os::unix::fs::PermissionsExt, path::Path};
use tokio::process::Command;

/// A state directory that a server has made and left.
async fn left() -> anyhow::Result<Jockeyd> {
    let mut server = Jockeyd::start().await?;
    server.kill()?;
    Ok(server)
}

/// The same, of one whose database is a file there, whatever the other tests run on.
async fn left_with_a_file() -> anyhow::Result<Jockeyd> {
    let mut server = Jockeyd::prepare(&[])?;
    server.keep_in_file();
    server.resume().await?;
    server.kill()?;
    Ok(server)
}

/// The one line about this.
#[track_caller]
fn line<'a>(told: &'a Ended, about: &str) -> &'a str {
    let is_about = |line: &&str| line[7..].starts_with(&format!("{about}:"));
    let found = told.out.lines().find(is_about);
    found.unwrap_or_else(|| panic!("nothing about {about}: {told:#?}"))
}

/// Fails unless something is said to be wrong with this, in these words.
#[track_caller]
fn is_wrong(told: &Ended, about: &str, words: &[&str]) {
    assert_ne!(told.code, Some(0), "{told:#?}");
    let line = line(told, about);
    assert!(line.starts_with("WRONG  "), "{line}");
    contains(line, words);
}

#[tokio::test]
async fn what_is_well_is_said_beside_a_running_server() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let told = server.jockeyd(&["check"]).await?.with(0);
    contains(line(&told, "database"), &["ok ", "whole and writable"]);
    let key = server.file("key").display().to_string();
    contains(line(&told, "keys"), &["ok ", &key]);
    contains(line(&told, "docker"), &["ok ", "answers, API 1."]);
    contains(line(&told, "state disk"), &[" free"]);
    contains(line(&told, "docker disk"), &[" free"]);
    Ok(())
}

#[tokio::test]
async fn a_docker_that_does_not_answer_is_wrong() -> anyhow::Result<()> {
    let server = left().await?;
    let told = server
        .jockeyd(&["check", "--docker", "unix:///run/nobody.sock"])
        .await?;
    let words = ["/run/nobody.sock", "start it", "group `docker`"];
    is_wrong(&told, "docker", &words);
    contains(line(&told, "database"), &["ok "]);
    Ok(())
}

#[tokio::test]
async fn another_key_and_none_are_wrong() -> anyhow::Result<()> {
    let server = left().await?;
    let other = left().await?;
    std::fs::copy(other.file("key"), server.file("key"))?;
    let told = server.jockeyd(&["check"]).await?;
    let words = ["was encrypted with the key", "made with the database"];
    is_wrong(&told, "database", &words);
    std::fs::remove_file(server.file("key"))?;
    let told = server.jockeyd(&["check"]).await?;
    is_wrong(&told, "database", &["is missing", "put back the one"]);
    is_wrong(&told, "keys", &["is missing", "put back the one"]);
    assert!(!server.file("key").exists(), "looking makes no key");
    Ok(())
}

#[tokio::test]
async fn a_key_that_everybody_may_read_is_wrong() -> anyhow::Result<()> {
    let server = left().await?;
    let key = server.file("key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644))?;
    let told = server.jockeyd(&["check"]).await?;
    is_wrong(&told, "keys", &["by every user", "chmod 600"]);
    contains(line(&told, "database"), &["ok "]);
    Ok(())
}

#[tokio::test]
async fn a_read_only_directory_is_wrong() -> anyhow::Result<()> {
    let server = left_with_a_file().await?;
    let _mount = Mount::read_only(server.state())?;
    let told = server.jockeyd(&["check"]).await?;
    is_wrong(&told, "database", &["is read-only", "make it"]);
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_wrong() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    let size = ["-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs"];
    let _mount = Mount::over(server.state(), &size)?;
    server.resume().await?;
    server.kill()?;
    // Ends when there is no room left.
    let _full = std::fs::write(server.file("filler"), vec![0; 64 << 20]);
    let told = server.jockeyd(&["check"]).await?;
    is_wrong(&told, "state disk", &[" free; make room", "system gc"]);
    Ok(())
}

#[tokio::test]
async fn a_database_that_a_newer_one_made_or_nobody_is_wrong() -> anyhow::Result<()> {
    let server = left().await?;
    migrate_beyond(&server)?;
    let told = server.jockeyd(&["check"]).await?;
    is_wrong(
        &told,
        "database",
        &["by a newer Jockey", "restore a backup"],
    );
    let none = Jockeyd::prepare(&[])?;
    let told = none.jockeyd(&["check"]).await?;
    let nothing = match none.keeps_a_file() {
        true => "no database in",
        false => "nothing in the database",
    };
    is_wrong(&told, "database", &[nothing, "start a server"]);
    assert!(!none.file("jockey.db").exists(), "looking makes none");
    Ok(())
}

/// Whoever looks as a user that may not: nothing is said to be missing that merely cannot be seen.
#[tokio::test]
async fn the_state_of_another_user_cannot_be_looked_at() -> anyhow::Result<()> {
    const NOBODY: u32 = 65534;
    let server = left_with_a_file().await?;
    let program = tempfile::tempdir()?;
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
    let copy = program.path().join("jockeyd");
    testkit::process::copy_program(Path::new(env!("CARGO_BIN_EXE_jockeyd")), &copy)?;
    for (mode, words) in [
        (0o755, ["may not be read and written", "run as that user"]),
        (0o700, ["cannot be looked at", "as the user of the server"]),
    ] {
        std::fs::set_permissions(server.state(), PermissionsExt::from_mode(mode))?;
        let mut check = Command::new(&copy);
        check
            .args(["check", "--state-dir"])
            .arg(server.state())
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY);
        let told = ended(&mut check).await?;
        is_wrong(&told, "database", &words);
        is_wrong(&told, "docker", &["group `docker`"]);
    }
    Ok(())
}

//! Which database a command is given, and which it takes.

use crate::{calls::contains, harness::Jockeyd};
use std::os::unix::fs::PermissionsExt as _;

/// What `jockeyd` says, with these arguments alone.
async fn said(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_jockeyd"));
    let told = command.args(arguments).output().await?;
    Ok(String::from_utf8(told.stdout)? + &String::from_utf8(told.stderr)?)
}

#[tokio::test]
async fn a_password_among_the_arguments_is_refused_and_not_repeated() -> anyhow::Result<()> {
    const HOLDS: &str = "holds the password";
    const BAD: &str = "write the address";
    let state = tempfile::tempdir()?;
    let state = state.path().display().to_string();
    for (address, why) in [
        ("postgres://a:s3cr3t@127.0.0.1:1/jockey", HOLDS),
        ("postgres://a:s3%cr3t@127.0.0.1:1/jockey", BAD),
        ("postgres://a:s3/cr3t@127.0.0.1:1/jockey", BAD),
        ("postgres://a:s3cr3t@127.0.0.1:1", BAD),
        ("mysql://a:s3cr3t@127.0.0.1:1/jockey", BAD),
    ] {
        for arguments in [
            ["check", "--state-dir", &state, "--database", address].as_slice(),
            &["import", "--from", address, "--to", "sqlite:new.db"],
            &["import", "--from", "sqlite:old.db", "--to", address],
        ] {
            let said = said(arguments).await?;
            contains(&said, &[why]);
            assert!(!said.contains("cr3t"), "{arguments:?}: {said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_command_leaves_tables_of_an_older_version_to_the_servers() -> anyhow::Result<()> {
    let mut one = Jockeyd::start_shared(&[]).await?;
    one.kill()?;
    one.jockeyd(&["migrate", "down"]).await?.with(0);
    let versions = "SELECT count(*) FROM __diesel_schema_migrations";
    let before = one.sql(versions)?;
    for command in [
        ["check"].as_slice(),
        &["audit", "verify"],
        &["token", "create", "--role", "viewer"],
    ] {
        let told = one.jockeyd(command).await?.with(1);
        contains(
            &(told.out + &told.err),
            &["of an older version", "jockeyd migrate up"],
        );
        assert_eq!(one.sql(versions)?, before, "{command:?}");
    }
    one.jockeyd(&["migrate", "up"]).await?.with(0);
    one.jockeyd(&["audit", "verify"]).await?.with(0);
    Ok(())
}

#[tokio::test]
async fn a_file_with_a_password_that_everybody_may_read_is_told_of() -> anyhow::Result<()> {
    const TOLD: &str = "everybody on this machine may read";
    let state = tempfile::tempdir()?;
    let file = state.path().join("database");
    std::fs::write(&file, "postgres://a:s3cr3t@127.0.0.1:1/jockey")?;
    let (state, name) = (state.path().display(), file.display());
    let serve =
        format!("serve --dev --listen 127.0.0.1:0 --state-dir {state} --database-file {name}");
    let serve: Vec<&str> = serve.split(' ').collect();
    for (mode, is_told) in [(0o644, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
        let said = said(&serve).await?;
        contains(&said, &["cannot be reached"]);
        assert_eq!(said.contains(TOLD), is_told, "{mode:o}: {said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    Ok(())
}

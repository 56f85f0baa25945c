//! Where the key of config values comes from: a file, a file elsewhere, or the environment.

use crate::{
    calls::DEVELOPMENT,
    harness::Jockeyd,
    programs::{Ended, ended},
};
use proto::v1;
use std::path::Path;
use tokio::process::Command;

/// Two keys: 32 bytes each, in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

async fn value(server: &Jockeyd) -> anyhow::Result<String> {
    let request = v1::GetConfigSetRequest {
        environment: DEVELOPMENT.to_owned(),
        app: "kept".to_owned(),
        ..v1::GetConfigSetRequest::default()
    };
    let answer = server.admin().configs().get_config_set(request).await?;
    let set = answer.into_inner().config_set.unwrap_or_default();
    Ok(set.values.get("PASSWORD").cloned().unwrap_or_default())
}

fn give(server: &mut Jockeyd, key: &str) {
    let words = ["env".to_owned(), format!("JOCKEY_KEY={key}")];
    server.launcher = words.map(Into::into).to_vec();
}

/// What a server on this state says that does not start, given a key and a file of one.
async fn refused(server: &Jockeyd, key: &str, file: Option<&Path>) -> anyhow::Result<Ended> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jockeyd"));
    command
        .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--state-dir"])
        .arg(server.state())
        .args(server.database_flag())
        .env("JOCKEY_KEY", key);
    if let Some(file) = file {
        command.arg("--key-file").arg(file);
    }
    ended(&mut command).await
}

#[tokio::test]
async fn a_key_is_given_by_the_environment_or_by_a_file_elsewhere_and_not_by_both()
-> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    give(&mut server, KEY);
    server.resume().await?;
    server.create_app("kept").await?;
    server
        .set_config("kept", &[("PASSWORD", "hunter2")])
        .await?;
    assert!(!server.file("key").exists(), "none is made beside it");
    server.kill()?;

    let wrong = refused(&server, OTHER, None).await?;
    wrong.refuses(&["was encrypted with the key", "what was given holds"]);
    let none = refused(&server, "not-a-key", None).await?;
    none.refuses(&[
        "the key that was given",
        "holds no key",
        "32 bytes in base64",
    ]);

    let elsewhere = tempfile::tempdir()?;
    let file = elsewhere.path().join("jockey.key");
    std::fs::write(&file, format!("{KEY}\n"))?;
    let both = refused(&server, KEY, Some(&file)).await?;
    both.refuses(&["both JOCKEY_KEY and --key-file", "leave one of them out"]);

    server.launcher.clear();
    let flag = ["--key-file".to_owned(), file.display().to_string()];
    server.arguments().extend(flag);
    server.resume().await?;
    assert_eq!(value(&server).await?, "hunter2");
    assert!(!server.file("key").exists(), "none is made beside it");
    Ok(())
}

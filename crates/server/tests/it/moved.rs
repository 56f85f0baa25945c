//! A server goes on with all that it had: in PostgreSQL after SQLite, and from a backup.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, exactly},
    network::get,
    sources::ENVIRONMENT,
};
use anyhow::ensure;
use proto::v1::{self, audit_service_client::AuditServiceClient};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use testkit::{git::Repository, postgres::Postgres};

const APP: &str = "moved";

/// Everything that the API lists, by its path.
const LISTS: [&str; 16] = [
    "/v1/apps?pageSize=1000",
    "/v1/auditEntries?pageSize=1000",
    "/v1/builds?pageSize=1000",
    "/v1/builds/bld-1/logs",
    "/v1/configSets?pageSize=1000",
    "/v1/environments/development/configSet?app=moved",
    "/v1/environments/development/configSet/versions?app=moved",
    "/v1/deploys?pageSize=1000",
    "/v1/environments?pageSize=1000",
    "/v1/events?pageSize=1000",
    "/v1/reconciles?pageSize=1000",
    "/v1/releases?pageSize=1000",
    "/v1/stacks?pageSize=1000",
    "/v1/versions?app=moved&pageSize=1000",
    "/v1/webhooks?pageSize=1000",
    "/v1/workers?pageSize=1000",
];

async fn told(server: &Jockeyd) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let rest = server.rest()?;
    let mut all = BTreeMap::new();
    for path in LISTS {
        let answer = rest.get(path).await?;
        ensure!(answer.status.is_success(), "{path}: {answer:?}");
        ensure!(
            answer.text.len() > 2 || path.contains("webhooks") || path.contains("reconciles"),
            "{path}: {answer:?}"
        );
        all.insert(path, answer.text);
    }
    Ok(all)
}

/// Some history, with a secret in it, and nothing under way.
async fn with_history(server: &Jockeyd) -> anyhow::Result<Repository> {
    let repository = server.app(APP, &[("Dockerfile", ENVIRONMENT)]).await?;
    server.deployed(APP).await?;
    server
        .set_config(APP, &[("COLOUR", "green 'and' \"blue\"")])
        .await?;
    server.scale(APP, "web", 2).await?;
    server.settled(APP, "two", exactly(2)).await?;
    // Until the audit log is closed behind it: no list says that an entry is not sealed any more.
    let verify = || async {
        let mut audit = AuditServiceClient::new(server.api());
        audit.verify_audit(v1::VerifyAuditRequest {}).await
    };
    server
        .until("a sealed audit log", verify, |verdict| {
            verdict.unsealed == 0
        })
        .await?;
    Ok(repository)
}

/// What it had it has, its containers are its own, and it goes on.
async fn goes_on(
    server: &Jockeyd,
    before: &BTreeMap<&str, String>,
    running: &[String],
) -> anyhow::Result<()> {
    let after = told(server).await?;
    for (path, said) in before {
        // Maps come in any order.
        let (said, again): (Value, Value) = match path.ends_with("/logs") {
            true => (said.as_str().into(), after[path].as_str().into()),
            false => (
                serde_json::from_str(said)?,
                serde_json::from_str(&after[path])?,
            ),
        };
        let same = match said["events"].as_array() {
            None => again == said,
            // A server that starts may tell of it.
            Some(events) => again["events"]
                .as_array()
                .is_some_and(|again| again.ends_with(events)),
        };
        assert!(same, "{path}:\n{said}\n{again}");
    }
    let instances = server.settled(APP, "the same two", exactly(2)).await?;
    let same: Vec<String> = containers(&instances).into_iter().collect();
    assert_eq!(same, running);
    contains(
        &get(&instances[0].address).await?,
        &["COLOUR=green 'and' \"blue\""],
    );
    let next = server.deployed(APP).await?;
    let known = before["/v1/deploys?pageSize=1000"].contains(&format!("\"{}\"", next.id));
    assert!(!known, "{} is a new one", next.id);
    Ok(())
}

async fn jockeyd(words: &[&str]) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_jockeyd"));
    let output = command.args(words).output().await?;
    let said = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{words:?}: {said}");
    Ok(said)
}

#[tokio::test]
async fn a_server_goes_on_in_postgresql_with_all_that_it_had_in_a_file() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    server.keep_in_file();
    server.resume().await?;
    with_history(&server).await?;
    let before = told(&server).await?;
    let running = server.scope.containers()?;
    server.terminate()?;
    let database = Arc::new(Postgres::shared()?.database()?);
    let from = format!("sqlite:{}", server.file("jockey.db").display());
    let said = jockeyd(&["import", "--from", &from, "--to", database.url()]).await?;
    contains(
        &said,
        &["deploys", "are there as well now, and were compared"],
    );
    server.keep_in(database);
    server.resume().await?;
    goes_on(&server, &before, &sorted(running)).await?;
    let said = server.jockeyd(&["audit", "verify"]).await?.with(0).out;
    contains(&said, &["the audit log is whole"]);
    let said = server.jockeyd(&["migrate", "status"]).await?.with(0).out;
    contains(&said, &["0001  applied", "0009  applied"]);
    assert!(!said.contains("pending"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_server_goes_on_from_a_backup_of_either_kind() -> anyhow::Result<()> {
    for postgres in [None, Some(Postgres::shared()?)] {
        let mut server = Jockeyd::prepare(&[])?;
        match postgres {
            None => server.keep_in_file(),
            Some(postgres) => server.keep_in(Arc::new(postgres.database()?)),
        }
        server.resume().await?;
        with_history(&server).await?;
        let before = told(&server).await?;
        let running = server.scope.containers()?;
        let backup = server.file("backup").display().to_string();
        // Beside the server.
        let said = server
            .jockeyd(&["backup", "--to", &backup])
            .await?
            .with(0)
            .out;
        contains(&said, &["rows of the installation", "are in"]);
        server.kill()?;
        match postgres {
            None => std::fs::rename(server.file("jockey.db"), server.file("lost"))?,
            Some(postgres) => server.keep_in(Arc::new(postgres.database()?)),
        }
        for name in ["jockey.db-wal", "jockey.db-shm"] {
            std::fs::remove_file(server.file(name)).ok();
        }
        let said = server
            .jockeyd(&["restore", "--from", &backup])
            .await?
            .with(0)
            .out;
        contains(&said, &["are restored, and were compared"]);
        server.resume().await?;
        goes_on(&server, &before, &sorted(running)).await?;
        let said = server.jockeyd(&["audit", "verify"]).await?.with(0).out;
        contains(&said, &["the audit log is whole"]);
    }
    Ok(())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

//! What is on record, as a person reads it: `jockey history`, `audit` and `webhooks`.

use crate::{
    calls::contains,
    harness::{Jockeyd, PATIENCE},
};
use anyhow::ensure;
use proto::v1;
use serde_json::Value;
use std::time::{Duration, Instant};

async fn json(server: &Jockeyd, words: &[&str]) -> anyhow::Result<Value> {
    let mut all = words.to_vec();
    all.extend(["-o", "json"]);
    let told = server.jockey(&all).await?.with(0);
    Ok(serde_json::from_str(&told.out)?)
}

#[tokio::test]
async fn a_person_reads_who_changed_what_and_whether_the_record_is_whole() -> anyhow::Result<()> {
    let server = Jockeyd::start_shared(&[]).await?;
    server.create_app("shop").await?;
    for value in ["KEY=swordfish", "KEY=trout"] {
        let set = ["config", "set", value, "-a", "shop", "-e", "development"];
        server.jockey(&set).await?.with(0);
    }
    let history = ["history", "config", "-a", "shop", "-e", "development"];
    let versions = json(&server, &history).await?;
    assert_eq!(versions.as_array().map(Vec::len), Some(2), "{versions}");
    let told = server.jockey(&history).await?.with(0).out;
    assert!(!told.contains("trout"), "a list shows no values: {told}");
    let newest = versions[0]["id"].as_str().unwrap_or_default();
    let shown = server.jockey(&["history", "--version", newest]).await?;
    contains(&shown.with(0).out, &["swordfish", "trout"]);

    of_its_kind(&server).await?;

    let listed = json(&server, &["audit", "list", "-a", "shop"]).await?;
    let actions = |entries: &Value| -> Vec<String> {
        let all = entries.as_array().into_iter().flatten();
        all.map(|it| it["action"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let define = "jockey.v1.WorkerService/CreateWorker";
    let update = "jockey.v1.ConfigSetService/UpdateConfigSet";
    let create = "jockey.v1.AppService/CreateApp";
    assert_eq!(actions(&listed), [define, update, update, create]);
    let exported = server.jockey(&["audit", "export", "-a", "shop"]).await?;
    let exported = exported.with(0).out;
    let lines: Result<Vec<Value>, _> = exported.lines().map(serde_json::from_str).collect();
    assert_eq!(
        actions(&Value::from(lines?)),
        [create, update, update, define]
    );

    let sealed = async || -> anyhow::Result<bool> {
        let told = server.jockey(&["audit", "verify"]).await?.with(0).out;
        contains(&told, &["the audit log is whole"]);
        Ok(told.contains(" 0 not sealed yet"))
    };
    let deadline = Instant::now() + PATIENCE;
    while !sealed().await? {
        ensure!(Instant::now() < deadline, "not sealed\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.sql("UPDATE audit SET actor = 'nobody' WHERE action LIKE '%CreateApp'")?;
    let told = server.jockey(&["audit", "verify"]).await?;
    told.refuses(&["audit"]);
    assert!(told.out.contains("aud-"), "it names the row: {told:?}");
    Ok(())
}

/// What is asked for by its kind is of that kind, and says what was changed.
async fn of_its_kind(server: &Jockeyd) -> anyhow::Result<()> {
    let clock = v1::Worker {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        name: "clock".to_owned(),
        ..v1::Worker::default()
    };
    let request = v1::CreateWorkerRequest {
        worker: Some(clock),
        ..v1::CreateWorkerRequest::default()
    };
    server.admin().workers().create_worker(request).await?;
    let app = ["history", "app", "-a", "shop", "-e", "development"];
    let workers = ["history", "workers", "-a", "shop", "-e", "development"];
    for (words, kind, object, field) in [
        (app, "VERSION_KIND_APP", "app-", "repo"),
        (workers, "VERSION_KIND_WORKER", "wrk-", "scale"),
    ] {
        let versions = json(server, &words).await?;
        let all = versions.as_array().cloned().unwrap_or_default();
        assert_eq!(all.len(), 1, "{versions}");
        assert_eq!(all[0]["kind"], kind, "{versions}");
        let of = all[0]["object"].as_str().unwrap_or_default();
        assert!(of.starts_with(object), "{versions}");
        let told = server.jockey(&words).await?.with(0).out;
        contains(&told, &[field]);
    }
    Ok(())
}

#[tokio::test]
async fn a_person_says_whom_the_server_tells() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--callback-allow", "127.0.0.1"]).await?;
    let create = "webhooks create http://127.0.0.1:9/secret-part --event deploy.failed";
    let words: Vec<&str> = create.split(' ').collect();
    server.jockey(&words).await?.with(0);
    let listed = json(&server, &["webhooks", "list"]).await?;
    let id = listed[0]["id"].as_str().unwrap_or_default().to_owned();
    let update = ["webhooks", "update", &id, "--disable"];
    server.jockey(&update).await?.with(0);
    let shown = server.jockey(&["webhooks", "show", &id]).await?.with(0).out;
    contains(&shown, &[&id, "deploy.failed"]);
    assert!(!shown.contains("secret-part"), "{shown}");
    server.jockey(&["webhooks", "delete", &id]).await?.with(0);
    let listed = json(&server, &["webhooks", "list"]).await?;
    assert_eq!(listed.as_array().map(Vec::len), Some(0), "{listed}");
    Ok(())
}

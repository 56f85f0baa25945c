//! Workers that listen on more than one port.

use crate::{
    calls::{DEVELOPMENT, containers, contains},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::SERVE,
};
use anyhow::Context as _;
use proto::v1::{self, DeployState};
use std::collections::BTreeSet;
use testkit::git::Repository;

const APP: &str = "metered";
const DOCKERFILE: &str =
    "FROM busybox:1\nCOPY page /www/index.html\nCOPY figures /metrics/index.html\n";

/// A `web` that serves figures on the port of this name besides.
fn manifest(command: &str) -> String {
    format!("[workers.web]\ncommand = \"{command}\"\nports = {{ metrics = 9100 }}\nscale = 2\n")
}

/// Deploys a commit that serves both, and answers its repository.
async fn metered(server: &Jockeyd) -> anyhow::Result<Repository> {
    let both = manifest(&format!("httpd -p $PORT_METRICS -h /metrics && {SERVE}"));
    let files = [
        ("Dockerfile", DOCKERFILE),
        ("page", "page"),
        ("figures", "figures"),
        ("jockey.toml", &*both),
    ];
    let repository = server.app(APP, &files).await?;
    server.deployed(APP).await?;
    Ok(repository)
}

/// Each answers on both of its ports, all of which differ.
async fn both_answer(instances: &[v1::Instance]) -> anyhow::Result<()> {
    let mut addresses = BTreeSet::new();
    for instance in instances {
        let metrics = instance.ports.get("metrics").context("a named port")?;
        assert_eq!(get(&instance.address).await?, "page");
        assert_eq!(get(metrics).await?, "figures");
        addresses.extend([instance.address.as_str(), metrics.as_str()]);
    }
    assert_eq!(addresses.len(), 2 * instances.len(), "{addresses:?}");
    Ok(())
}

#[tokio::test]
async fn each_is_published_told_to_the_process_asked_and_shown() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = metered(&server).await?;
    let before = server.settled(APP, "two", exactly(2)).await?;
    both_answer(&before).await?;
    let status = ["status", "-a", APP, "-e", DEVELOPMENT];
    let told = server.jockey(&status).await?.with(0);
    contains(&told.out, &[", metrics :"]);

    // Nobody listens there: it never gets healthy, and what runs stays.
    let deaf = manifest(SERVE);
    repository.commit(&change("deaf", &[("jockey.toml", &deaf)]))?;
    let deadline = prost_types::Duration {
        seconds: 20,
        nanos: 0,
    };
    let failed = server
        .deploy_with(APP, |request| request.deadline = Some(deadline))
        .await?;
    server.is_failed(&failed)?;
    let failure = failed.failure.as_ref().context("its evidence")?;
    contains(&failure.probe, &["port metrics: "]);
    let now = server.settled(APP, "the two", exactly(2)).await?;
    assert_eq!(containers(&now), containers(&before));
    both_answer(&now).await
}

#[tokio::test]
async fn they_are_changed_and_taken_away_by_hand() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    metered(&server).await?;
    let update = async |named: &str| {
        let words = [
            "workers",
            "update",
            "-a",
            APP,
            "-e",
            DEVELOPMENT,
            "web",
            "--named-port",
            named,
        ];
        server.jockey(&words).await
    };
    update("metrics=9200").await?.with(0);
    let instances = server.settled(APP, "two", exactly(2)).await?;
    both_answer(&instances).await?;
    let same = update("metrics=8888").await?.with(2);
    contains(
        &same.err,
        &["`metrics` is 8888, which the worker has already"],
    );

    // Without it the process is told of none, and so `httpd` is not started for it.
    let words = [
        "workers",
        "update",
        "-a",
        APP,
        "-e",
        DEVELOPMENT,
        "web",
        "--named-port",
        "",
        "--command",
        SERVE,
    ];
    server.jockey(&words).await?.with(0);
    let instances = server.settled(APP, "two", exactly(2)).await?;
    for instance in &instances {
        assert!(instance.ports.is_empty(), "{instance:?}");
        assert_eq!(get(&instance.address).await?, "page");
    }
    let deploy = server.deploy_of("dep-3").await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    Ok(())
}

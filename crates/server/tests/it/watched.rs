//! What a server tells those who look after it: figures and logs.

use crate::{
    calls::{Clients, contains, refused},
    harness::{Jockeyd, exactly},
    network::get_at,
    several::wait,
    sources::WEB,
};
use anyhow::Context;
use proto::v1;
use serde_json::Value;
use std::collections::BTreeMap;

/// Starts a server, which has deployed something then.
async fn busy(mut server: Jockeyd) -> anyhow::Result<Jockeyd> {
    server.resume().await?;
    server
        .app("seen", &[("Dockerfile", WEB), ("page", "seen")])
        .await?;
    server.deployed("seen").await?;
    server.settled("seen", "one", exactly(1)).await?;
    Ok(server)
}

#[tokio::test]
async fn figures_tell_of_a_deploy() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    let address = format!("127.0.0.1:{}", server.spare_port());
    let flag = "--metrics-listen".to_owned();
    server.arguments().extend([flag, address.clone()]);
    let _server = busy(server).await?;
    let words = [
        "# HELP jockey_deploys_total Deploys that ended, by outcome",
        "jockey_deploys_total{outcome=\"all_healthy\"} 1",
        "jockey_builds_total{outcome=\"image_ready\"} 1",
        "jockey_steps_total{action=\"",
        "jockey_instances{environment=\"development\",health=\"healthy\"} 1",
    ];
    let mut figures = String::new();
    // What a turn has seen is told after what it has brought to its end.
    let told = wait("the figures", async || {
        figures = get_at(&address, "/metrics").await?;
        Ok(words.iter().all(|word| figures.contains(word)))
    });
    told.await.context(figures)
}

#[tokio::test]
async fn a_log_in_json_is_an_object_a_line() -> anyhow::Result<()> {
    let mut server = busy(Jockeyd::prepare(&["--log", "json"])?).await?;
    let stranger = Clients(server.api_as("nobody"));
    refused(stranger.system().get_status(v1::GetStatusRequest {}).await);
    server.terminate()?;
    let log = server.log();
    let mut words = String::new();
    let mut spans = BTreeMap::new();
    for line in log.lines() {
        let parsed: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for name in ["timestamp", "level"] {
            assert!(parsed[name].is_string(), "{line}");
        }
        words += parsed["fields"]["message"].as_str().unwrap_or_default();
        words += "\n";
        for span in parsed["spans"].as_array().into_iter().flatten() {
            let name = span["name"].as_str().unwrap_or_default().to_owned();
            spans.insert(name, span.clone());
        }
    }
    contains(&words, &["is completed"]);
    // What is said within a call or a job says of which.
    for (name, fields) in [
        ("call", &["method"][..]),
        ("build", &["build", "commit"]),
        ("environment", &["environment"]),
    ] {
        let span = spans.get(name).with_context(|| format!("{spans:?}"))?;
        for field in fields {
            assert!(span[*field].is_string(), "{name} without {field}: {span}");
        }
    }
    Ok(())
}

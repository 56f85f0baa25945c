//! A client in another language, that learns the API from the server by reflection.

use crate::{
    calls::contains,
    harness::{Jockeyd, change, exactly},
    network::get,
    programs::ended,
    sources::WEB,
};
use std::path::{Path, PathBuf};
use tokio::process::Command;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A Python with what the client needs; made on the first use, as `scripts/test` does.
async fn python() -> anyhow::Result<PathBuf> {
    let root = workspace();
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c"])
        .arg("source scripts/lib/say.sh; source scripts/lib/python.sh; ensure_test_python")
        .current_dir(&root);
    ended(&mut command).await?.with(0);
    Ok(root.join("target/test-python/bin/python"))
}

#[tokio::test]
async fn a_python_client_creates_deploys_and_watches() -> anyhow::Result<()> {
    let python = python().await?;
    let server = Jockeyd::start().await?;
    let repository = server.repositories.create("example/snake")?;
    repository.commit(&change("first", &[("Dockerfile", WEB), ("page", "hiss")]))?;
    let url = std::fs::read_to_string(server.file("address"))?;
    let mut client = Command::new(python);
    client
        .arg(workspace().join("examples/python-client/deploy.py"))
        .args(["--server", url.trim().trim_start_matches("http://")])
        .arg("--token-file")
        .arg(server.file("admin-token"))
        .args(["--app", "snake", "--repo", "example/snake"]);
    let told = ended(&mut client).await?.with(0).out;
    contains(
        &told,
        &[
            "created snake (app-1)",
            "dep-1 is DEPLOY_STATE_DEPLOYED: every instance is healthy",
            "  deploy.",
        ],
    );
    let instances = server.settled("snake", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "hiss");
    Ok(())
}

//! What is in `examples/` runs.

use crate::{
    harness::{Jockeyd, exactly},
    network::get,
};
use anyhow::{Context, ensure};
use std::path::Path;
use testkit::git::Change;

pub(crate) const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
/// Made by `scripts/provision tests`.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/python"
);

#[tokio::test]
async fn a_client_in_python_deploys_the_sample_app_by_reflection() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let sample =
        Change::new("Greet and tick").directory(&Path::new(EXAMPLES).join("sample-app"))?;
    let commit = server
        .repositories
        .create("example/sample-app")?
        .commit(&sample)?;
    let address = std::fs::read_to_string(server.file("address"))?;
    let output = tokio::process::Command::new(PYTHON)
        .arg(Path::new(EXAMPLES).join("python/deploy.py"))
        .arg(address.trim().trim_start_matches("http://"))
        .arg(server.file("admin-token"))
        .args(["example/sample-app", "sample", "development"])
        .output()
        .await
        .context("run `scripts/provision tests` first")?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(told.contains("event  deploy.deployed: "), "{told}");
    assert!(
        told.ends_with(&format!("is deployed at {}\n", &commit[..7])),
        "{told}"
    );

    let instances = server
        .settled("sample", "web and clock", exactly(2))
        .await?;
    let web = instances
        .iter()
        .find(|one| one.worker == "web")
        .context("no web runs")?;
    let greeting = get(&web.address).await?;
    assert_eq!(
        greeting.trim(),
        format!("hello, from commit {}", &commit[..7])
    );
    Ok(())
}

//! A registry that lets nobody in without a pass, which a program tells to the server.

use crate::{
    calls::contains,
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::WEB,
};
use std::{fs, path::Path};
use testkit::{
    docker, process,
    registry::{PASS, Registry},
};

const APP: &str = "web";

/// A helper that notes beside it of which registry it was asked, and tells the pass for as long as it is there.
fn helper(directory: &Path) -> anyhow::Result<String> {
    let (user, password) = PASS;
    let pass = format!(r#"{{"Username": "{user}", "Secret": "{password}"}}"#);
    fs::write(directory.join("pass"), pass)?;
    let program = directory.join("docker-credential-test");
    let script = r#"#!/bin/sh
cd "${0%/*}" || exit
read -r registry
echo "$registry" >>asked
cat pass 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; }
"#;
    process::program(&program, script)?;
    Ok(program.display().to_string())
}

#[tokio::test]
async fn a_helper_is_asked_for_a_pass_at_each_push_and_pull_and_nothing_of_it_stays()
-> anyhow::Result<()> {
    let registry = Registry::start_guarded()?;
    let address = registry.address().to_string();
    let files = tempfile::tempdir()?;
    let asked = || fs::read_to_string(files.path().join("asked")).unwrap_or_default();
    let flags = [
        "--registry",
        &format!("{address}/apps"),
        "--registry-helper",
        &helper(files.path())?,
    ];
    let server = Jockeyd::start_with(&flags).await?;
    let repository = server
        .app(APP, &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    server.deployed(APP).await?;
    let first = server.settled(APP, "one", exactly(1)).await?;
    assert_eq!(get(&first[0].address).await?, "one");
    let pushed = asked().lines().count();
    assert!(pushed >= 1 && asked().lines().all(|line| line == address));

    // A node that no longer has the image gets it by a pass of its own.
    let image = docker::run(["inspect", "--format", "{{.Image}}", &first[0].container])?;
    server.scale(APP, "web", 0).await?;
    server.settled(APP, "none", exactly(0)).await?;
    docker::run(["image", "rm", "--force", image.trim()])?;
    server.scale(APP, "web", 1).await?;
    let again = server.settled(APP, "one again", exactly(1)).await?;
    assert_eq!(get(&again[0].address).await?, "one");
    assert!(asked().lines().count() > pushed, "{}", asked());

    // Without a pass nothing is pushed, and what runs goes on.
    fs::remove_file(files.path().join("pass"))?;
    repository.commit(&change("two", &[("page", "two")]))?;
    let refused = server.failed(APP, "HEAD").await?;
    contains(&format!("{refused:?}"), &["the registry refused"]);
    assert_eq!(get(&again[0].address).await?, "one");
    let (_, password) = PASS;
    assert!(!server.log().contains(password) && !format!("{refused:?}").contains(password));
    Ok(())
}

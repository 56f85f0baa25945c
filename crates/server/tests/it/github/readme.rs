//! The sample deploy of the original README: by hand, by somebody whom GitHub knows.

use super::world::{World, without_app};
use crate::{
    harness::{PATIENCE, change, exactly},
    network::get,
    programs::jockey,
    sources::WEB,
};
use anyhow::{Context, ensure};
use domain::{Membership, RepoName};
use std::{path::Path, process::Stdio, time::Duration};
use testkit::github::{CLIENT_ID, CLIENT_SECRET, Consent};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const APP: &str = "jockey-sample-app";

const GRANTS: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/dev"
role = "deployer"
environments = ["development"]
"#;

/// `jockey WORDS` of somebody who has this home and nothing else.
fn typed(world: &World, home: &Path, words: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(jockey()?);
    command
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("JOCKEY_URL", world.rest()?.base)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// What it prints, once it has ended well.
async fn ended(what: &str, child: tokio::process::Child, world: &World) -> anyhow::Result<String> {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.with_context(|| format!("{what} does not end"))??;
    let told = String::from_utf8(output.stdout)?;
    let aside = String::from_utf8_lossy(&output.stderr).into_owned();
    let log = || world.server.log();
    ensure!(output.status.success(), "{what}: {told}{aside}\n{}", log());
    Ok(told)
}

/// Signs in by a code that is typed at GitHub.
async fn sign_in(world: &World, home: &Path) -> anyhow::Result<String> {
    let person = world.github.person("mona", None);
    let team = "acme/dev".parse()?;
    world.github.team(&team, None);
    world
        .github
        .member(&world.acme, &person.login, Membership::Active);
    world
        .github
        .team_member(&team, &person.login, Membership::Active);
    let mut child = typed(world, home, &["login"])?.spawn()?;
    let mut aside = BufReader::new(child.stderr.take().context("stderr")?).lines();
    let line = tokio::time::timeout(PATIENCE, aside.next_line()).await??;
    let line = line.context("it says what to do")?;
    let (_, code) = line.rsplit_once(' ').context("a code")?;
    ensure!(
        world.github.type_code(code, &person.login, Consent::Yes),
        "{line}"
    );
    world.clock.forward(Duration::from_secs(10));
    ended("login", child, world).await
}

#[tokio::test]
async fn the_deploy_of_the_original_readme_shows_two_containers() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let grants = home.path().join("access.toml");
    std::fs::write(&grants, GRANTS)?;
    let given = [
        "--access",
        &grants.display().to_string(),
        "--github-client-id",
        CLIENT_ID,
        "--github-client-secret",
        CLIENT_SECRET,
    ];
    let world = without_app(given.map(str::to_owned).to_vec()).await?;
    let repo: RepoName = "acme/jockey-sample-app".parse()?;
    let repository = world.github.repository(repo.as_str())?;
    let files = [("Dockerfile", WEB), ("page", "sample")];
    let commit = repository.commit(&change("first", &files))?;
    let seed = ["seed", "--sample-app", repo.as_str()];
    world.server.jockeyd(&seed).await?.with(0);

    let greeted = sign_in(&world, home.path()).await?;
    assert!(greeted.contains("as github:mona"), "{greeted}");
    assert!(
        greeted.contains("deployer of every app in development"),
        "{greeted}"
    );

    let words = format!("deploy {commit} --app {APP} --environment development --interactive");
    let words: Vec<&str> = words.split(' ').collect();
    let child = typed(&world, home.path(), &words)?.spawn()?;
    let told = ended("deploy", child, &world).await?;
    let want = format!("deployed: {APP} in development");
    assert!(told.contains(&want), "{told}");

    let instances = world.server.settled(APP, "two", exactly(2)).await?;
    for instance in &instances {
        assert_eq!(get(&instance.address).await?, "sample");
    }
    assert_eq!(world.server.scope.containers()?.len(), 2);
    let status = ["status", "-a", APP, "-e", "development"];
    let child = typed(&world, home.path(), &status)?.spawn()?;
    let told = ended("status", child, &world).await?;
    assert!(told.contains("web 2/2 healthy"), "{told}");

    // GitHub shows it too.
    let sha = commit.parse()?;
    let success = |state: &str| state == "success";
    let look = || {
        let statuses = world.github.statuses(&repo, &sha);
        let built = statuses.get("jockey/build").cloned();
        let deployments = world.github.deployments(&repo);
        let told = deployments
            .first()
            .and_then(|(_, told)| told.last().cloned());
        [built, told].map(|it| {
            let state = it.map(|it| it["state"].as_str().unwrap_or_default().to_owned());
            state.unwrap_or_default()
        })
    };
    let both = |states: &[String; 2]| states.iter().all(|state| success(state));
    world.until("GitHub to show it", look, both).await?;

    // Elsewhere she may not.
    let words = format!("deploy {commit} --app {APP} --environment production");
    let words: Vec<&str> = words.split(' ').collect();
    let refused = typed(&world, home.path(), &words)?.output().await?;
    let aside = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && aside.contains("github:mona may not"),
        "{aside}"
    );
    Ok(())
}

//! What README.md says to type works as it stands there. Its scripts are those of `quickstart`, and of whoever runs this.

use crate::{
    examples::EXAMPLES,
    harness::{Jockeyd, exactly},
    network::get,
};
use anyhow::Context;
use std::path::Path;
use testkit::git::Change;

const README: &str = include_str!("../../../../README.md");

/// Those that `scripts/test` runs: itself, and in `quickstart`.
const SCRIPTS: [&str; 2] = ["scripts/quickstart", "scripts/test"];

/// The commands of all code blocks, without their comments; first those of the block that makes the App.
fn commands() -> Vec<&'static str> {
    let mut blocks: Vec<&str> = README.split("```").skip(1).step_by(2).collect();
    blocks.sort_by_key(|block| !block.contains("jockey apps create"));
    let lines = blocks.into_iter().flat_map(str::lines);
    let typed = lines.filter_map(|line| {
        let line = line.strip_prefix("$ ").unwrap_or(line);
        line.split(" #").next().map(str::trim)
    });
    let is_command = |line: &&str| line.starts_with("jockey ") || line.starts_with("scripts/");
    typed.filter(is_command).collect()
}

#[tokio::test]
async fn what_the_readme_says_to_type_works() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let sample =
        Change::new("Greet and tick").directory(&Path::new(EXAMPLES).join("sample-app"))?;
    let commit = server
        .repositories
        .create("example/sample-app")?
        .commit(&sample)?;

    let commands = commands();
    assert!(commands.len() > SCRIPTS.len(), "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.split_first() {
            Some((&"jockey", words)) => drop(server.jockey(words).await?.with(0)),
            Some((script, _)) => assert!(SCRIPTS.contains(script), "nobody runs {command}"),
            None => {}
        }
    }
    let instances = server
        .settled("sample", "two of web and clock", exactly(3))
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

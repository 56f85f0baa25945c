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

/// The commands of the code block that holds these words, without `jockey`.
fn commands(words: &str) -> Vec<Vec<&'static str>> {
    let mut blocks = README.split("```").skip(1).step_by(2);
    let block = blocks.find(|block| block.contains(words));
    let lines = block.unwrap_or_default().lines();
    let typed = lines.filter_map(|line| {
        let line = line.strip_prefix("$ ").unwrap_or(line);
        line.split(" #").next()?.strip_prefix("jockey ")
    });
    typed
        .map(|line| line.split_whitespace().collect())
        .collect()
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

    let (first, picture) = (commands("jockey apps create"), commands("$ jockey deploy"));
    assert_eq!(
        (first.len(), picture.len()),
        (5, 2),
        "{first:?} {picture:?}"
    );
    for command in first.iter().chain(&picture) {
        server.jockey(command).await?.with(0);
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

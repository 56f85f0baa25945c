//! A test that is killed leaves a server that goes on, and what that made.

use crate::{
    harness::{Jockeyd, exactly},
    several::wait,
    sources::WEB,
};
use std::process::Command;
use testkit::docker::Scope;

#[tokio::test]
async fn what_the_server_of_a_killed_test_made_goes_with_the_next_test() -> anyhow::Result<()> {
    // Stands in for the process of the test.
    let mut test = Command::new("sleep").arg("600").spawn()?;
    let mut server = Jockeyd::prepare(&[])?;
    server.scope = Scope::of_process(test.id())?;
    server.resume().await?;
    let files = [("Dockerfile", WEB), ("page", "hello")];
    server.app("web", &files).await?;
    server.deploy("web", "HEAD").await?;
    server.settled("web", "one healthy", exactly(1)).await?;

    drop(Scope::open()?);
    assert_eq!(server.scope.containers()?.len(), 1, "the test lives");

    test.kill()?;
    test.wait()?;
    // Each test that begins takes it away: the next one, too, what the Engine was still busy with for the server.
    wait("all to go", async || {
        drop(Scope::open()?);
        Ok(server.scope.containers()?.is_empty() && server.scope.images()?.is_empty())
    })
    .await?;
    server.terminate().expect("it has ended already");
    Ok(())
}

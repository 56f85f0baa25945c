//! Images that say themselves whether they serve.

use crate::harness::{Jockeyd, exactly};
use testkit::docker::run;

/// Listens at once, and says some time later that it serves.
const WARMING: &str = "\
FROM busybox:1
HEALTHCHECK --interval=1s --retries=60 CMD test -e /warm
CMD mkdir /www; (sleep 2; touch /warm) & exec httpd -f -p 8888 -h /www
";

#[tokio::test]
async fn a_deploy_waits_until_the_image_says_that_it_serves() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("warming", &[("Dockerfile", WARMING)]).await?;
    server.deployed("warming").await?;
    let instances = server.instances("warming").await?;
    assert!(exactly(1)(&instances), "{instances:?}");
    let health = instances[0].health.clone().unwrap_or_default();
    assert_eq!(health.evidence, "the image's HEALTHCHECK passes");
    run(["exec", &instances[0].container, "test", "-e", "/warm"])?;
    Ok(())
}

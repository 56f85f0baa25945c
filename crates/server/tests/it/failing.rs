//! Deploys that fail: each says why, and what ran before was never touched.

use crate::{
    calls::{DEVELOPMENT, containers, contains},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::WEB,
};
use proto::v1;
use std::collections::BTreeSet;
use testkit::git::Repository;

/// The one App of each of these tests.
const APP: &str = "steady";

/// A release that runs, two instances of it, and a repository for the next ones.
struct Steady {
    server: Jockeyd,
    repository: Repository,
    before: Vec<v1::Instance>,
}

impl Steady {
    async fn start() -> anyhow::Result<Self> {
        let server = Jockeyd::start().await?;
        let repository = server
            .app(APP, &[("Dockerfile", WEB), ("page", "steady")])
            .await?;
        server.deployed(APP).await?;
        server.scale(APP, "web", 2).await?;
        let before = server.settled(APP, "two", exactly(2)).await?;
        Ok(Self {
            server,
            repository,
            before,
        })
    }

    /// Deploys a commit that changes these files, and answers how that failed.
    async fn fails(&self, files: &[(&str, &str)]) -> anyhow::Result<v1::Deploy> {
        self.repository.commit(&change("worse", files))?;
        self.server.failed(APP, "HEAD").await
    }

    /// The old instances are all there is, the same containers, and answer.
    async fn is_as_before(&self) -> anyhow::Result<()> {
        let now = self.server.settled(APP, "the two", exactly(2)).await?;
        assert_eq!(containers(&now), containers(&self.before));
        assert!(now.iter().all(|it| it.restarts == 0), "{now:?}");
        for instance in &now {
            assert_eq!(get(&instance.address).await?, "steady");
        }
        let all: BTreeSet<String> = self.server.scope.containers()?.into_iter().collect();
        assert_eq!(all, containers(&self.before));
        Ok(())
    }
}

/// The evidence of a failure.
#[track_caller]
fn evidence(deploy: &v1::Deploy) -> &v1::DeployFailure {
    deploy
        .failure
        .as_ref()
        .expect("a failed deploy has evidence")
}

#[tokio::test]
async fn a_release_that_exits_at_once() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let dockerfile = "FROM busybox:1\nCMD echo out of luck && exit 3\n";
    let deploy = steady.fails(&[("Dockerfile", dockerfile)]).await?;
    let failure = evidence(&deploy);
    contains(
        &deploy.reason,
        &["exited with code 3", &failure.instance, "web", "node-1"],
    );
    assert_eq!(
        (failure.worker.as_str(), failure.node.as_str()),
        ("web", "node-1")
    );
    assert_eq!(failure.exit_code, Some(3));
    assert_eq!(failure.log_tail, ["out of luck"]);
    steady.is_as_before().await
}

#[tokio::test]
async fn a_release_that_never_listens() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let dockerfile = "FROM busybox:1\nCMD echo wrong port && exec httpd -f -p 7777 -h /\n";
    steady
        .repository
        .commit(&change("deaf", &[("Dockerfile", dockerfile)]))?;
    let deploy = steady
        .server
        .deploy_with(APP, |request| {
            request.deadline = Some(prost_types::Duration {
                seconds: 20,
                nanos: 0,
            });
        })
        .await?;
    steady.server.is_failed(&deploy)?;
    let failure = evidence(&deploy);
    contains(
        &deploy.reason,
        &[
            "not healthy in time",
            "web 0 of 2 healthy",
            &failure.instance,
            "asked on port 8888: ",
        ],
    );
    assert_eq!(failure.exit_code, None);
    contains(&failure.probe, &["connection"]);
    assert_eq!(failure.log_tail, ["wrong port"]);
    steady.is_as_before().await
}

#[tokio::test]
async fn a_release_whose_check_answers_404() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let manifest = "[workers.web]\ncheck = { path = \"/nothing-here\" }\n";
    steady
        .repository
        .commit(&change("sick", &[("jockey.toml", manifest)]))?;
    let deploy = steady
        .server
        .deploy_with(APP, |request| {
            request.deadline = Some(prost_types::Duration {
                seconds: 20,
                nanos: 0,
            });
        })
        .await?;
    steady.server.is_failed(&deploy)?;
    contains(&evidence(&deploy).probe, &["/nothing-here", "404"]);
    steady.is_as_before().await
}

#[tokio::test]
async fn a_release_whose_own_healthcheck_fails() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let check = "HEALTHCHECK --interval=1s --retries=2 CMD echo the cache is cold && exit 1\n";
    let dockerfile = format!("{WEB}{check}");
    steady
        .repository
        .commit(&change("unwell", &[("Dockerfile", &dockerfile)]))?;
    let deploy = steady
        .server
        .deploy_with(APP, |request| {
            request.deadline = Some(prost_types::Duration {
                seconds: 60,
                nanos: 0,
            });
        })
        .await?;
    steady.server.is_failed(&deploy)?;
    // It listens all the while, which does not count.
    contains(&deploy.reason, &["web 0 of 2 healthy"]);
    assert_eq!(
        evidence(&deploy).probe,
        "the image's HEALTHCHECK fails: the cache is cold"
    );
    steady.is_as_before().await
}

#[tokio::test]
async fn a_release_that_takes_more_memory_than_it_may() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    // The Engine hears of the memory before it hears of the end.
    let eats =
        "sleep 5; dd if=/dev/zero of=/dev/null bs=512M count=1; code=$?; sleep 5; exit $code";
    let manifest = format!(
        "[workers.web]\ncommand = \"{eats}\"\n[workers.web.resources]\nmemory = \"16MiB\"\n"
    );
    let deploy = steady.fails(&[("jockey.toml", &manifest)]).await?;
    contains(
        &deploy.reason,
        &[
            "killed for memory",
            "its limit of 16.0 MiB (exit code 137)",
            "--memory",
            &evidence(&deploy).instance,
        ],
    );
    steady.is_as_before().await
}

#[tokio::test]
async fn a_release_whose_program_is_not_there() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let manifest = "[workers.web]\ncommand = [\"/no/such/program\"]\n";
    let deploy = steady.fails(&[("jockey.toml", manifest)]).await?;
    contains(&deploy.reason, &["exited with code 127", "web"]);
    contains(
        &evidence(&deploy).log_tail.join("\n"),
        &["/no/such/program", "No such file"],
    );
    steady.is_as_before().await
}

#[tokio::test]
async fn a_commit_that_does_not_build() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let dockerfile = "FROM busybox:1\nRUN echo on the way && echo it went wrong && exit 7\n";
    let deploy = steady.fails(&[("Dockerfile", dockerfile)]).await?;
    contains(&deploy.reason, &["the build failed", "7"]);
    let lines = evidence(&deploy).log_tail.join("\n");
    contains(&lines, &["on the way", "it went wrong"]);
    assert!(!deploy.build.is_empty(), "{deploy:?}");
    steady.is_as_before().await
}

#[tokio::test]
async fn a_commit_without_a_dockerfile_where_no_builder_is() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("bare", &[("Procfile", "web: httpd -f\n")])
        .await?;
    let deploy = server.failed("bare", "HEAD").await?;
    contains(
        &deploy.reason,
        &[
            "has no `Dockerfile`",
            "no builder image is configured",
            "add a Dockerfile",
        ],
    );
    Ok(())
}

#[tokio::test]
async fn a_jockey_toml_with_a_mistake() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let deploy = steady
        .fails(&[("jockey.toml", "[workers.web]\nprot = 8888\n")])
        .await?;
    contains(&deploy.reason, &["jockey.toml", "prot", "line 2"]);
    steady.is_as_before().await
}

/// Of the file's scale counts what is said when the Worker is met, and then it is within the limit of the server.
#[tokio::test]
async fn a_jockey_toml_with_a_scale_above_a_limit_that_is_lowered() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--scale-max", "10"]).await?;
    let manifest = |scale: u16| format!("[workers.web]\nscale = {scale}\n");
    let files = [
        ("Dockerfile", WEB),
        ("page", "wide"),
        ("jockey.toml", &*manifest(20)),
    ];
    let repository = server.app("wide", &files).await?;
    let deploy = server.failed("wide", "HEAD").await?;
    contains(
        &deploy.reason,
        &[
            "worker `web` of ",
            "a scale of 20 is not possible: it is 0 to 10",
            "say less in its jockey.toml",
        ],
    );
    assert_eq!(server.scope.containers()?, [""; 0]);

    repository.commit(&change("one", &[("jockey.toml", &*manifest(1))]))?;
    server.deployed("wide").await?;
    repository.commit(&change("known", &[("jockey.toml", &*manifest(20))]))?;
    server.deployed("wide").await?;
    server.settled("wide", "one", exactly(1)).await?;
    Ok(())
}

#[tokio::test]
async fn a_jockey_toml_with_a_scale_within_a_limit_that_is_raised() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--scale-max", "150"]).await?;
    // No node has such a disk, so that none of them starts.
    let manifest = "[workers.web]\nscale = 150\nconstraints = [\"disk == none\"]\n";
    let files = [
        ("Dockerfile", WEB),
        ("page", "wide"),
        ("jockey.toml", manifest),
    ];
    server.app("wide", &files).await?;
    let deploy = server.ask_deploy("wide", "HEAD").await?;
    let list = || async {
        let request = v1::ListWorkersRequest {
            app: "wide".to_owned(),
            ..v1::ListWorkersRequest::default()
        };
        server.admin().workers().list_workers(request).await
    };
    let is_met = |listed: &v1::ListWorkersResponse| !listed.workers.is_empty();
    let met = server.until("its worker to be met", list, is_met).await?;
    assert_eq!(met.workers[0].scale, Some(150), "{met:?}");
    let request = v1::CancelDeployRequest {
        deploy: deploy.id,
        ..v1::CancelDeployRequest::default()
    };
    server.admin().deploys().cancel_deploy(request).await?;
    Ok(())
}

#[tokio::test]
async fn a_ref_that_does_not_exist() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    let deploy = steady.server.failed(APP, "no-such-branch").await?;
    contains(&deploy.reason, &["example/steady has no `no-such-branch`"]);
    let nowhere = "0123456789012345678901234567890123456789";
    let deploy = steady.server.failed(APP, nowhere).await?;
    let words = ["example/steady has no", nowhere, "push it first"];
    contains(&deploy.reason, &words);
    steady.is_as_before().await
}

#[tokio::test]
async fn a_repository_that_cannot_be_fetched() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("missing").await?;
    let deploy = server.failed("missing", "HEAD").await?;
    contains(&deploy.reason, &["example/missing", "cannot be fetched"]);
    Ok(())
}

#[tokio::test]
async fn a_value_with_which_nothing_gets_up_is_put_back() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = "FROM busybox:1\nCMD test $MOOD != bad || exit 3; mkdir /www && echo $MOOD >/www/index.html && exec httpd -f -p 8888 -h /www\n";
    server.app("moody", &[("Dockerfile", dockerfile)]).await?;
    server.set_config("moody", &[("MOOD", "calm")]).await?;
    server.deployed("moody").await?;
    server.scale("moody", "web", 2).await?;
    let before = server.settled("moody", "two", exactly(2)).await?;
    let deploys = server.set_config("moody", &[("MOOD", "bad")]).await?;
    assert_eq!(deploys.len(), 1, "{deploys:?}");
    server.is_failed(&deploys[0])?;
    contains(&deploys[0].reason, &["exited with code 3"]);

    let list = || async {
        let request = v1::ListConfigSetVersionsRequest {
            app: "moody".to_owned(),
            environment: DEVELOPMENT.to_owned(),
            ..v1::ListConfigSetVersionsRequest::default()
        };
        let mut configs = server.admin().configs();
        configs.list_config_set_versions(request).await
    };
    let has_third = |told: &v1::ListConfigSetVersionsResponse| told.versions.len() == 3;
    let told = server.until("a third version", list, has_third).await?;
    let newest = &told.versions[0];
    assert_eq!((newest.version, newest.author.as_str()), (3, "jockey"));
    let request = v1::GetConfigSetRequest {
        app: "moody".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        ..v1::GetConfigSetRequest::default()
    };
    let set = server.admin().configs().get_config_set(request).await?;
    let set = set.into_inner().config_set.expect("a set");
    assert_eq!(set.values["MOOD"], "calm");
    let after = server.settled("moody", "two", exactly(2)).await?;
    assert_eq!(containers(&before), containers(&after));
    assert!(after.iter().all(|it| it.restarts == 0), "{after:?}");
    for instance in &after {
        assert_eq!(get(&instance.address).await?, "calm\n");
    }
    Ok(())
}

#[tokio::test]
async fn after_a_failure_the_next_good_commit_is_deployed() -> anyhow::Result<()> {
    let steady = Steady::start().await?;
    steady
        .fails(&[("Dockerfile", "FROM busybox:1\nCMD exit 1\n")])
        .await?;
    steady.repository.commit(&change(
        "better",
        &[("Dockerfile", WEB), ("page", "better")],
    ))?;
    steady.server.deployed(APP).await?;
    let now = steady.server.settled(APP, "two", exactly(2)).await?;
    assert!(containers(&now).is_disjoint(&containers(&steady.before)));
    assert_eq!(get(&now[0].address).await?, "better");
    Ok(())
}

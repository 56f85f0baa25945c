//! Docker goes, stays away, and comes back: whoever waits is told, and nothing is lost.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::WEB,
};
use proto::v1::{self, DeployState};
use testkit::docker::Gate;

/// A server whose way to the daemon can be shut.
async fn gated() -> anyhow::Result<(Jockeyd, Gate)> {
    let gate = Gate::open()?;
    let docker = format!("unix://{}", gate.socket().display());
    let server = Jockeyd::start_with(&["--docker", &docker]).await?;
    Ok((server, gate))
}

/// Waits until the server says that Docker is down, and what is to be done.
async fn is_down(server: &Jockeyd) -> anyhow::Result<()> {
    let ask = || async {
        server
            .admin()
            .system()
            .get_status(v1::GetStatusRequest {})
            .await
    };
    let down = |answer: &v1::GetStatusResponse| {
        answer.components.iter().any(|it| {
            it.name == "docker"
                && it.state() == v1::ComponentState::Down
                && it.message.contains("start the Docker daemon")
        })
    };
    server.until("docker to be down", ask, down).await?;
    Ok(())
}

/// Waits until a Deploy says in its step that it does this.
async fn step_has(server: &Jockeyd, deploy: &str, words: &str) -> anyhow::Result<String> {
    let request = || v1::GetDeployRequest {
        deploy: deploy.to_owned(),
    };
    let ask = || async { server.admin().deploys().get_deploy(request()).await };
    let says = |answer: &v1::GetDeployResponse| {
        let deploy = answer.deploy.as_ref();
        deploy.is_some_and(|it| it.step.contains(words))
    };
    let what = format!("the step to have {words}");
    let answer = server.until(&what, ask, says).await?;
    Ok(answer.deploy.unwrap_or_default().step)
}

/// The output of a Build so far.
async fn output(server: &Jockeyd, build: &str) -> anyhow::Result<Vec<String>> {
    let request = v1::StreamBuildLogsRequest {
        build: build.to_owned(),
        ..v1::StreamBuildLogsRequest::default()
    };
    let mut builds = server.admin().builds();
    let mut stream = builds.stream_build_logs(request).await?.into_inner();
    let mut lines = Vec::new();
    while let Some(answer) = stream.message().await? {
        lines.extend(answer.lines.into_iter().map(|line| line.text));
    }
    Ok(lines)
}

/// Waits until the output of a Build has these words.
async fn until_it_tells(server: &Jockeyd, build: &str, words: &str) -> anyhow::Result<()> {
    let request = v1::StreamBuildLogsRequest {
        build: build.to_owned(),
        follow: true,
        ..v1::StreamBuildLogsRequest::default()
    };
    let mut builds = server.admin().builds();
    let mut stream = builds.stream_build_logs(request).await?.into_inner();
    while let Some(answer) = stream.message().await? {
        // What the Dockerfile itself says is told as well, in quotes or not, before it runs.
        if answer.lines.iter().any(|line| line.text.ends_with(words)) {
            return Ok(());
        }
    }
    anyhow::bail!("the build never told of `{words}`\n{}", server.log())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_goes_in_the_middle_of_a_build_is_waited_for() -> anyhow::Result<()> {
    let (server, mut gate) = gated().await?;
    // Named, so that the Engine does not have it from an earlier run.
    let slow = format!(
        "RUN : {}; echo it is under way && sleep 20\nCOPY",
        server.scope.label()
    );
    let dockerfile = WEB.replace("COPY", &slow);
    server
        .app(
            "broken-off",
            &[("Dockerfile", &dockerfile), ("page", "built")],
        )
        .await?;
    let deploy = server.ask_deploy("broken-off", "HEAD").await?;
    step_has(&server, &deploy.id, " builds ").await?;
    let build = server.deploy_of(&deploy.id).await?.build;
    until_it_tells(&server, &build, "it is under way").await?;
    gate.shut();
    // Three looks are over by then: what answers soon has no need of more.
    let step = step_has(&server, &deploy.id, "trying again in 15 s").await?;
    contains(&step, &[&build, "waits", "the node does not answer"]);
    gate.pass()?;
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        server.log()
    );
    let told = output(&server, &build).await?.join("\n");
    contains(
        &told,
        &[
            "the node does not answer: ",
            "; trying again in 2 s",
            "; trying again in 8 s",
        ],
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_goes_in_the_middle_of_a_deploy_is_waited_for() -> anyhow::Result<()> {
    let (mut server, mut gate) = gated().await?;
    let repository = server
        .app("cut", &[("Dockerfile", WEB), ("page", "first")])
        .await?;
    server.deployed("cut").await?;
    let before = server.settled("cut", "one", exactly(1)).await?;
    // It listens late, so that the deploy is not over before Docker goes.
    let late = WEB.replace(
        "CMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]",
        "CMD sleep 20 && exec httpd -f -p 8888 -h /www",
    );
    let files = [("Dockerfile", &*late), ("page", "second")];
    repository.commit(&change("second", &files))?;
    let starts = server.log().matches("step action=\"start\"").count();
    let deploy = server.ask_deploy("cut", "HEAD").await?;
    let log = server.file("log");
    server.wait("a second start", || {
        std::fs::read_to_string(&log)
            .is_ok_and(|log| log.matches("step action=\"start\"").count() > starts)
    })?;
    gate.shut();
    assert_eq!(
        get(&before[0].address).await?,
        "first",
        "the old one is not touched"
    );
    step_has(&server, &deploy.id, "does not answer").await?;
    gate.pass()?;
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        server.log()
    );
    let after = server.settled("cut", "one", exactly(1)).await?;
    assert_eq!(get(&after[0].address).await?, "second");
    assert_eq!(server.scope.containers()?, [after[0].container.clone()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_daemon_the_server_says_so_and_stops_nothing() -> anyhow::Result<()> {
    let (server, mut gate) = gated().await?;
    server
        .app("dark", &[("Dockerfile", WEB), ("page", "dark")])
        .await?;
    server.deployed("dark").await?;
    let before = server.settled("dark", "one", exactly(1)).await?;
    gate.shut();
    is_down(&server).await?;
    let unknown = |instances: &[v1::Instance]| {
        instances.len() == 1 && instances[0].state() == v1::InstanceState::Unknown
    };
    server.settled("dark", "it to be unknown", unknown).await?;
    gate.pass()?;
    let after = server.settled("dark", "one", exactly(1)).await?;
    assert_eq!(containers(&before), containers(&after));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_without_a_daemon_says_so_and_goes_on_when_it_comes()
-> anyhow::Result<()> {
    let mut gate = Gate::open()?;
    gate.shut();
    let docker = format!("unix://{}", gate.socket().display());
    let server = Jockeyd::start_with(&["--docker", &docker]).await?;
    contains(&server.log(), &["does not answer"]);
    is_down(&server).await?;
    server
        .app("early", &[("Dockerfile", WEB), ("page", "early")])
        .await?;
    let deploy = server.ask_deploy("early", "HEAD").await?;
    let step = step_has(&server, &deploy.id, "trying again in 8 s").await?;
    contains(&step, &["waits", "the node does not answer"]);
    gate.pass()?;
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(
        deploy.state(),
        DeployState::Deployed,
        "{deploy:?}\n{}",
        server.log()
    );
    let instances = server.settled("early", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "early");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_without_a_daemon_fails_at_its_deadline_and_says_why() -> anyhow::Result<()> {
    let mut gate = Gate::open()?;
    let docker = format!("unix://{}", gate.socket().display());
    let server = Jockeyd::start_with(&["--docker", &docker, "--build-deadline", "15s"]).await?;
    gate.shut();
    server
        .app("never", &[("Dockerfile", WEB), ("page", "never")])
        .await?;
    let deploy = server.deploy("never", "HEAD").await?;
    assert_eq!(deploy.state(), DeployState::Failed, "{deploy:?}");
    contains(
        &deploy.reason,
        &["it took longer than 15 s", "the node does not answer"],
    );
    Ok(())
}

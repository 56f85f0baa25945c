//! Builds: shared by all who want the same, without anything of an environment, and cancelled when asked.

use crate::{
    calls::contains,
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::{WEB, endless},
};
use proto::v1::{self, BuildState, DeployState};

fn build(app: &str) -> v1::CreateBuildRequest {
    v1::CreateBuildRequest {
        app: app.to_owned(),
        r#ref: "HEAD".to_owned(),
        ..v1::CreateBuildRequest::default()
    }
}

#[tokio::test]
async fn a_deploy_takes_the_image_of_a_build_that_is_there() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("ready", &[("Dockerfile", WEB), ("page", "ready")])
        .await?;
    let commit = repository.resolve("HEAD")?;
    let built = server.build("ready", &commit[..10]).await?;
    assert_eq!(built.state(), BuildState::Completed, "{built:?}");
    assert_eq!(built.commit, commit);
    assert_eq!(server.scope.containers()?, [""; 0], "a build runs nothing");
    let again = server.build("ready", "main").await?;
    assert_eq!(again.id, built.id);
    server.deployed("ready").await?;
    let instances = server.settled("ready", "one", exactly(1)).await?;
    assert_eq!(instances[0].image, built.image);
    let builds = server
        .admin()
        .builds()
        .list_builds(v1::ListBuildsRequest::default())
        .await?;
    assert_eq!(builds.into_inner().builds.len(), 1);
    Ok(())
}

#[tokio::test]
async fn equal_requests_at_once_share_one_build() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = WEB.replace("COPY", "RUN sleep 1\nCOPY");
    server
        .app("shared", &[("Dockerfile", &dockerfile), ("page", "x")])
        .await?;
    let (mut one, mut other) = (server.admin().builds(), server.admin().builds());
    let (one, other) = tokio::join!(
        one.create_build(build("shared")),
        other.create_build(build("shared"))
    );
    let id = |answer: v1::CreateBuildResponse| answer.build.expect("a build").id;
    assert_eq!(id(one?.into_inner()), id(other?.into_inner()));
    server.deployed("shared").await?;
    Ok(())
}

#[tokio::test]
async fn nothing_of_an_environment_is_present_in_a_build() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = "FROM busybox:1\nRUN mkdir /www && env >/www/index.html\nCMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]\n";
    server.app("clean", &[("Dockerfile", dockerfile)]).await?;
    for environment in ["development", "staging"] {
        for (stack, app) in [("", ""), ("api", ""), ("", "clean")] {
            let request = v1::UpdateConfigSetRequest {
                environment: environment.to_owned(),
                stack: stack.to_owned(),
                app: app.to_owned(),
                set: [(format!("PLANTED_{stack}{app}"), "seed".to_owned())].into(),
                ..v1::UpdateConfigSetRequest::default()
            };
            server.admin().configs().update_config_set(request).await?;
        }
    }
    server.deployed("clean").await?;
    let instances = server.settled("clean", "one", exactly(1)).await?;
    let seen = get(&instances[0].address).await?;
    contains(&seen, &["PATH="]);
    assert!(
        !seen.contains("PLANTED") && !seen.contains("seed") && !seen.contains("JOCKEY"),
        "{seen}"
    );
    // All of them are there when it runs.
    let words = ["exec", &instances[0].container, "env"];
    let runs_with = testkit::docker::run(words)?;
    contains(
        &runs_with,
        &["PLANTED_=seed", "PLANTED_api=seed", "PLANTED_clean=seed"],
    );
    Ok(())
}

#[tokio::test]
async fn a_dockerfile_at_a_path_of_its_own_is_what_is_built() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let files = [
        ("Dockerfile", "FROM busybox:1\nRUN exit 7\n"),
        ("build/of-web", WEB),
        ("page", "of its own"),
    ];
    server.app("moved", &files).await?;
    let words = ["apps", "update", "moved", "--dockerfile", "build/of-web"];
    server.jockey(&words).await?.with(0);
    server.deployed("moved").await?;
    let instances = server.settled("moved", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "of its own");
    Ok(())
}

#[tokio::test]
async fn a_build_reads_the_secrets_that_its_app_names() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    std::fs::write(secrets.path().join("npm"), "s3cret-value")?;
    let directory = secrets.path().display().to_string();
    let server = Jockeyd::start_with(&["--build-secrets", &directory]).await?;
    let dockerfile = "FROM busybox:1\nRUN --mount=type=secret,id=npm mkdir /www && md5sum </run/secrets/npm >/www/index.html\nCMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]\n";
    for (name, secret) in [("told", "npm"), ("untold", "pip")] {
        let repository = server.repositories.create(&format!("example/{name}"))?;
        repository.commit(&change("first", &[("Dockerfile", dockerfile)]))?;
        let app = v1::App {
            name: name.to_owned(),
            repo: format!("example/{name}"),
            build_secrets: vec![secret.to_owned()],
            ..v1::App::default()
        };
        let request = v1::CreateAppRequest {
            app: Some(app),
            ..v1::CreateAppRequest::default()
        };
        server.admin().apps().create_app(request).await?;
    }
    server.deployed("told").await?;
    let instances = server.settled("told", "one", exactly(1)).await?;
    let seen = get(&instances[0].address).await?;
    contains(&seen, &["dfe5e226b6e19e8fb9d764084d02923a"]);
    // It is gone once the step is over, and no layer has it.
    let id = &instances[0].container;
    let look = "ls -A /run/secrets 2>/dev/null; true";
    let found = testkit::docker::run(["exec", id, "sh", "-c", look])?;
    assert_eq!(found.trim(), "");

    let failed = server.build("untold", "HEAD").await?;
    assert_eq!(failed.state(), BuildState::Failed);
    let why = "the app wants the build secret `pip`, which this server does not have";
    contains(&failed.reason, &[why]);
    assert!(!server.log().contains("s3cret-value"));
    Ok(())
}

#[tokio::test]
async fn a_build_that_is_cancelled_ends_and_fails_the_deploy_that_waits() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = endless(&server.scope.label());
    server
        .app("endless", &[("Dockerfile", &dockerfile)])
        .await?;
    let deploy = server.ask_deploy("endless", "HEAD").await?;
    let request = || v1::GetDeployRequest {
        deploy: deploy.id.clone(),
    };
    let building = |answer: &v1::GetDeployResponse| {
        answer
            .deploy
            .as_ref()
            .is_some_and(|it| it.state() == DeployState::Building)
    };
    let ask = || async { server.admin().deploys().get_deploy(request()).await };
    let found = server.until("the build to begin", ask, building).await?;
    let cancel = v1::CancelBuildRequest {
        build: found.deploy.expect("it").build,
        ..v1::CancelBuildRequest::default()
    };
    server.admin().builds().cancel_build(cancel).await?;
    let ended = server.ended(&deploy.id).await?;
    assert_eq!(ended.state(), DeployState::Failed, "{ended:?}");
    contains(&ended.reason, &["cancelled"]);
    Ok(())
}

#[tokio::test]
async fn a_build_says_how_its_image_is_made() -> anyhow::Result<()> {
    let server =
        Jockeyd::start_with(&["--builder", "buildstep=127.0.0.1:1/no-such-builder:1"]).await?;
    server
        .app("dock", &[("Dockerfile", "FROM busybox:1\nRUN false\n")])
        .await?;
    server.app("pack", &[("Procfile", "web: serve\n")]).await?;
    let docked = server.build("dock", "HEAD").await?;
    assert_eq!(docked.state(), BuildState::Failed, "{docked:?}");
    assert_eq!(docked.strategy(), v1::BuildStrategy::Dockerfile);
    assert_eq!(docked.builder, None);
    let packed = server.build("pack", "HEAD").await?;
    assert_eq!(packed.strategy(), v1::BuildStrategy::Buildpacks);
    let builder = packed.builder.expect("the server's");
    assert_eq!(
        (builder.image.as_str(), builder.layout()),
        (
            "127.0.0.1:1/no-such-builder:1",
            v1::BuilderLayout::Buildstep
        )
    );
    let table = server.jockey(&["builds", "list"]).await?.with(0).out;
    contains(
        &table,
        &["STRATEGY", "dockerfile", "buildpacks", "no-such-builder:1"],
    );
    Ok(())
}

#[tokio::test]
async fn a_build_past_its_deadline_fails_with_words() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--build-deadline", "2s"]).await?;
    let dockerfile = endless(&server.scope.label());
    server.app("late", &[("Dockerfile", &dockerfile)]).await?;
    let built = server.build("late", "HEAD").await?;
    assert_eq!(built.state(), BuildState::Failed, "{built:?}");
    assert_eq!(built.reason, "it took longer than 2 s");
    Ok(())
}

#[tokio::test]
async fn a_build_that_no_deploy_waits_for_any_more_is_cancelled() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = endless(&server.scope.label());
    server
        .app("dropped", &[("Dockerfile", &dockerfile)])
        .await?;
    let mut deploys = Vec::new();
    for environment in ["development", "production"] {
        let request = v1::CreateDeployRequest {
            app: "dropped".to_owned(),
            environment: environment.to_owned(),
            ..v1::CreateDeployRequest::default()
        };
        let made = server.admin().deploys().create_deploy(request).await?;
        deploys.push(made.into_inner().deploy.expect("a deploy").id);
    }
    let mut builds = Vec::new();
    for deploy in &deploys {
        let ask = || async {
            let deploy = deploy.clone();
            let request = v1::GetDeployRequest { deploy };
            server.admin().deploys().get_deploy(request).await
        };
        let waits = |answer: &v1::GetDeployResponse| {
            let deploy = answer.deploy.as_ref();
            deploy.is_some_and(|it| it.state() == DeployState::Building && !it.build.is_empty())
        };
        let found = server.until("the build to begin", ask, waits).await?;
        builds.push(found.deploy.expect("it").build);
    }
    assert_eq!(builds[0], builds[1], "they share it");
    let state = async || -> anyhow::Result<v1::Build> {
        let build = builds[0].clone();
        let request = v1::GetBuildRequest { build };
        let answer = server.admin().builds().get_build(request).await?;
        Ok(answer.into_inner().build.expect("a build"))
    };
    let cancel = async |deploy: &String| {
        let request = v1::CancelDeployRequest {
            deploy: deploy.clone(),
            ..v1::CancelDeployRequest::default()
        };
        server.admin().deploys().cancel_deploy(request).await
    };
    cancel(&deploys[0]).await?;
    server.ended(&deploys[0]).await?;
    assert_eq!(state().await?.state(), BuildState::InProgress);
    cancel(&deploys[1]).await?;
    let ask = || async {
        let build = builds[0].clone();
        let request = v1::GetBuildRequest { build };
        server.admin().builds().get_build(request).await
    };
    let over = |answer: &v1::GetBuildResponse| {
        let build = answer.build.as_ref();
        build.is_some_and(|it| it.state() == BuildState::Cancelled)
    };
    let ended = server.until("the build to be cancelled", ask, over).await?;
    let reason = ended.build.expect("it").reason;
    assert_eq!(reason, "no deploy waits for it any more");
    Ok(())
}

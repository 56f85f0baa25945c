//! The main job: from a commit to healthy containers.

use crate::{
    calls::{DEVELOPMENT, containers, contains, workers_are},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::{ENVIRONMENT, SERVE, SLOW, STAGES, TOOLS, WEB},
};
use proto::v1::{self, DeployCause, DeployState};

#[tokio::test]
async fn a_commit_becomes_an_instance_that_answers() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("page", &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    let first = server.deployed("page").await?;
    let instances = server
        .settled("page", "one healthy instance", exactly(1))
        .await?;
    assert_eq!(get(&instances[0].address).await?, "one");

    let commit = repository.commit(&change("second", &[("page", "two")]))?;
    let second = server.deploy("page", "main").await?;
    assert_eq!(second.state(), DeployState::Deployed, "{second:?}");
    assert_eq!(
        (second.cause(), &second.commit),
        (DeployCause::Commit, &commit)
    );
    let replaced = server
        .settled("page", "one healthy instance", exactly(1))
        .await?;
    assert_ne!(replaced[0].id, instances[0].id);
    assert_eq!(get(&replaced[0].address).await?, "two");
    assert_eq!(server.scope.containers()?, [replaced[0].container.clone()]);
    assert_eq!(
        server.deploy_of(&first.id).await?.state(),
        DeployState::Stopped
    );
    Ok(())
}

/// `jockey deploy`, of which the server has the first.
async fn typed(server: &Jockeyd, app: &str) -> anyhow::Result<v1::Deploy> {
    let words = ["deploy", "-a", app, "-e", DEVELOPMENT];
    let told = server.jockey(&words).await?.with(0);
    contains(&format!("{}{}", told.out, told.err), &["dep-1"]);
    let deploy = server.deploy_of("dep-1").await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    Ok(deploy)
}

#[tokio::test]
async fn a_dockerfile_of_several_stages_is_deployed() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("stages", &[("Dockerfile", STAGES)]).await?;
    typed(&server, "stages").await?;
    let instances = server.settled("stages", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "from-a-stage");
    Ok(())
}

#[tokio::test]
async fn an_app_that_takes_5_s_to_listen_is_waited_for() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("slow", &[("Dockerfile", SLOW)]).await?;
    let deploy = typed(&server, "slow").await?;
    let (began, ended) = (
        deploy.start_time.expect("it began"),
        deploy.end_time.expect("it ended"),
    );
    assert!(ended.seconds - began.seconds >= 4, "{deploy:?}");
    let instances = server.settled("slow", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "slow\n");
    assert_eq!(instances[0].restarts, 0);
    Ok(())
}

/// A builder image as herokuish is one: `/build` compiles what lies in `/tmp/app`, `/start NAME` runs a process of its
/// Procfile.
fn herokuish(server: &Jockeyd) -> anyhow::Result<String> {
    const DOCKERFILE: &str = r#"
FROM busybox:1
RUN printf '#!/bin/sh\nset -e\nmkdir /app\ncp -r /tmp/app/. /app\necho -n "compiled $(cat /app/source)" >/app/index.html\n' >/build \
 && printf '#!/bin/sh\ncd /app\nexec sh -c "$(sed -n "s/^$1: //p" Procfile)"\n' >/start \
 && chmod +x /build /start
"#;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("Dockerfile"), DOCKERFILE)?;
    let (tag, label) = (server.scope.name("builder"), server.scope.label());
    let path = directory.path().display().to_string();
    testkit::docker::run(["build", "--quiet", "--tag", &tag, "--label", &label, &path])?;
    Ok(tag)
}

#[tokio::test]
async fn a_procfile_without_a_dockerfile_is_built_by_the_builder() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[])?;
    let builder = format!("herokuish={}", herokuish(&server)?);
    server.arguments().extend(["--builder".to_owned(), builder]);
    server.resume().await?;
    let procfile = "web: httpd -f -p $PORT -h /app\nclock: while true; do date; sleep 1; done\n";
    server
        .app("pack", &[("Procfile", procfile), ("source", "sources")])
        .await?;
    typed(&server, "pack").await?;
    let instances = server.settled("pack", "web alone", exactly(1)).await?;
    assert_eq!(instances[0].worker, "web");
    assert_eq!(get(&instances[0].address).await?, "compiled sources");

    server.scale("pack", "clock", 1).await?;
    let both = server.settled("pack", "web and clock", exactly(2)).await?;
    assert!(workers_are(&both, &["clock", "web"]), "{both:?}");
    Ok(())
}

#[tokio::test]
async fn workers_come_from_the_commits_jockey_toml() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let manifest = format!(
        r#"
[workers.web]
command = "{SERVE}"
scale = 2
check = {{ path = "/" }}

[workers.admin]
command = ["sh", "-c", "{SERVE}"]
port = 9000
scale = 1

[workers.clock]
command = "while true; do date; sleep 1; done"
scale = 1
settle = "1s"

[workers.rare]
command = "sleep 600"
"#
    );
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "tools"),
        ("jockey.toml", &*manifest),
    ];
    let repository = server.app("many", &files).await?;
    server.deployed("many").await?;
    let instances = server.settled("many", "four", exactly(4)).await?;
    assert!(
        workers_are(&instances, &["admin", "clock", "web", "web"]),
        "{instances:?}"
    );
    for instance in &instances {
        match instance.worker.as_str() {
            "clock" => assert_eq!(instance.address, ""),
            _ => assert_eq!(get(&instance.address).await?, "tools"),
        }
    }

    // The next commit has no clock any more; what is said of scale counts for the first time only.
    let manifest = format!("[workers.web]\ncommand = \"{SERVE}\"\nscale = 1\n");
    repository.commit(&change("fewer", &[("jockey.toml", &manifest)]))?;
    server.deployed("many").await?;
    let instances = server.settled("many", "two", exactly(2)).await?;
    assert!(workers_are(&instances, &["web", "web"]), "{instances:?}");
    Ok(())
}

#[tokio::test]
async fn config_reaches_the_process_and_a_change_of_it_is_a_deploy() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("envy", &[("Dockerfile", ENVIRONMENT)]).await?;
    let before = server
        .set_config(
            "envy",
            &[("GREETING", "hello"), ("ODD", "a b\n'c' \"d\" $e")],
        )
        .await?;
    assert!(before.is_empty(), "nothing runs yet: {before:?}");
    server.deployed("envy").await?;
    let first = server.settled("envy", "one", exactly(1)).await?;
    let seen = get(&first[0].address).await?;
    for wanted in ["GREETING=hello\n", "PORT=8888\n", "ODD=a b\n'c' \"d\" $e\n"] {
        assert!(seen.contains(wanted), "{wanted:?} is not in {seen}");
    }

    let deploys = server
        .set_config("envy", &[("GREETING", "good day")])
        .await?;
    assert_eq!(deploys.len(), 1);
    assert_eq!(deploys[0].state(), DeployState::Deployed, "{deploys:?}");
    assert_eq!(deploys[0].cause(), DeployCause::Config);
    let second = server.settled("envy", "one", exactly(1)).await?;
    assert!(
        get(&second[0].address)
            .await?
            .contains("GREETING=good day\n")
    );
    assert_ne!(containers(&first), containers(&second));
    assert_eq!(first[0].image, second[0].image);

    let same = server
        .set_config("envy", &[("GREETING", "good day")])
        .await?;
    assert!(same.is_empty(), "nothing changed: {same:?}");
    Ok(())
}

#[tokio::test]
async fn the_config_of_the_app_wins_over_that_of_stack_and_environment() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("layers", &[("Dockerfile", ENVIRONMENT)]).await?;
    let layers = [
        ("", "", "environment"),
        ("api", "", "stack"),
        ("", "layers", "app"),
    ];
    for (at, (stack, app, value)) in layers.into_iter().enumerate() {
        let keys = ["FIRST", "SECOND", "THIRD"].into_iter().skip(at);
        let request = v1::UpdateConfigSetRequest {
            environment: DEVELOPMENT.to_owned(),
            stack: stack.to_owned(),
            app: app.to_owned(),
            set: keys.map(|key| (key.to_owned(), value.to_owned())).collect(),
            ..v1::UpdateConfigSetRequest::default()
        };
        server.admin().configs().update_config_set(request).await?;
    }
    server.deployed("layers").await?;
    let seen = server.settled("layers", "one", exactly(1)).await?;
    let body = get(&seen[0].address).await?;
    for wanted in ["FIRST=environment\n", "SECOND=stack\n", "THIRD=app\n"] {
        assert!(body.contains(wanted), "{wanted:?} is not in {body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rescale_keeps_the_instances_that_stay() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("wide", &[("Dockerfile", WEB), ("page", "wide")])
        .await?;
    let deploy = server.deployed("wide").await?;
    let one = server.settled("wide", "one", exactly(1)).await?;
    server.scale("wide", "web", 3).await?;
    let three = server.settled("wide", "three", exactly(3)).await?;
    assert!(containers(&three).is_superset(&containers(&one)));
    assert!(three.iter().all(|it| it.deploy == deploy.id), "{three:?}");
    for instance in &three {
        assert_eq!(get(&instance.address).await?, "wide");
    }
    server.scale("wide", "web", 2).await?;
    let two = server.settled("wide", "two", exactly(2)).await?;
    assert!(containers(&two).is_subset(&containers(&three)));
    server.scale("wide", "web", 0).await?;
    server.settled("wide", "none", exactly(0)).await?;
    assert_eq!(server.scope.containers()?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_rollback_brings_back_image_config_and_workers_while_scale_stays() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile = "FROM busybox:1\nCOPY page /page\nRUN mkdir /www\n";
    let workers = |last: &str| {
        let serve = "exec httpd -f -p 8888 -h /www";
        let command = format!("(cat /page && echo $MOOD {last}) >/www/index.html && {serve}");
        format!("[workers.web]\ncommand = \"{command}\"\n")
    };
    let repository = server
        .app(
            "back",
            &[
                ("Dockerfile", dockerfile),
                ("page", "one "),
                ("jockey.toml", &workers("early")),
            ],
        )
        .await?;
    server.set_config("back", &[("MOOD", "calm")]).await?;
    let first = server.deployed("back").await?;
    server.settled("back", "one", exactly(1)).await?;

    repository.commit(&change(
        "second",
        &[("page", "two "), ("jockey.toml", &workers("late"))],
    ))?;
    server.deployed("back").await?;
    server.set_config("back", &[("MOOD", "wild")]).await?;
    server.scale("back", "web", 2).await?;
    let wild = server.settled("back", "two", exactly(2)).await?;
    assert_eq!(get(&wild[0].address).await?, "two wild late\n");

    let request = v1::RollbackDeployRequest {
        app: "back".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        target: Some(v1::rollback_deploy_request::Target::Deploy(
            first.id.clone(),
        )),
        ..v1::RollbackDeployRequest::default()
    };
    let answer = server.admin().deploys().rollback_deploy(request).await?;
    let back = server
        .ended(&answer.into_inner().deploy.expect("a deploy").id)
        .await?;
    assert_eq!(back.state(), DeployState::Deployed, "{back:?}");
    assert_eq!(
        (back.cause(), &back.commit),
        (DeployCause::Rollback, &first.commit)
    );
    for instance in server.settled("back", "two", exactly(2)).await? {
        assert_eq!(get(&instance.address).await?, "one calm early\n");
    }

    // Without a target: what was current before.
    server.rolled_back("back").await?;
    for instance in server.settled("back", "two", exactly(2)).await? {
        assert_eq!(get(&instance.address).await?, "two wild late\n");
    }
    Ok(())
}

#[tokio::test]
async fn a_deploy_of_what_runs_already_replaces_nothing() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("same", &[("Dockerfile", WEB), ("page", "same")])
        .await?;
    let first = server.deployed("same").await?;
    server.scale("same", "web", 2).await?;
    let before = server.settled("same", "two", exactly(2)).await?;
    let second = server.deployed("same").await?;
    assert_ne!(first.id, second.id);
    assert_eq!(first.release, second.release);
    let after = server.settled("same", "two", exactly(2)).await?;
    assert_eq!(containers(&before), containers(&after));
    Ok(())
}

#[tokio::test]
async fn a_restart_replaces_every_instance() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("again", &[("Dockerfile", WEB), ("page", "again")])
        .await?;
    server.deployed("again").await?;
    server.scale("again", "web", 2).await?;
    let before = containers(&server.settled("again", "two", exactly(2)).await?);
    let request = v1::RestartWorkersRequest {
        app: "again".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        ..v1::RestartWorkersRequest::default()
    };
    server.admin().workers().restart_workers(request).await?;
    let replaced = |instances: &[v1::Instance]| {
        exactly(2)(instances) && containers(instances).is_disjoint(&before)
    };
    server.settled("again", "two new ones", replaced).await?;
    Ok(())
}

#[tokio::test]
async fn a_changed_worker_is_a_deploy() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("shape", &[("Dockerfile", WEB), ("page", "shape")])
        .await?;
    server.deployed("shape").await?;
    let request = v1::UpdateWorkerRequest {
        worker: "web".to_owned(),
        app: "shape".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        values: Some(v1::Worker {
            command: Some(v1::Command {
                kind: Some(v1::command::Kind::Shell(
                    "exec httpd -f -p 9999 -h /www".to_owned(),
                )),
            }),
            port: Some(9999),
            ..v1::Worker::default()
        }),
        ..v1::UpdateWorkerRequest::default()
    };
    let answer = server.admin().workers().update_worker(request).await?;
    let deploy = answer.into_inner().deploy.expect("a deploy follows");
    let deploy = server.ended(&deploy.id).await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    assert_eq!(deploy.cause(), DeployCause::Worker);
    let instances = server.settled("shape", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "shape");
    Ok(())
}

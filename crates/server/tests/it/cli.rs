//! What a person types, from the first app to the last rollback.

use crate::{
    calls::{contains, workers_are},
    harness::{Jockeyd, PATIENCE, change, exactly},
    network::get,
    programs::Ended,
    several::wait,
    sources::{ENVIRONMENT, SERVE, SLOW, TOOLS},
};
use anyhow::Context;
use proto::v1::{self, DeployCause, DeployState};
use serde_json::Value;
use std::process::Stdio;

/// A command line, cut at blanks.
async fn type_in(server: &Jockeyd, line: &str) -> anyhow::Result<Ended> {
    let words: Vec<&str> = line.split_whitespace().collect();
    server.jockey(&words).await
}

#[tokio::test]
async fn the_five_things_that_a_user_does_first() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server.repositories.create("example/typed")?;
    let first = repository.commit(&change("first", &[("Dockerfile", ENVIRONMENT)]))?;

    type_in(&server, "apps create typed --repo example/typed")
        .await?
        .with(0);
    type_in(&server, "config set -a typed -e development GREETING=hello")
        .await?
        .with(0);
    let told = type_in(&server, "deploy -a typed -e development HEAD")
        .await?
        .with(0);
    contains(
        &format!("{}{}", told.out, told.err),
        &["dep-1", &first[..7]],
    );
    type_in(&server, "scale -a typed -e development web=2")
        .await?
        .with(0);
    let instances = server.settled("typed", "two", exactly(2)).await?;
    contains(&get(&instances[0].address).await?, &["GREETING=hello"]);

    let table = type_in(&server, "status -a typed -e development")
        .await?
        .with(0)
        .out;
    contains(
        &table,
        &[
            "web",
            "node-1",
            "healthy",
            &instances[0].address,
            &first[..7],
        ],
    );
    let status = type_in(&server, "status -a typed -e development -o json")
        .await?
        .with(0)
        .out;
    let status: Value = serde_json::from_str(&status)?;
    contains(
        &status.to_string(),
        &[&instances[0].id, &instances[1].id, &first],
    );

    type_in(
        &server,
        "config set -a typed -e development GREETING=goodbye",
    )
    .await?
    .with(0);
    let after = server.settled("typed", "two", exactly(2)).await?;
    contains(&get(&after[0].address).await?, &["GREETING=goodbye"]);
    type_in(&server, "rollback -a typed -e development")
        .await?
        .with(0);
    let back = server.settled("typed", "two", exactly(2)).await?;
    contains(&get(&back[0].address).await?, &["GREETING=hello"]);
    Ok(())
}

#[tokio::test]
async fn a_rollback_goes_to_the_release_that_is_named() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("named", &[("Dockerfile", ENVIRONMENT)]).await?;
    let set = |value: &str| format!("config set -a named -e development GREETING={value}");
    type_in(&server, &set("one")).await?.with(0);
    let deploy = type_in(&server, "deploy -a named -e development").await?;
    deploy.with(0);
    for value in ["two", "three"] {
        type_in(&server, &set(value)).await?.with(0);
    }
    let first = server.deploy_of("dep-1").await?;
    let line = format!(
        "rollback -a named -e development --to {} -o json",
        first.release
    );
    let told = type_in(&server, &line).await?.with(0).out;
    contains(&told, &["dep-4", &first.commit]);
    let back = server.settled("named", "one", exactly(1)).await?;
    contains(&get(&back[0].address).await?, &["GREETING=one\n"]);
    let back = server.deploy_of("dep-4").await?;
    assert_eq!(back.cause(), DeployCause::Rollback);
    // The one that was before it is the third, wherever the first was.
    type_in(&server, "rollback -a named -e development")
        .await?
        .with(0);
    let on = server.settled("named", "one", exactly(1)).await?;
    contains(&get(&on[0].address).await?, &["GREETING=three\n"]);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_is_made_by_hand_runs() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("made", &[("Dockerfile", TOOLS), ("page", "by hand")])
        .await?;
    let place = ["-a", "made", "-e", "development"];
    let create = ["workers", "create", "web", "--command", SERVE];
    let made = server.jockey(&[&create[..], &place[..]].concat()).await?;
    made.with(0);
    type_in(&server, "deploy -a made -e development")
        .await?
        .with(0);
    let web = server.settled("made", "web", exactly(1)).await?;
    assert_eq!(get(&web[0].address).await?, "by hand");
    // Of an App that runs it is deployed at once.
    let second = "workers create admin -a made -e development --port 9000 --scale 1 -- httpd -f -p 9000 -h /www";
    type_in(&server, second).await?.with(0);
    let both = server.settled("made", "both", exactly(2)).await?;
    assert!(workers_are(&both, &["admin", "web"]), "{both:?}");
    for instance in &both {
        assert_eq!(get(&instance.address).await?, "by hand");
    }
    Ok(())
}

#[tokio::test]
async fn ctrl_c_ends_the_following_and_not_the_deploy() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    // It listens when it is let go, so that the deploy is not over before it was looked at.
    let held = SLOW.replace("sleep 5 &&", "while ! test -e /go; do sleep 0.1; done;");
    server.app("slow", &[("Dockerfile", &held)]).await?;
    let mut following = server.jockey_command(&["deploy", "-a", "slow", "-e", "development"])?;
    let following = following
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let runs =
        |all: &[v1::Instance]| all.len() == 1 && all[0].state() == v1::InstanceState::Running;
    let started = server.settled("slow", "it to run", runs).await?;
    testkit::process::interrupt(following.id().context("it runs")?)?;
    let ended = tokio::time::timeout(PATIENCE, following.wait_with_output()).await??;
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let words = [
        "no longer following",
        "jockey deploys watch dep-1",
        "jockey deploys cancel dep-1",
    ];
    contains(&String::from_utf8(ended.stderr)?, &words);
    let deploy = server.deploy_of("dep-1").await?;
    assert_eq!(deploy.state(), DeployState::Deploying, "{deploy:?}");
    testkit::docker::run(["exec", &started[0].container, "touch", "/go"])?;
    let deploy = server.ended("dep-1").await?;
    assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
    server.settled("slow", "one", exactly(1)).await?;
    Ok(())
}

#[tokio::test]
async fn logs_and_events_are_there_to_read() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let dockerfile =
        "FROM busybox:1\nCMD echo the app speaks && mkdir /www && exec httpd -f -p 8888 -h /www\n";
    server.app("chatty", &[("Dockerfile", dockerfile)]).await?;
    server.deployed("chatty").await?;
    let logs = type_in(&server, "logs -a chatty -e development")
        .await?
        .with(0)
        .out;
    contains(&logs, &["the app speaks"]);
    let logs = type_in(&server, "logs --build bld-1").await?.with(0).out;
    contains(&logs, &["fetching example/chatty", "using Dockerfile"]);
    let events = type_in(&server, "events -a chatty").await?.with(0).out;
    contains(&events, &["deploy.", "dep-1 is deployed"]);
    let plan = type_in(&server, "reconcile -e development --preview")
        .await?
        .with(0);
    assert!(!plan.out.contains("start"), "{plan:?}");
    Ok(())
}

#[tokio::test]
async fn a_preview_says_each_step_and_why() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("previewed", &[("Dockerfile", ENVIRONMENT)])
        .await?;
    server.deployed("previewed").await?;
    server.settled("previewed", "one", exactly(1)).await?;
    let preview = "reconcile -e development --preview";
    // Once its node starts it again by itself, too, which is the last thing that a deploy does.
    wait("nothing to do", async || {
        let plan = type_in(&server, preview).await?.with(0).out;
        Ok(plan.contains("nothing to do"))
    })
    .await?;
    // What should go has nowhere else to go to, so that it is held for as long as anybody looks.
    type_in(&server, "nodes drain node-1 --detach")
        .await?
        .with(0);
    let plan = type_in(&server, preview).await?.with(0).out;
    contains(
        &plan,
        &[
            "held: stop",
            "1 must stay healthy, 1 is",
            "held: start",
            "no node can take it: node-1 is being drained",
        ],
    );
    let plan = type_in(&server, &format!("{preview} -o json")).await?;
    let plan: Value = serde_json::from_str(&plan.with(0).out)?;
    let held = plan["plan"]["held"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    assert!(!held.is_empty(), "{plan}");
    for step in held {
        assert_ne!(step["why"].as_str().unwrap_or_default(), "", "{plan}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_held_on_disk_is_listed_with_what_holds_it() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.app("kept", &[("Dockerfile", ENVIRONMENT)]).await?;
    server.deployed("kept").await?;
    let instances = server.settled("kept", "one", exactly(1)).await?;
    let table = type_in(&server, "system df").await?.with(0).out;
    let image = &instances[0].image["sha256:".len()..][..12];
    let why = "release rel-1 of kept in development";
    contains(&table, &["HELD BY", "node-1", image, why, " in all, "]);
    Ok(())
}

#[tokio::test]
async fn the_exit_code_tells_the_truth() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app(
            "broken",
            &[("Dockerfile", "FROM busybox:1\nCMD echo no luck && exit 3\n")],
        )
        .await?;
    let told = type_in(&server, "deploy -a broken -e development")
        .await?
        .with(7);
    contains(&told.err, &["exited with code 3", "no luck"]);
    let told = type_in(&server, "deploy -a unknown -e development")
        .await?
        .with(3);
    contains(&told.err, &["there is no app `unknown`"]);
    let told = type_in(&server, "scale -a broken -e development web=-1").await?;
    told.with(2);
    let told = type_in(&server, "deploy -a broken").await?.with(2);
    contains(&told.err, &["which environment?"]);
    let wrong = ["--server", "http://127.0.0.1:1", "apps", "list"];
    server.jockey(&wrong).await?.with(6);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_prints_the_plan() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("planned", &[("Dockerfile", ENVIRONMENT)])
        .await?;
    server.deployed("planned").await?;
    let plan = type_in(&server, "scale -a planned -e development web=3 --dry-run")
        .await?
        .with(0);
    contains(&plan.out, &["start", "web", "1 of 3"]);
    server.settled("planned", "one", exactly(1)).await?;
    Ok(())
}

#[tokio::test]
async fn any_rpc_is_called_by_name_also_one_that_only_the_server_knows() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let made = r#"{"app":{"name":"typed","repo":"example/typed"}}"#;
    let made = server
        .jockey(&["api", "AppService.CreateApp", made])
        .await?
        .with(0);
    let made: Value = serde_json::from_str(&made.out)?;
    assert_eq!(made["app"]["id"], "app-1");
    let refused = server
        .jockey(&["api", "AppService.GetApp", r#"{"app":"absent"}"#])
        .await?
        .with(3);
    contains(&refused.err, &["there is no app `absent`"]);

    // Of reflection itself the program knows nothing but how to ask.
    let reflection = "grpc.reflection.v1.ServerReflection.ServerReflectionInfo";
    let help = server.jockey(&["api", reflection, "--help"]).await?.with(0);
    contains(&help.out, &["list_services: string", "a stream of these"]);
    let questions = "{\"list_services\": \"\"}\n\n{\"all_extension_numbers_of_type\": \"any\"}\n";
    let answers = server
        .jockey_reading(&["api", reflection], questions)
        .await?
        .with(0);
    let answers: Vec<&str> = answers.out.lines().collect();
    assert_eq!(answers.len(), 2, "{answers:?}");
    contains(answers[0], &["jockey.v1.DeployService"]);
    contains(answers[1], &["all_extension_numbers_response"]);

    // What is told half is not carried out as if it were whole.
    let broken = "{\"list_services\": \"\"}\nnonsense\n";
    let broken = server
        .jockey_reading(&["api", reflection], broken)
        .await?
        .with(2);
    contains(&broken.err, &["line 2 of standard input"]);
    Ok(())
}

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use proto::v1::{
    CreateDeployRequest, CreateDeployResponse, Deploy, DeployConflict, DeployFailure, DeployPhase,
    DeployState, ListDeploysResponse, ListInstancesResponse, LogLine, RollbackDeployRequest,
    RollbackDeployResponse, StreamInstanceLogsResponse, WatchDeployRequest, WatchDeployResponse,
    WorkerProgress, rollback_deploy_request::Target,
};

use crate::world::{World, deploy, json, stderr, stdout};

const WATCH: &str = "DeployService/WatchDeploy";
const DEPLOY: &str = "deploy -a sample -e development main";

fn begun() -> World {
    let world = World::new();
    let answer = CreateDeployResponse {
        deploy: Some(deploy("dep-3", DeployState::Created)),
        ..CreateDeployResponse::default()
    };
    world.server.answer("DeployService/CreateDeploy", &answer);
    world
}

fn at(phase: DeployPhase, state: DeployState) -> WatchDeployResponse {
    WatchDeployResponse {
        deploy: Some(deploy("dep-3", state)),
        phase: phase.into(),
        ..WatchDeployResponse::default()
    }
}

fn building(numbers: &[i64]) -> WatchDeployResponse {
    let line = |number: &i64| LogLine {
        number: *number,
        text: format!("step {number}"),
        ..LogLine::default()
    };
    WatchDeployResponse {
        log_lines: numbers.iter().map(line).collect(),
        ..at(DeployPhase::Build, DeployState::Building)
    }
}

fn healthy(number: i32) -> WatchDeployResponse {
    let web = WorkerProgress {
        worker: "web".to_owned(),
        scale: 2,
        running: 2,
        healthy: number,
        old: 0,
    };
    WatchDeployResponse {
        workers: vec![web],
        ..at(DeployPhase::Healthy, DeployState::Deploying)
    }
}

/// All healthy, and so many old ones.
fn drain(old: i32) -> WatchDeployResponse {
    let mut message = at(DeployPhase::Drain, DeployState::Deploying);
    message.workers = healthy(2).workers;
    message.workers[0].old = old;
    message
}

fn done() -> WatchDeployResponse {
    at(DeployPhase::Done, DeployState::Deployed)
}

fn failed() -> WatchDeployResponse {
    let mut message = at(DeployPhase::Done, DeployState::Failed);
    message.deploy = Some(Deploy {
        reason: "web ins-9 exited with code 3".to_owned(),
        failure: Some(DeployFailure {
            instance: "ins-9".to_owned(),
            worker: "web".to_owned(),
            node: "local".to_owned(),
            exit_code: Some(3),
            log_tail: vec!["no database".to_owned(), "giving up".to_owned()],
            ..DeployFailure::default()
        }),
        ..message.deploy.unwrap()
    });
    message
}

#[test]
fn a_deploy_is_followed_to_its_end_in_plain_lines_where_there_is_no_terminal() {
    let world = begun();
    let fetch = at(DeployPhase::Fetch, DeployState::Building);
    let story = [
        fetch,
        building(&[1, 2]),
        healthy(0),
        healthy(1),
        healthy(1),
        healthy(2),
        done(),
    ];
    world.server.stream(WATCH, &story);
    let assert = world.run(DEPLOY).success();
    assert_eq!(
        stdout(&assert),
        "dep-3 deployed: sample in development, commit 678d49f, rel-1\n"
    );
    insta::assert_snapshot!(stderr(&assert), @r#"
dep-3: sample to development
fetch
build    678d49f
  | step 1
  | step 2
healthy  web 0/2 healthy
healthy  web 1/2 healthy
healthy  web 2/2 healthy
done     deployed
"#);
}

#[test]
fn what_the_build_wrote_last_is_shown_before_what_came_after_it() {
    let world = begun();
    let mut late = healthy(1);
    late.log_lines = building(&[2]).log_lines;
    world.server.stream(WATCH, &[building(&[1]), late, done()]);
    let assert = world.run(DEPLOY).success();
    insta::assert_snapshot!(stderr(&assert), @r#"
dep-3: sample to development
build    678d49f
  | step 1
  | step 2
healthy  web 1/2 healthy
healthy  web 2/2 healthy
done     deployed
"#);
}

#[test]
fn a_phase_that_has_ended_well_is_not_left_at_an_old_count() {
    let world = begun();
    let mut start = healthy(0);
    start.phase = DeployPhase::Start.into();
    start.workers[0].running = 1;
    let story = [start, healthy(0), healthy(1), drain(1), done()];
    world.server.stream(WATCH, &story);
    let assert = world.run(DEPLOY).success();
    insta::assert_snapshot!(stderr(&assert), @r#"
dep-3: sample to development
start    web 1/2 running
start    web 2/2 running
healthy  web 0/2 healthy
healthy  web 1/2 healthy
healthy  web 2/2 healthy
drain    1 old left
done     deployed
"#);
}

#[test]
fn quiet_leaves_the_result() {
    let world = begun();
    world.server.stream(WATCH, &[building(&[1]), done()]);
    let assert = world.run(&format!("{DEPLOY} -q")).success();
    assert_eq!(stderr(&assert), "");
    assert!(stdout(&assert).starts_with("dep-3 deployed"));
}

#[test]
fn a_failed_deploy_tells_reason_last_lines_and_what_to_do() {
    let world = begun();
    world.server.stream(WATCH, &[healthy(0), failed()]);
    let assert = world.run(DEPLOY).code(7);
    assert_eq!(stdout(&assert), "");
    insta::assert_snapshot!(stderr(&assert), @r#"
dep-3: sample to development
healthy  web 0/2 healthy
done     failed
last lines of web ins-9 on local:
  | no database
  | giving up
error: dep-3 failed: web ins-9 exited with code 3
next: jockey logs -a sample -e development --instance ins-9
"#);
}

#[test]
fn a_failed_deploy_is_an_object_as_json_and_still_no_success() {
    let world = begun();
    world.server.stream(WATCH, &[failed()]);
    let assert = world.run(&format!("{DEPLOY} -o json -q")).code(7);
    let value = json(&assert);
    assert_eq!(value["deploy"]["state"], "DEPLOY_STATE_FAILED");
    assert_eq!(value["deploy"]["failure"]["exit_code"], 3);
}

#[test]
fn a_cancelled_deploy_has_a_code_of_its_own() {
    let world = begun();
    world
        .server
        .stream(WATCH, &[at(DeployPhase::Done, DeployState::Cancelled)]);
    world.run(DEPLOY).code(8);
}

#[test]
fn what_is_said_of_a_deploy_is_sent() {
    let world = begun();
    world
        .run(&format!(
            "{DEPLOY} --detach --on-conflict supersede --timeout 1m30s"
        ))
        .success();
    let request: CreateDeployRequest = world.server.request("DeployService/CreateDeploy");
    assert_eq!(request.on_conflict(), DeployConflict::Supersede);
    assert_eq!(request.deadline.unwrap().seconds, 90);
    assert!(
        world
            .server
            .requests::<WatchDeployRequest>(WATCH)
            .is_empty()
    );
}

#[test]
fn following_goes_on_when_the_server_comes_back_and_repeats_no_line() {
    let world = begun();
    world.server.stopped_stream(WATCH, &[building(&[1, 2])]);
    world.server.broken_stream(WATCH);
    world.server.stream(WATCH, &[building(&[1, 2, 3])]);
    world.server.stream(WATCH, &[done()]);
    let said = stderr(&world.run(DEPLOY).success());
    for line in ["step 1", "step 2", "step 3"] {
        assert_eq!(said.matches(line).count(), 1, "{line} in {said}");
    }
    assert!(said.contains("the server has gone away"), "{said}");
    assert!(said.contains("the server is back"), "{said}");
    assert_eq!(world.server.requests::<WatchDeployRequest>(WATCH).len(), 4);
}

#[test]
fn ctrl_c_says_how_to_follow_again_and_cancels_nothing() {
    let world = begun();
    world.server.endless_stream(WATCH, &[healthy(1)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_jockey"))
        .args(DEPLOY.split(' '))
        .env("JOCKEY_SERVER", &world.server.url)
        .current_dir(world.directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let shown = lines.find(|line| line.as_ref().unwrap().contains("web 1/2 healthy"));
    assert!(shown.is_some());
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    insta::assert_snapshot!(rest.join("\n"), @r#"
no longer following
next: jockey deploys watch dep-3    follows it again; it goes on
next: jockey deploys cancel dep-3   cancels it
"#);
}

#[test]
fn on_a_terminal_the_phases_are_a_list_with_the_last_lines_of_the_build() {
    let world = begun();
    let story = [building(&[1, 2]), healthy(1), healthy(2), drain(1), done()];
    world.server.stream(WATCH, &story);
    let jockey = format!("{} {DEPLOY} --color always", env!("CARGO_BIN_EXE_jockey"));
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &jockey, "/dev/null"])
        .env("JOCKEY_SERVER", &world.server.url)
        .env("TERM", "xterm-256color")
        .current_dir(world.directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    let half = "━━━━━━━━╸        web 1/2 healthy";
    for want in ["✓ build", "step 2", half, "✓ healthy  web 2/2 healthy"] {
        assert!(shown.contains(want), "{want}: {shown}");
    }
    // Nothing is left when it has ended: `✓ drain    0.1 s`.
    assert!(shown.contains("✓ drain"), "{shown}");
    assert!(!shown.contains("✓ drain    1 old left"), "{shown}");
}

#[test]
fn a_rollback_goes_to_a_release_or_to_that_of_a_deploy() {
    for (to, want) in [
        ("", None),
        ("--to rel-3", Some(Target::Release("rel-3".to_owned()))),
        ("--to dep-7", Some(Target::Deploy("dep-7".to_owned()))),
    ] {
        let world = World::new();
        let answer = RollbackDeployResponse {
            deploy: Some(deploy("dep-3", DeployState::Created)),
            ..RollbackDeployResponse::default()
        };
        world.server.answer("DeployService/RollbackDeploy", &answer);
        world.server.stream(WATCH, &[done()]);
        world
            .run(&format!("rollback -a sample -e development {to}"))
            .success();
        let request: RollbackDeployRequest = world.server.request("DeployService/RollbackDeploy");
        assert_eq!(request.target, want);
    }
}

#[test]
fn a_deploy_can_be_watched_again() {
    let world = World::new();
    world.server.stream(WATCH, &[failed()]);
    world.run("deploys watch dep-3").code(7);
    let request: WatchDeployRequest = world.server.request(WATCH);
    assert_eq!(request.deploy, "dep-3");
}

#[test]
fn logs_of_what_does_not_run_lead_to_those_that_a_failed_deploy_has_left() {
    let world = World::new();
    let deploys = ListDeploysResponse {
        deploys: failed().deploy.into_iter().collect(),
        ..ListDeploysResponse::default()
    };
    world
        .server
        .stream::<StreamInstanceLogsResponse>("InstanceService/StreamInstanceLogs", &[])
        .answer(
            "InstanceService/ListInstances",
            &ListInstancesResponse::default(),
        )
        .answer("DeployService/ListDeploys", &deploys);
    let assert = world.run("logs -a sample -e development").success();
    assert_eq!(stdout(&assert), "");
    insta::assert_snapshot!(stderr(&assert), @r#"
nothing of sample runs in development; dep-3 failed: web ins-9 exited with code 3
next: jockey logs -a sample -e development --instance ins-9
"#);
}

#[test]
fn the_lines_of_a_failed_build_are_shown_once() {
    let mut failed = at(DeployPhase::Done, DeployState::Failed);
    failed.deploy.as_mut().unwrap().failure = Some(DeployFailure {
        log_tail: vec!["step 1".to_owned(), "step 2".to_owned()],
        ..DeployFailure::default()
    });
    // The second time nothing was shown of it.
    for story in [vec![building(&[1, 2]), failed.clone()], vec![failed]] {
        let world = begun();
        world.server.stream(WATCH, &story);
        let said = stderr(&world.run(DEPLOY).code(7));
        assert_eq!(said.matches("step 2").count(), 1, "{said}");
    }
}

use std::collections::HashMap;

use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt};

use crate::world::{World, stderr};

#[test]
fn each_refusal_has_its_exit_code() {
    for (code, want) in [
        (Code::InvalidArgument, 2),
        (Code::NotFound, 3),
        (Code::PermissionDenied, 4),
        (Code::Unauthenticated, 4),
        (Code::AlreadyExists, 5),
        (Code::Aborted, 5),
        (Code::FailedPrecondition, 5),
        (Code::Unavailable, 6),
        (Code::Internal, 1),
    ] {
        let world = World::new();
        world.server.refuse(
            "AppService/GetApp",
            code,
            "there is no app `x`; see `jockey apps list`",
        );
        let said = stderr(&world.run("apps show x").code(want));
        assert!(
            said.contains("error: there is no app `x`; see `jockey apps list`"),
            "{said}"
        );
    }
}

#[test]
fn the_field_that_is_wrong_is_named() {
    let world = World::new();
    let details = ErrorDetails::with_bad_request_violation("app.name", "has a space in it");
    let status =
        tonic::Status::with_error_details(Code::InvalidArgument, "the app is not valid", details);
    world.server.refuse_with("AppService/CreateApp", &status);
    let said = stderr(&world.run("apps create x --repo a/b").code(2));
    insta::assert_snapshot!(said, @r#"
error: the app is not valid
  app.name: has a space in it
"#);
}

#[test]
fn errors_are_objects_when_json_is_asked_for() {
    let world = World::new();
    let details = ErrorDetails::with_error_info(
        "UNKNOWN_APP",
        "jockey",
        [("app".to_owned(), "x".to_owned())],
    );
    let status = tonic::Status::with_error_details(Code::NotFound, "there is no app `x`", details);
    world.server.refuse_with("AppService/GetApp", &status);
    let said = stderr(&world.run("apps show x -o json").code(3));
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    insta::assert_json_snapshot!(error, @r#"
{
  "error": {
    "exit_code": 3,
    "fields": [],
    "message": "there is no app `x`",
    "next": [],
    "reason": "UNKNOWN_APP"
  }
}
"#);
}

#[test]
fn arguments_that_are_not_understood_are_an_object_too() {
    let world = World::new();
    for (arguments, want) in [
        (
            "events -o json --nonsense",
            "unexpected argument '--nonsense' found",
        ),
        (
            "-o json events --limit many",
            "invalid value 'many' for '--limit <LIMIT>'",
        ),
        (
            "apps create --output=json",
            "the following required arguments were not provided: ",
        ),
    ] {
        let said = stderr(&world.run(arguments).code(2));
        let error: serde_json::Value = serde_json::from_str(&said).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(want), "{said}");
        assert_eq!(error["error"]["exit_code"], 2, "{said}");
    }
    let said = stderr(&world.run("events -o table --nonsense").code(2));
    assert!(said.starts_with("error: unexpected argument"), "{said}");
}

#[test]
fn a_server_that_answers_is_not_unreachable() {
    let world = World::new();
    let details = ErrorDetails::with_error_info("REPOSITORY_UNREACHABLE", "jockey", HashMap::new());
    let status = tonic::Status::with_error_details(Code::Unavailable, "no git host", details);
    world.server.refuse_with("AppService/GetApp", &status);
    world.run("apps show x").code(1);
}

#[test]
fn a_server_that_is_not_there_is_told_with_how_to_start_it() {
    let world = World::new();
    let mut command = world.command("apps list --server http://127.0.0.1:1");
    let said = stderr(&command.assert().code(6));
    insta::assert_snapshot!(said, @r#"
error: cannot reach the server at http://127.0.0.1:1: Connection refused (os error 111)
next: start it with `jockeyd serve --dev`, or name another one with --server
"#);
}

#[test]
fn a_server_must_be_an_http_url() {
    let world = World::new();
    for server in ["ftp://host", "not a url", "host:4044"] {
        let mut command = world.command("apps list");
        let said = stderr(&command.arg("--server").arg(server).assert().code(2));
        assert!(said.contains("is not the URL of a server"), "{said}");
    }
}

#[test]
fn a_value_that_is_not_text_is_refused_before_it_is_sent() {
    let world = World::new();
    std::fs::write(world.directory.path().join("key"), b"\xff\xfe").unwrap();
    let said = stderr(
        &world
            .run("config set -a sample -e development KEY=@key")
            .code(2),
    );
    assert!(
        said.contains("cannot read key") && said.contains("UTF-8"),
        "{said}"
    );
}

#[test]
fn a_session_is_not_begun_in_a_dry_run() {
    let world = World::new();
    for arguments in [
        "run -a sample --dry-run -- ls",
        "run -a sample --dry-run --detach -- ls",
        "exec ins-1 --dry-run -- ls",
        "connect --dry-run",
    ] {
        let said = stderr(&world.run(arguments).code(2));
        assert!(said.contains("not planned but begun"), "{said}");
    }
    assert!(world.server.authorizations().is_empty());
}

#[test]
fn an_empty_ref_is_not_the_default_one() {
    let world = World::new();
    for arguments in [
        "deploy -a sample -e development",
        "deploy -a sample -e development --ref",
        "builds create -a sample",
        "run -a sample -e development --ref",
        "connect -a sample -e development --ref",
    ] {
        let said = stderr(&world.command(arguments).arg("").assert().code(2));
        assert!(said.contains("the ref is empty"), "{said}");
    }
    assert!(world.server.authorizations().is_empty());
}

#[test]
fn a_new_worker_has_no_limit_of_nothing() {
    let world = World::new();
    for (option, bounds) in [
        ("--cpu 0", "0.01 to 1024"),
        ("--memory 0B", "6MiB to 4096GiB"),
        (
            "--named-port a=1 --named-port a=2",
            "--named-port says a twice; a name has one port",
        ),
    ] {
        let arguments = format!("workers create mailer -a sample -e development {option}");
        let said = stderr(&world.run(&arguments).code(2));
        assert!(said.contains(bounds), "{said}");
    }
    assert!(world.server.authorizations().is_empty());
}

#[test]
fn a_scale_below_zero_is_for_the_server_to_refuse() {
    let world = World::new();
    let method = "WorkerService/RescaleWorkers";
    world.server.refuse(
        method,
        Code::InvalidArgument,
        "web cannot run -1 times; give 0 to 100",
    );
    let said = stderr(&world.run("scale -a sample -e development web=-1").code(2));
    assert!(said.contains("give 0 to 100"), "{said}");
}

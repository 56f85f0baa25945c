use std::{
    io::Read,
    process::{Command, Stdio},
};

use proto::v1::{
    ConfigSet, CreateAppRequest, CreateAppResponse, CreateTokenResponse, GetConfigSetResponse,
    ListAppsRequest, ListAppsResponse, LogLine, Plan, PlanAction, PlanStep,
    StreamInstanceLogsRequest, StreamInstanceLogsResponse, Token, UpdateConfigSetRequest,
    UpdateConfigSetResponse, UpdateTokenRequest, UpdateTokenResponse,
};
use tonic::Code;

use crate::world::{World, app, json, stderr, stdout};

fn created() -> CreateAppResponse {
    CreateAppResponse {
        app: Some(app("sample")),
        plan: Some(Plan {
            steps: vec![PlanStep {
                action: PlanAction::Create.into(),
                subject: "app sample".to_owned(),
                why: "it was asked for".to_owned(),
                ..PlanStep::default()
            }],
            summary: "1 step".to_owned(),
            ..Plan::default()
        }),
    }
}

#[test]
fn a_change_says_what_it_did_and_has_a_key_of_its_own() {
    let world = World::new();
    world.server.answer("AppService/CreateApp", &created());
    let arguments = "apps create sample --repo example/sample-app --stack api";
    for _ in 0..2 {
        let assert = world.run(arguments).success();
        assert_eq!(
            stdout(&assert),
            "created app sample of example/sample-app (app-1)\n"
        );
    }
    let requests: Vec<CreateAppRequest> = world.server.requests("AppService/CreateApp");
    assert!(
        requests
            .iter()
            .all(|request| !request.request_id.is_empty() && !request.dry_run)
    );
    assert_ne!(requests[0].request_id, requests[1].request_id);
    assert_eq!(requests[0].app.as_ref().unwrap().stack, "api");
}

#[test]
fn a_dry_run_prints_the_plan() {
    let world = World::new();
    world.server.answer("AppService/CreateApp", &created());
    let assert = world
        .run("apps create sample --repo example/sample-app --dry-run")
        .success();
    insta::assert_snapshot!(stdout(&assert), @r#"
1 step
STEP     WHAT         NODE   DEPLOY   WHY
create   app sample   -      -        it was asked for
"#);
    let request: CreateAppRequest = world.server.request("AppService/CreateApp");
    assert!(request.dry_run);
}

#[test]
fn a_call_that_did_not_arrive_is_sent_again_with_the_same_key() {
    let world = World::new();
    world
        .server
        .refuse("AppService/CreateApp", Code::Unavailable, "starting");
    world.server.answer("AppService/CreateApp", &created());
    world
        .run("apps create sample --repo example/sample-app")
        .success();
    let requests: Vec<CreateAppRequest> = world.server.requests("AppService/CreateApp");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn a_list_is_read_to_its_last_page() {
    let world = World::new();
    let page = |name: &str, next: &str| ListAppsResponse {
        apps: vec![app(name)],
        next_page_token: next.to_owned(),
    };
    world
        .server
        .answer("AppService/ListApps", &page("one", "more"));
    world.server.answer("AppService/ListApps", &page("two", ""));
    insta::assert_snapshot!(stdout(&world.run("apps list").success()), @r#"
NAME   ID      REPO                 STACK   AGE
one    app-1   example/sample-app   api     -
two    app-1   example/sample-app   api     -
"#);
    let requests: Vec<ListAppsRequest> = world.server.requests("AppService/ListApps");
    assert_eq!(requests[1].page_token, "more");
}

#[test]
fn a_list_as_json_is_an_array_of_the_objects_of_the_api() {
    let world = World::new();
    let answer = ListAppsResponse {
        apps: vec![app("sample")],
        ..ListAppsResponse::default()
    };
    world.server.answer("AppService/ListApps", &answer);
    insta::assert_json_snapshot!(json(&world.run("apps list -o json").success()), @r#"
[
  {
    "branch_rules": [],
    "build_branches": [],
    "build_secrets": [],
    "dockerfile": "",
    "etag": "",
    "id": "app-1",
    "name": "sample",
    "repo": "example/sample-app",
    "stack": "api"
  }
]
"#);
}

#[test]
fn an_empty_list_is_nothing_on_stdout() {
    let world = World::new();
    world
        .server
        .answer("AppService/ListApps", &ListAppsResponse::default());
    let assert = world.run("apps list").success();
    assert_eq!(
        (stdout(&assert).as_str(), stderr(&assert).as_str()),
        ("", "none\n")
    );
    assert_eq!(stdout(&world.run("apps list -o json").success()), "[]\n");
}

#[test]
fn config_is_set_from_text_and_files_and_shown_as_assignments() {
    let world = World::new();
    world.write("key.pem", "line 1\nline 2\n");
    let set = ConfigSet {
        environment: "development".to_owned(),
        app: "sample".to_owned(),
        version: 3,
        values: [("GREETING".to_owned(), "hello".to_owned())].into(),
        ..ConfigSet::default()
    };
    // As a server answers to a change.
    let masked = [("GREETING".to_owned(), "***".to_owned())].into();
    let updated = UpdateConfigSetResponse {
        config_set: Some(ConfigSet {
            values: masked,
            ..set.clone()
        }),
        ..UpdateConfigSetResponse::default()
    };
    world
        .server
        .answer("ConfigSetService/UpdateConfigSet", &updated);
    world.server.answer(
        "ConfigSetService/GetConfigSet",
        &GetConfigSetResponse {
            config_set: Some(set),
        },
    );
    let assert = world
        .run("config set -a sample -e development GREETING=hello KEY=@key.pem")
        .success();
    assert_eq!(
        stdout(&assert),
        "config of sample in development: version 3, used by the next deploy\nGREETING=***\n"
    );
    let request: UpdateConfigSetRequest = world.server.request("ConfigSetService/UpdateConfigSet");
    assert_eq!(request.set["GREETING"], "hello");
    assert_eq!(request.set["KEY"], "line 1\nline 2\n");
    for (arguments, want) in [("", "GREETING=hello\n"), ("get GREETING", "hello\n")] {
        let assert = world
            .run(&format!("config {arguments} -a sample -e development"))
            .success();
        assert_eq!(stdout(&assert), want);
    }
    world
        .run("config get -a sample -e development ABSENT")
        .code(3);
}

#[test]
fn the_secret_of_a_token_is_all_that_goes_to_stdout() {
    let world = World::new();
    let answer = CreateTokenResponse {
        token: Some(Token::default()),
        secret: "jky_secret".to_owned(),
        ..CreateTokenResponse::default()
    };
    world.server.answer("TokenService/CreateToken", &answer);
    let assert = world
        .run("tokens create ci --role deployer --expires 30d")
        .success();
    assert_eq!(stdout(&assert), "jky_secret\n");
    assert!(stderr(&assert).contains("only time"));
}

#[test]
fn what_is_given_of_a_token_is_changed_and_never_is_no_end() {
    let world = World::new();
    let answer = UpdateTokenResponse {
        token: Some(Token {
            name: "robot".to_owned(),
            ..Token::default()
        }),
        ..UpdateTokenResponse::default()
    };
    world.server.answer("TokenService/UpdateToken", &answer);
    let assert = world
        .run("tokens update ci --rename robot --expires never")
        .success();
    assert_eq!(stdout(&assert), "changed token robot\n");
    let request: UpdateTokenRequest = world.server.request("TokenService/UpdateToken");
    let values = request.values.unwrap();
    assert_eq!(
        (request.token.as_str(), values.name.as_str()),
        ("ci", "robot")
    );
    assert_eq!(values.expire_time, None);
    assert_eq!(request.update_mask.unwrap().paths, ["name", "expire_time"]);
    let nothing = world.run("tokens update ci").code(2);
    assert!(stderr(&nothing).contains("--rename"));
}

fn lines(count: usize) -> StreamInstanceLogsResponse {
    StreamInstanceLogsResponse {
        instance: "ins-1".to_owned(),
        worker: "web".to_owned(),
        lines: (0..count)
            .map(|number| LogLine {
                text: format!("line {number}"),
                ..LogLine::default()
            })
            .collect(),
    }
}

#[test]
fn logs_name_the_instance_and_are_objects_as_json() {
    let world = World::new();
    world
        .server
        .stream("InstanceService/StreamInstanceLogs", &[lines(2)]);
    let text = stdout(&world.run("logs -a sample -e development").success());
    assert_eq!(text, "web ins-1 | line 0\nweb ins-1 | line 1\n");
    let text = stdout(&world.run("logs -a sample -e development -o json").success());
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["worker"], &first["text"]),
        (&"web".into(), &"line 0".into())
    );
}

#[test]
fn following_logs_goes_on_after_a_break_and_repeats_no_line() {
    let world = World::new();
    let at = |seconds: &[i64]| StreamInstanceLogsResponse {
        lines: seconds.iter().map(|second| line_at(*second)).collect(),
        ..lines(0)
    };
    let method = "InstanceService/StreamInstanceLogs";
    world
        .server
        .stopped_stream(method, &[at(&[1, 2]), at(&[2, 3])]);
    world.server.stopped_stream(method, &[at(&[3, 4])]);
    world
        .server
        .refuse(method, Code::PermissionDenied, "enough");
    let assert = world.run("logs -a sample -e development -f").code(4);
    let text = stdout(&assert);
    let said: Vec<_> = text
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(said, ["1", "2", "2", "3", "4"]);
    let requests: Vec<StreamInstanceLogsRequest> = world.server.requests(method);
    let since: Vec<_> = requests
        .iter()
        .map(|one| one.since.map(|time| time.seconds))
        .collect();
    assert_eq!(since, [None, Some(3), Some(4)]);
}

fn line_at(seconds: i64) -> LogLine {
    LogLine {
        text: seconds.to_string(),
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..LogLine::default()
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_without_a_word() {
    let world = World::new();
    world
        .server
        .stream("InstanceService/StreamInstanceLogs", &[lines(100_000)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_jockey"))
        .args(["logs", "-a", "sample", "-e", "development"])
        .env("JOCKEY_SERVER", &world.server.url)
        .current_dir(world.directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn colours_are_used_when_asked_for_and_not_in_a_pipe() {
    let world = World::new();
    world
        .server
        .refuse("AppService/GetApp", Code::NotFound, "there is no app `x`");
    let plain = stderr(&world.run("apps show x").code(3));
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = stderr(&world.run("apps show x --color always").code(3));
    assert!(coloured.contains('\u{1b}'), "{coloured:?}");
    let never = stderr(&world.run("apps show x --color never").code(3));
    assert!(!never.contains('\u{1b}'), "{never:?}");
}

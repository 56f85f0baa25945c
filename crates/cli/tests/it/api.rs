//! `jockey api`: every RPC by its name.

use prost_reflect::DescriptorPool;
use proto::v1::{
    CreateDeployRequest, CreateDeployResponse, DeployConflict, DeployState, GetAppRequest,
    GetAppResponse, WatchEventsResponse, create_deploy_request::Target,
};
use tonic::Code;

use crate::world::{World, app, deploy, json, stderr, stdout};

#[test]
fn every_rpc_has_a_command_that_calls_it_and_tells_what_it_takes() {
    let world = World::new();
    let listed = json(&world.run("api -o json").success());
    let listed = listed.as_array().unwrap();
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let methods: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    assert_eq!(listed.len(), methods.len());
    assert!(methods.len() > 90, "only {} RPCs", methods.len());
    for row in listed {
        let name = row["name"].as_str().unwrap();
        assert!(
            row["about"].as_str().is_some_and(|about| about.len() > 5),
            "{row}"
        );
        // The server has no answer to any of them, and says which one it was asked for.
        let mut command = world.command(&format!("api {name}"));
        let said = stderr(&command.write_stdin("").assert().code(1));
        let (service, method) = name.rsplit_once('.').unwrap();
        let path = format!("{}/{method}", service.trim_start_matches("jockey.v1."));
        assert!(
            said.contains(&format!("no answer is prepared for {path}"))
                || said.contains(&format!("no answer is prepared for /{path}")),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_request_is_json_and_so_is_the_answer() {
    let world = World::new();
    let answer = GetAppResponse {
        app: Some(app("sample")),
    };
    world.server.answer("AppService/GetApp", &answer);
    let mut command = world.command("api AppService.GetApp");
    let told = json(&command.arg(r#"{"app": "sample"}"#).assert().success());
    assert_eq!(told["app"]["repo"], "example/sample-app");
    assert_eq!(told["app"]["stack"], "api");
    let asked: GetAppRequest = world.server.request("AppService/GetApp");
    assert_eq!(asked.app, "sample");
}

#[test]
fn a_request_comes_from_standard_input_or_a_file_too() {
    let world = World::new();
    world
        .server
        .answer("AppService/GetApp", &GetAppResponse::default());
    let mut command = world.command("api jockey.v1.AppService/GetApp -");
    command
        .write_stdin("{\"app\":\n\"typed\"}")
        .assert()
        .success();
    world.write("request.json", "{\"app\": \"kept\"}");
    world.run("api AppService.GetApp @request.json").success();
    let asked: Vec<GetAppRequest> = world.server.requests("AppService/GetApp");
    let asked: Vec<_> = asked.iter().map(|one| one.app.as_str()).collect();
    assert_eq!(asked, ["typed", "kept"]);
    world.run("api AppService.GetApp @absent.json").code(2);
}

#[test]
fn a_change_can_be_tried_and_counts_once_unless_its_caller_says_how_it_counts() {
    let world = World::new();
    let answer = CreateDeployResponse {
        deploy: Some(deploy("dep-1", DeployState::Created)),
        ..CreateDeployResponse::default()
    };
    world.server.answer("DeployService/CreateDeploy", &answer);
    let body = r#"{"app":"a","environment":"e","ref":"main","onConflict":"DEPLOY_CONFLICT_SUPERSEDE","deadline":"90s"}"#;
    let call = |more: &[&str], body: &str| {
        let mut command = world.command("api DeployService.CreateDeploy");
        command.arg(body).args(more).assert().success();
    };
    call(&["--dry-run"], body);
    call(&[], r#"{"request_id": "mine"}"#);
    let asked: Vec<CreateDeployRequest> = world.server.requests("DeployService/CreateDeploy");
    assert_eq!(asked[0].target, Some(Target::Ref("main".to_owned())));
    assert_eq!(asked[0].on_conflict(), DeployConflict::Supersede);
    assert_eq!(asked[0].deadline.unwrap().seconds, 90);
    assert!(
        asked[0].dry_run && asked[0].request_id.starts_with("cli-"),
        "{asked:?}"
    );
    assert!(
        !asked[1].dry_run && asked[1].request_id == "mine",
        "{asked:?}"
    );
    let said = stderr(&world.run("api AppService.GetApp --dry-run").code(2));
    assert!(said.contains("GetApp takes no --dry-run"), "{said}");
}

#[test]
fn a_stream_is_one_object_a_line() {
    let world = World::new();
    let message = |id: &str| WatchEventsResponse {
        events: vec![proto::v1::Event {
            id: id.to_owned(),
            ..proto::v1::Event::default()
        }],
    };
    let messages = [message("evt-1"), message("evt-2")];
    world
        .server
        .stream("EventService/WatchEvents", &messages)
        .stopped_stream("EventService/WatchEvents", &messages[..1]);
    let told = stdout(&world.run("api EventService.WatchEvents").success());
    let ids: Vec<_> = told
        .lines()
        .map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            message["events"][0]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids, ["evt-1", "evt-2"]);
    let broken = world.run("api EventService.WatchEvents").code(6);
    assert_eq!(stdout(&broken).lines().count(), 1);
    assert!(
        stderr(&broken).contains("the server stops"),
        "{}",
        stderr(&broken)
    );
}

#[test]
fn what_is_no_request_is_not_sent() {
    let world = World::new();
    world
        .server
        .answer("AppService/GetApp", &GetAppResponse::default());
    for (body, told) in [
        ("{", "EOF"),
        ("{} {}", "trailing"),
        ("[]", "map"),
        (r#"{"ap": "x"}"#, "ap"),
        (r#"{"app": 3}"#, "string"),
    ] {
        let mut command = world.command("api AppService.GetApp");
        let said = stderr(&command.arg(body).assert().code(2));
        assert!(
            said.contains("this is no GetAppRequest") && said.contains(told),
            "{said}"
        );
        assert!(said.contains("--help"), "{said}");
    }
    let asked: Vec<GetAppRequest> = world.server.requests("AppService/GetApp");
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn an_rpc_that_nobody_knows_is_an_error_and_so_is_a_refusal() {
    let world = World::new();
    let said = stderr(&world.run("api AppService.GetAp").code(3));
    assert!(
        said.contains("there is no RPC `AppService.GetAp`"),
        "{said}"
    );
    assert!(said.contains("next: jockey api"), "{said}");
    world
        .server
        .refuse("AppService/GetApp", Code::NotFound, "there is no app `x`");
    let said = stderr(&world.run("api AppService.GetApp -o json").code(3));
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(error["error"]["message"], "there is no app `x`");
}

#[test]
fn the_help_of_an_rpc_is_made_of_the_comments_of_its_proto() {
    let world = World::new();
    let help = stdout(&world.run("api DeployService.CancelDeploy --help").success());
    let request = &help[..help.find("\nAnswer: ").unwrap()];
    insta::assert_snapshot!(request, @r#"
DeployService.CancelDeploy

Cancels a deploy that is queued or under way. Its instances are removed, the old ones stay.

Request: CancelDeployRequest
  deploy: string
      The deploy, by id.
  dry_run: bool
      Answers with the plan that the call would carry out, and does nothing.
  request_id: string
      Idempotency key of the caller's choice, at most 128 characters, kept for a day: the same key
      and request again get the first answer, another request is refused. Empty: every call counts.
"#);
    for told in [
        "\nAnswer: CancelDeployResponse\n",
        "\nDeploy\n  id: string\n      Id, such as `dep-42`.\n",
        "\n  deadline: duration, such as \"90s\"\n",
        "\nDeployState, one of\n",
        "  DEPLOY_STATE_DEPLOYED\n      It is current.\n",
    ] {
        assert!(help.contains(told), "{told} is not in\n{help}");
    }
    let streams = stdout(&world.run("api DeployService.WatchDeploy -h").success());
    assert!(
        streams.contains("Answer: WatchDeployResponse, a stream of these"),
        "{streams}"
    );
    let own = stdout(&world.run("api --help").success());
    assert!(own.contains("SERVICE.METHOD"), "{own}");
    let service = stdout(&world.run("api AppService").success());
    assert!(service.contains("AppService.DeleteApp"), "{service}");
    assert!(!service.contains("DeployService"), "{service}");
}

//! What people typed to the original client.

use proto::v1::{
    ConfigSet, CreateDeployRequest, CreateDeployResponse, DeployPhase, DeployState,
    GetDeployRequest, GetDeployResponse, GetReconcileRequest, GetReconcileResponse,
    ListDeploysRequest, ListDeploysResponse, ListInstancesResponse, ListWorkersRequest,
    ListWorkersResponse, LogLine, Reconcile, ReconcileState, RescaleWorkersRequest,
    RescaleWorkersResponse, RestartWorkersRequest, RestartWorkersResponse, StreamBuildLogsResponse,
    UpdateConfigSetRequest, UpdateConfigSetResponse, WatchDeployResponse, Worker,
    create_deploy_request::Target,
};

use crate::world::{COMMIT, World, deploy, instance, json, stderr, stdout};

fn world_with_deploys() -> World {
    let world = World::new();
    let begun = CreateDeployResponse {
        deploy: Some(deploy("dep-1", DeployState::Created)),
        ..CreateDeployResponse::default()
    };
    let done = WatchDeployResponse {
        phase: DeployPhase::Done.into(),
        deploy: Some(deploy("dep-1", DeployState::Deployed)),
        ..WatchDeployResponse::default()
    };
    world
        .server
        .answer("DeployService/CreateDeploy", &begun)
        .stream("DeployService/WatchDeploy", &[done]);
    world
}

fn deployed(world: &World) -> CreateDeployRequest {
    world.server.request("DeployService/CreateDeploy")
}

#[test]
fn the_deploy_of_the_original_readme_is_followed_to_its_end() {
    let world = world_with_deploys();
    let mut command = world.command(&format!(
        "deploy {COMMIT} --app sample --environment development --interactive"
    ));
    command
        .env_remove("JOCKEY_SERVER")
        .env("JOCKEY_URL", format!("{}/", world.server.url));
    let told = stdout(&command.assert().success());
    assert!(
        told.contains("dep-1 deployed: sample in development"),
        "{told}"
    );
    let request = deployed(&world);
    assert_eq!(request.target, Some(Target::Ref(COMMIT.to_owned())));
    world
        .run("deploy -a sample -e development -i --detach")
        .code(2);
}

#[test]
fn a_ref_that_is_called_as_a_command_is_deployed_by_name() {
    for arguments in ["--ref logs", "-- logs"] {
        let world = world_with_deploys();
        world
            .run(&format!("deploy -a sample --env development {arguments}"))
            .success();
        assert_eq!(
            deployed(&world).target,
            Some(Target::Ref("logs".to_owned()))
        );
    }
    let world = world_with_deploys();
    for arguments in [
        "main logs",
        "--detach restart",
        "--ref main logs",
        "-i logs",
    ] {
        let said = stderr(&world.run(&format!("deploy -a s -e d {arguments}")).code(2));
        assert!(said.contains("takes none of the options"), "{said}");
    }
    let asked: Vec<CreateDeployRequest> = world.server.requests("DeployService/CreateDeploy");
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn the_logs_of_the_newest_deploy_are_those_of_its_build() {
    let world = World::new();
    let mut newest = deploy("dep-7", DeployState::Deployed);
    newest.build = "bld-3".to_owned();
    let lines = StreamBuildLogsResponse {
        lines: vec![LogLine {
            number: 1,
            text: "Step 1 : FROM base".to_owned(),
            ..LogLine::default()
        }],
    };
    world
        .server
        .answer(
            "DeployService/ListDeploys",
            &ListDeploysResponse {
                deploys: vec![newest.clone()],
                ..ListDeploysResponse::default()
            },
        )
        .answer(
            "DeployService/GetDeploy",
            &GetDeployResponse {
                deploy: Some(newest),
            },
        )
        .stream("BuildService/StreamBuildLogs", &[lines]);
    // -a and -e stand where they will.
    for arguments in [
        "deploy logs -a sample -e development",
        "deploy -a sample -e development logs",
        "deploy logs dep-7",
    ] {
        let told = stdout(&world.run(arguments).success());
        assert!(
            told.contains("Step 1 : FROM base\ndep-7 deployed"),
            "{arguments}: {told}"
        );
    }
    let asked: Vec<ListDeploysRequest> = world.server.requests("DeployService/ListDeploys");
    assert_eq!(asked[1].app, "sample");
    let asked: GetDeployRequest = world.server.request("DeployService/GetDeploy");
    assert_eq!(asked.deploy, "dep-7");

    let none = World::new();
    none.server
        .answer("DeployService/ListDeploys", &ListDeploysResponse::default());
    let said = stderr(&none.run("deploy logs -a sample -e development").code(3));
    assert!(
        said.contains("jockey deploy -a sample -e development"),
        "{said}"
    );
}

#[test]
fn a_restart_is_asked_for_in_two_ways_and_spelled_in_two() {
    for arguments in [
        "deploy restart --worker web --only_failing --detach",
        "restart --worker web --only-failing --detach",
    ] {
        let world = World::new();
        world
            .server
            .answer(
                "InstanceService/ListInstances",
                &ListInstancesResponse::default(),
            )
            .answer(
                "WorkerService/RestartWorkers",
                &RestartWorkersResponse::default(),
            );
        world
            .run(&format!("{arguments} -a sample -e development"))
            .success();
        let asked: RestartWorkersRequest = world.server.request("WorkerService/RestartWorkers");
        assert!(asked.only_unhealthy && asked.worker == "web", "{asked:?}");
    }
}

#[test]
fn scale_is_got_and_set() {
    let world = World::new();
    world
        .server
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default())
        .answer(
            "WorkerService/RescaleWorkers",
            &RescaleWorkersResponse::default(),
        )
        .answer(
            "InstanceService/ListInstances",
            &ListInstancesResponse {
                instances: vec![instance("ins-a", "web")],
                ..ListInstancesResponse::default()
            },
        );
    world.run("scale get -a sample -e development").success();
    let asked: ListWorkersRequest = world.server.request("WorkerService/ListWorkers");
    assert_eq!(asked.app, "sample");
    let told = stdout(
        &world
            .run("scale get --verbose -a sample -e development")
            .success(),
    );
    assert!(told.contains("127.0.0.1:20001"), "{told}");
    world
        .run("scale -a sample -e development set web 2 --detach --dry-run")
        .success();
    let asked: RescaleWorkersRequest = world.server.request("WorkerService/RescaleWorkers");
    assert_eq!(
        (asked.scales[0].worker.as_str(), asked.scales[0].scale),
        ("web", 2)
    );
    for arguments in [
        "scale web=2 get",
        "scale --detach set web 2",
        "scale set web",
        "scale get web",
    ] {
        world.run(arguments).code(2);
    }
}

#[test]
fn a_reconcile_tells_how_far_it_has_come() {
    let world = World::new();
    let answer = GetReconcileResponse {
        reconcile: Some(Reconcile {
            id: "rec-5".to_owned(),
            state: ReconcileState::Completed.into(),
            ..Reconcile::default()
        }),
    };
    world
        .server
        .answer("ReconcileService/GetReconcile", &answer);
    let told = stdout(&world.run("reconcile status rec-5").success());
    assert!(
        told.contains("id: rec-5\n") && told.contains("state: completed"),
        "{told}"
    );
    let asked: GetReconcileRequest = world.server.request("ReconcileService/GetReconcile");
    assert_eq!(asked.reconcile, "rec-5");
    world.run("reconcile --preview status rec-5").code(2);
}

#[test]
fn what_was_typed_to_the_original_client_is_understood() {
    let world = World::new();
    let told = stdout(&world.run("version").success());
    assert_eq!(told.trim(), env!("CARGO_PKG_VERSION"));
    let told = json(&world.run("version -o json").success());
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));

    let worker = Worker {
        name: "web".to_owned(),
        scale: Some(2),
        ..Worker::default()
    };
    world
        .server
        .answer(
            "WorkerService/RescaleWorkers",
            &RescaleWorkersResponse {
                workers: vec![worker.clone()],
                ..RescaleWorkersResponse::default()
            },
        )
        .answer("DeployService/ListDeploys", &ListDeploysResponse::default())
        .answer(
            "WorkerService/ListWorkers",
            &ListWorkersResponse {
                workers: vec![worker],
                ..ListWorkersResponse::default()
            },
        );
    let told = stdout(&world.run("sc -a sample -e development se web 2").success());
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("sample in development: web=2"),
        "{told}"
    );
    assert!(
        lines[1].starts_with("NAME") && lines[2].starts_with("web"),
        "{told}"
    );

    let set = UpdateConfigSetResponse {
        config_set: Some(ConfigSet::default()),
        ..UpdateConfigSetResponse::default()
    };
    world
        .server
        .answer("ConfigSetService/UpdateConfigSet", &set);
    world
        .run("config set KEY --dry_run -a sample -e development")
        .success();
    let asked: UpdateConfigSetRequest = world.server.request("ConfigSetService/UpdateConfigSet");
    assert_eq!((asked.set["KEY"].as_str(), asked.dry_run), ("", true));
}

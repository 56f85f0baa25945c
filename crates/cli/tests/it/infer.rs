use proto::v1::{
    CreateDeployRequest, CreateDeployResponse, DeployState, GetAppResponse, ListAppsRequest,
    ListAppsResponse, ListEnvironmentsResponse, ListWorkersRequest, ListWorkersResponse,
    create_deploy_request::Target,
};

use crate::world::{World, app, deploy, environment, stderr};

const ORIGIN: &str = "git@github.com:example/sample-app.git";

fn world_with_deploys() -> World {
    let world = World::new();
    let answer = CreateDeployResponse {
        deploy: Some(deploy("dep-1", DeployState::Created)),
        ..CreateDeployResponse::default()
    };
    world.server.answer("DeployService/CreateDeploy", &answer);
    world
}

fn apps(world: &World, names: &[&str]) {
    let answer = ListAppsResponse {
        apps: names.iter().map(|name| app(name)).collect(),
        ..ListAppsResponse::default()
    };
    world.server.answer("AppService/ListApps", &answer);
}

fn environments(world: &World, names: &[&str]) {
    let answer = ListEnvironmentsResponse {
        environments: names.iter().map(|name| environment(name)).collect(),
        ..ListEnvironmentsResponse::default()
    };
    world
        .server
        .answer("EnvironmentService/ListEnvironments", &answer);
}

/// The request that `jockey deploy` with these arguments makes.
#[track_caller]
fn deployed(world: &World, arguments: &str) -> CreateDeployRequest {
    world.run(&format!("deploy --detach {arguments}")).success();
    world.server.request("DeployService/CreateDeploy")
}

fn reference(request: &CreateDeployRequest) -> &str {
    match &request.target {
        Some(Target::Ref(reference)) => reference,
        other => panic!("no ref but {other:?}"),
    }
}

#[test]
fn the_app_is_that_of_the_remote_and_the_ref_what_is_checked_out() {
    let world = world_with_deploys();
    let head = world.working_copy(ORIGIN);
    apps(&world, &["sample"]);
    world.server.answer(
        "AppService/GetApp",
        &GetAppResponse {
            app: Some(app("sample")),
        },
    );
    let request = deployed(&world, "-e development");
    assert_eq!(request.app, "sample");
    assert_eq!(reference(&request), head);
    let asked: ListAppsRequest = world.server.request("AppService/ListApps");
    assert_eq!(asked.repo, "example/sample-app");
}

#[test]
fn the_project_file_above_names_app_and_environment() {
    let world = world_with_deploys();
    let head = world.working_copy("https://example.com/elsewhere/fork");
    world.write(
        ".jockey.toml",
        "app = \"sample\"\nenvironment = \"staging\"\n",
    );
    world.write("deep/down/file", "");
    let mut command = world.command("deploy --detach");
    command
        .current_dir(world.directory.path().join("deep/down"))
        .assert()
        .success();
    let request: CreateDeployRequest = world.server.request("DeployService/CreateDeploy");
    assert_eq!(
        (request.app.as_str(), request.environment.as_str()),
        ("sample", "staging")
    );
    assert_eq!(reference(&request), head);
}

#[test]
fn outside_of_the_apps_working_copy_the_default_branch_is_deployed() {
    let other_repo = world_with_deploys();
    other_repo.working_copy("git@github.com:example/another.git");
    other_repo.server.answer(
        "AppService/GetApp",
        &GetAppResponse {
            app: Some(app("sample")),
        },
    );
    assert_eq!(
        reference(&deployed(&other_repo, "-a sample -e development")),
        "HEAD"
    );

    let no_copy = world_with_deploys();
    assert_eq!(
        reference(&deployed(&no_copy, "-a sample -e development")),
        "HEAD"
    );

    let other_app = world_with_deploys();
    other_app.working_copy("git@github.com:example/another.git");
    other_app.write(".jockey.toml", "app = \"another\"");
    other_app.server.answer(
        "AppService/GetApp",
        &GetAppResponse {
            app: Some(app("sample")),
        },
    );
    assert_eq!(
        reference(&deployed(&other_app, "-a sample -e development")),
        "HEAD"
    );
}

#[test]
fn a_ref_that_is_given_is_passed_on_as_it_is() {
    let world = world_with_deploys();
    world.working_copy(ORIGIN);
    assert_eq!(
        reference(&deployed(&world, "-a sample -e development HEAD")),
        "HEAD"
    );
}

#[test]
fn changes_that_are_not_committed_are_mentioned() {
    let world = world_with_deploys();
    world.working_copy(ORIGIN);
    world
        .write("file", "2")
        .write(".jockey.toml", "app = \"sample\"");
    let said = stderr(&world.run("deploy --detach -e development").success());
    assert!(said.contains("not committed"), "{said}");
}

#[test]
fn an_app_that_cannot_be_told_is_an_error_with_a_way_out() {
    let nowhere = World::new();
    let said = stderr(&nowhere.run("status -e development").code(2));
    assert!(
        said.contains("-a") && said.contains(".jockey.toml"),
        "{said}"
    );

    let unknown = World::new();
    unknown.working_copy(ORIGIN);
    apps(&unknown, &[]);
    let said = stderr(&unknown.run("status -e development").code(3));
    assert!(
        said.contains("jockey apps create NAME --repo example/sample-app"),
        "{said}"
    );

    let several = World::new();
    several.working_copy(ORIGIN);
    apps(&several, &["one", "two"]);
    let said = stderr(&several.run("status -e development").code(2));
    assert!(said.contains("one, two"), "{said}");
}

#[test]
fn the_environment_is_the_variable_or_the_only_one_there_is() {
    let variable = World::new();
    variable
        .server
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default());
    let mut command = variable.command("scale -a sample");
    command
        .env("JOCKEY_ENVIRONMENT", "staging")
        .assert()
        .success();
    let asked: ListWorkersRequest = variable.server.request("WorkerService/ListWorkers");
    assert_eq!(asked.environment, "staging");
    // The project's file goes before it.
    variable.write(".jockey.toml", "environment = \"development\"\n");
    let mut command = variable.command("scale -a sample");
    command
        .env("JOCKEY_ENVIRONMENT", "staging")
        .assert()
        .success();
    let asked: Vec<ListWorkersRequest> = variable.server.requests("WorkerService/ListWorkers");
    let asked: Vec<_> = asked.iter().map(|one| one.environment.as_str()).collect();
    assert_eq!(asked, ["staging", "development"]);

    let only = World::new();
    only.server
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default());
    environments(&only, &["development"]);
    only.run("scale -a sample").success();
    let asked: ListWorkersRequest = only.server.request("WorkerService/ListWorkers");
    assert_eq!(asked.environment, "development");
}

#[test]
fn an_environment_is_never_guessed_among_several_and_never_production() {
    let several = World::new();
    environments(&several, &["development", "production"]);
    let said = stderr(&several.run("status -a sample").code(2));
    assert!(
        said.contains("development, production") && said.contains("-e"),
        "{said}"
    );

    let production = World::new();
    environments(&production, &["production"]);
    let said = stderr(&production.run("status -a sample").code(2));
    assert!(said.contains("production"), "{said}");

    let none = World::new();
    environments(&none, &[]);
    let said = stderr(&none.run("status -a sample").code(3));
    assert!(said.contains("jockey envs create development"), "{said}");
}

#[test]
fn a_project_file_that_is_wrong_is_named() {
    let world = World::new();
    world.write(".jockey.toml", "ap = \"sample\"");
    let said = stderr(&world.run("status").code(2));
    assert!(
        said.contains(".jockey.toml") && said.contains("unknown field `ap`"),
        "{said}"
    );
}

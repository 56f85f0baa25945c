//! `jockey status`.

use proto::v1::{
    CrashLoop, DeployState, HealthState, ListDeploysResponse, ListInstancesResponse,
    ListWorkersResponse, Worker,
};

use std::time::{Duration, SystemTime};

use crate::world::{World, deploy, instance, json, stdout};

#[expect(
    clippy::disallowed_methods,
    reason = "the program under test reads the machine's clock"
)]
fn running() -> World {
    let world = World::new();
    let mut failing = instance("ins-2", "clock");
    failing.address.clear();
    let health = failing.health.as_mut().unwrap();
    health.state = HealthState::Unhealthy.into();
    health.evidence = "exited with code 3".to_owned();
    let ago = |hours: u64| Some((SystemTime::now() - Duration::from_secs(hours * 3600)).into());
    let mut serving = instance("ins-1", "web");
    serving.create_time = ago(50);
    serving.health.as_mut().unwrap().since = ago(3);
    let worker = |name: &str, scale: i32| Worker {
        name: name.to_owned(),
        scale: Some(scale),
        ..Worker::default()
    };
    let mut waiting = deploy("dep-2", DeployState::Building);
    waiting.step = "building the image".to_owned();
    waiting.release.clear();
    world
        .server
        .answer(
            "DeployService/ListDeploys",
            &ListDeploysResponse {
                deploys: vec![waiting, deploy("dep-1", DeployState::Deployed)],
                ..ListDeploysResponse::default()
            },
        )
        .answer(
            "DeployService/ListDeploys",
            &ListDeploysResponse {
                deploys: vec![deploy("dep-1", DeployState::Deployed)],
                ..ListDeploysResponse::default()
            },
        )
        .answer(
            "WorkerService/ListWorkers",
            &ListWorkersResponse {
                workers: vec![worker("clock", 1), worker("web", 1)],
                ..ListWorkersResponse::default()
            },
        )
        .answer(
            "InstanceService/ListInstances",
            &ListInstancesResponse {
                instances: vec![failing, serving],
                ..ListInstancesResponse::default()
            },
        );
    world
}

#[test]
fn status_shows_what_is_deployed_what_is_under_way_and_each_instance() {
    let status = stdout(&running().run("status -a sample -e development").success());
    insta::assert_snapshot!(status, @r#"
sample in development
current:  dep-1, commit 678d49f, rel-1
active:   dep-2, commit 678d49f, building: building the image
workers:  clock 0/1 healthy, web 1/1 healthy

WORKER   INSTANCE   NODE    ADDRESS           HEALTH      SINCE   AGE   COMMIT
clock    ins-2      local   -                 unhealthy   -       -     678d49f
web      ins-1      local   127.0.0.1:20001   healthy     3h      2d    678d49f
clock ins-2: exited with code 3
"#);
}

#[test]
fn status_says_what_dies_again_and_again() {
    let mut looping = instance("ins-2", "web");
    let health = looping.health.as_mut().unwrap();
    health.state = HealthState::Unhealthy.into();
    health.evidence = "exited with code 3; its node starts it again".to_owned();
    looping.crash_loop = Some(CrashLoop {
        deaths: 4,
        within: Some(prost_types::Duration {
            seconds: 40,
            nanos: 0,
        }),
        exit_code: Some(3),
        next_try_time: None,
    });
    let world = World::new();
    world
        .server
        .answer("DeployService/ListDeploys", &ListDeploysResponse::default())
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default())
        .answer(
            "InstanceService/ListInstances",
            &ListInstancesResponse {
                instances: vec![looping],
                ..ListInstancesResponse::default()
            },
        );
    let status = stdout(&world.run("status -a sample -e development").success());
    insta::assert_snapshot!(status, @r#"
sample in development
current:  nothing; next: jockey deploy -a sample -e development

WORKER   INSTANCE   NODE    ADDRESS           HEALTH                   SINCE   AGE   COMMIT
web      ins-2      local   127.0.0.1:20001   unhealthy (crash loop)   -       -     678d49f
web ins-2: exited with code 3; its node starts it again
web ins-2 crash-loops: died 4 times in 40s, last with exit code 3; it runs just now
"#);
    let value = json(
        &world
            .run("status -a sample -e development -o json")
            .success(),
    );
    let told = &value["instances"][0]["crash_loop"];
    assert_eq!(
        (&told["deaths"], &told["exit_code"]),
        (&4.into(), &3.into())
    );
}

#[test]
fn status_as_json_has_all_of_it() {
    let value = json(
        &running()
            .run("status -a sample -e development -o json")
            .success(),
    );
    assert_eq!(value["current"]["id"], "dep-1");
    assert_eq!(value["active"][0]["state"], "DEPLOY_STATE_BUILDING");
    assert_eq!(value["instances"][1]["address"], "127.0.0.1:20001");
    assert_eq!(
        value["instances"][1]["health"]["state"],
        "HEALTH_STATE_HEALTHY"
    );
    assert_eq!(value["workers"][0]["scale"], 1);
}

#[test]
fn status_tells_a_copy_from_its_original() {
    let mut copy = instance("ins-1", "web");
    copy.copy = true;
    copy.address = "127.0.0.1:20002".to_owned();
    copy.health.as_mut().unwrap().state = HealthState::Unknown.into();
    let world = World::new();
    world
        .server
        .answer("DeployService/ListDeploys", &ListDeploysResponse::default())
        .answer("WorkerService/ListWorkers", &ListWorkersResponse::default())
        .answer(
            "InstanceService/ListInstances",
            &ListInstancesResponse {
                instances: vec![instance("ins-1", "web"), copy],
                ..ListInstancesResponse::default()
            },
        );
    let status = stdout(&world.run("status -a sample -e development").success());
    insta::assert_snapshot!(status, @r#"
sample in development
current:  nothing; next: jockey deploy -a sample -e development

WORKER   INSTANCE   NODE    ADDRESS           HEALTH           SINCE   AGE   COMMIT
web      ins-1      local   127.0.0.1:20001   healthy          -       -     678d49f
web      ins-1      local   127.0.0.1:20002   unknown (copy)   -       -     678d49f
"#);
}

use proto::v1::{
    CreateWorkerRequest, CreateWorkerResponse, DeployState, Event, GetWorkerResponse, HealthState,
    InstanceState, ListDeploysResponse, ListEventsResponse, ListInstancesRequest,
    ListInstancesResponse, Plan, PreviewReconcileResponse, RescaleWorkersRequest,
    RescaleWorkersResponse, Resources, RestartWorkersRequest, RestartWorkersResponse,
    UpdateWorkerRequest, UpdateWorkerResponse, WatchEventsRequest, WatchEventsResponse, Worker,
    command,
};
use tonic::Code;

use crate::world::{World, deploy, instance, stderr, stdout};

fn web(scale: i32) -> Worker {
    Worker {
        name: "web".to_owned(),
        scale: Some(scale),
        ..Worker::default()
    }
}

fn seen(instances: Vec<proto::v1::Instance>) -> ListInstancesResponse {
    ListInstancesResponse {
        instances,
        ..ListInstancesResponse::default()
    }
}

fn rescaled(deploys: Vec<proto::v1::Deploy>) -> World {
    let world = World::new();
    let answer = RescaleWorkersResponse {
        workers: vec![web(2)],
        ..RescaleWorkersResponse::default()
    };
    let deploys = ListDeploysResponse {
        deploys,
        ..ListDeploysResponse::default()
    };
    world.server.answer("WorkerService/RescaleWorkers", &answer);
    world.server.answer("DeployService/ListDeploys", &deploys);
    world
}

#[test]
fn scale_waits_until_that_many_are_healthy() {
    let world = rescaled(vec![deploy("dep-1", DeployState::Deployed)]);
    let mut starting = instance("ins-2", "web");
    starting.health.as_mut().unwrap().state = HealthState::Unknown.into();
    let instances = "InstanceService/ListInstances";
    world
        .server
        .answer(instances, &seen(vec![instance("ins-1", "web")]));
    world
        .server
        .answer(instances, &seen(vec![instance("ins-1", "web"), starting]));
    world.server.answer(
        instances,
        &seen(vec![instance("ins-1", "web"), instance("ins-2", "web")]),
    );
    let assert = world.run("scale -a sample -e development web=2").success();
    assert_eq!(stdout(&assert), "sample in development: web=2\n");
    assert_eq!(stderr(&assert), "web 1/2 healthy\nweb 2/2 healthy\n");
    let request: RescaleWorkersRequest = world.server.request("WorkerService/RescaleWorkers");
    assert_eq!(
        (request.scales[0].worker.as_str(), request.scales[0].scale),
        ("web", 2)
    );
}

#[test]
fn scale_before_the_first_deploy_waits_for_nothing() {
    let world = rescaled(Vec::new());
    let assert = world.run("scale -a sample -e development web=2").success();
    assert_eq!(
        stdout(&assert),
        "sample in development: web=2, from the first deploy on\n"
    );
}

#[test]
fn waiting_ends_with_the_time_that_is_given() {
    let world = rescaled(vec![deploy("dep-1", DeployState::Deployed)]);
    world.server.answer(
        "InstanceService/ListInstances",
        &seen(vec![instance("ins-1", "web")]),
    );
    let said = stderr(
        &world
            .run("scale -a sample -e development web=2 --timeout 0s")
            .code(1),
    );
    assert!(
        said.contains("jockey status -a sample -e development"),
        "{said}"
    );
}

#[test]
fn restart_waits_until_the_old_ones_are_gone() {
    let world = World::new();
    let answer = RestartWorkersResponse {
        workers: vec![web(1)],
        ..RestartWorkersResponse::default()
    };
    world.server.answer("WorkerService/RestartWorkers", &answer);
    let mut stopping = instance("ins-1", "web");
    stopping.state = InstanceState::Stopping.into();
    let instances = "InstanceService/ListInstances";
    world
        .server
        .answer(instances, &seen(vec![instance("ins-1", "web")]));
    world
        .server
        .answer(instances, &seen(vec![stopping, instance("ins-2", "web")]));
    world
        .server
        .answer(instances, &seen(vec![instance("ins-2", "web")]));
    let assert = world
        .run("restart -a sample -e development -w web")
        .success();
    assert_eq!(stdout(&assert), "restarted web of sample in development\n");
    let request: RestartWorkersRequest = world.server.request("WorkerService/RestartWorkers");
    assert!(!request.only_unhealthy);
    assert_eq!(
        world
            .server
            .requests::<ListInstancesRequest>(instances)
            .len(),
        3
    );
}

#[test]
fn a_reconcile_can_be_previewed() {
    let world = World::new();
    let answer = PreviewReconcileResponse {
        plan: Some(Plan::default()),
    };
    world
        .server
        .answer("ReconcileService/PreviewReconcile", &answer);
    let assert = world
        .run("reconcile -a sample -e development --preview")
        .success();
    assert_eq!(stdout(&assert), "nothing to do\n");
}

fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        kind: "deploy.deployed".to_owned(),
        ..Event::default()
    }
}

#[test]
fn events_are_listed_oldest_first_and_followed_from_there_over_a_break() {
    let world = World::new();
    let listed = ListEventsResponse {
        events: vec![event("evt-2"), event("evt-1")],
        ..ListEventsResponse::default()
    };
    let watched = |id: &str| WatchEventsResponse {
        events: vec![event(id)],
    };
    world.server.answer("EventService/ListEvents", &listed);
    world
        .server
        .stopped_stream("EventService/WatchEvents", &[watched("evt-3")]);
    world
        .server
        .refuse("EventService/WatchEvents", Code::PermissionDenied, "enough");
    let assert = world.run("events -f").code(4);
    let text = stdout(&assert);
    let ids: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(ids, ["evt-1", "evt-2", "evt-3"]);
    let requests: Vec<WatchEventsRequest> = world.server.requests("EventService/WatchEvents");
    let cursors: Vec<_> = requests
        .iter()
        .map(|request| request.after.as_str())
        .collect();
    assert_eq!(cursors, ["evt-2", "evt-3"]);
}

#[test]
fn an_update_of_a_worker_changes_what_is_given_and_nothing_else() {
    let world = World::new();
    let before = Worker {
        resources: Some(Resources {
            memory_bytes: 64 << 20,
            cpu_millis: 250,
        }),
        etag: "e1".to_owned(),
        ..web(1)
    };
    let answer = UpdateWorkerResponse {
        worker: Some(web(1)),
        ..UpdateWorkerResponse::default()
    };
    world.server.answer(
        "WorkerService/GetWorker",
        &GetWorkerResponse {
            worker: Some(before),
        },
    );
    world.server.answer("WorkerService/UpdateWorker", &answer);
    let arguments = "workers update -a sample -e development web --memory 128MiB --singleton false --constraint disk==ssd";
    let assert = world.run(arguments).success();
    assert_eq!(stdout(&assert), "changed worker web\n");
    let request: UpdateWorkerRequest = world.server.request("WorkerService/UpdateWorker");
    assert_eq!(
        request.update_mask.unwrap().paths,
        ["resources", "singleton", "constraints"]
    );
    let values = request.values.unwrap();
    assert_eq!(values.constraints, ["disk==ssd"]);
    let resources = values.resources.unwrap();
    assert_eq!(
        (resources.memory_bytes, resources.cpu_millis),
        (128 << 20, 250)
    );
    assert_eq!(request.etag, "e1");
}

#[test]
fn workers_create_sends_what_is_given() {
    let world = World::new();
    let mailer = Worker {
        name: "mailer".to_owned(),
        ..Worker::default()
    };
    let answer = CreateWorkerResponse {
        worker: Some(mailer),
        ..CreateWorkerResponse::default()
    };
    world.server.answer("WorkerService/CreateWorker", &answer);
    let arguments = "workers create -a sample -e development mailer --command /app/mailer --memory 64MiB --constraint disk==ssd --port 80 --named-port metrics=9100";
    let assert = world.run(arguments).success();
    assert_eq!(stdout(&assert), "defined worker mailer\n");
    let request: CreateWorkerRequest = world.server.request("WorkerService/CreateWorker");
    let worker = request.worker.unwrap();
    let place = (&*worker.app, &*worker.environment, &*worker.name);
    assert_eq!(place, ("sample", "development", "mailer"));
    assert_eq!(worker.constraints, ["disk==ssd"]);
    assert_eq!(worker.resources.unwrap().memory_bytes, 64 << 20);
    assert_eq!(worker.ports, [("metrics".to_owned(), 9100)].into());
    let command = worker.command.unwrap().kind;
    assert_eq!(
        command,
        Some(command::Kind::Shell("/app/mailer".to_owned()))
    );
}

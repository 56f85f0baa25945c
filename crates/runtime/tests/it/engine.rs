//! An Engine that goes away, or hangs.

use crate::world::{PATIENCE, World, binding, connect};
use domain::{ObservedInstance, observed::RestartPolicy};
use futures_util::StreamExt;
use ports::{
    Runtime as _,
    runtime::{Error, Follow, InstanceSpec, LogQuery},
};
use runtime::Docker;
use std::time::{Duration, Instant};
use testkit::docker::{self, Engine, Gate};

/// How long an Engine may take that is there.
const BEHIND: Duration = Duration::from_secs(30);

fn behind(gate: &Gate, world: &World, patience: Duration) -> Docker {
    connect(&world.scope, &gate.socket(), |settings| {
        settings.patience = patience
    })
}

#[tokio::test]
async fn an_engine_says_what_it_is() {
    let facts = World::open().await.docker.facts().await.unwrap();
    let version = testkit::docker::run(["version", "--format", "{{.Server.Version}}"]).unwrap();
    assert_eq!(facts.version, version);
    assert!(facts.capacity.memory.as_bytes() > 0 && facts.capacity.cpu.get() >= 1000);
}

#[tokio::test]
async fn an_engine_that_is_gone_is_unreachable_at_once_and_used_again_when_it_is_back() {
    let mut gate = Gate::open().unwrap();
    let world = World::open().await;
    let docker = behind(&gate, &world, BEHIND);
    gate.shut();
    let asked = Instant::now();
    let error = docker.list().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(error.is_transient());
    assert!(asked.elapsed() < BEHIND, "at once");
    gate.pass().unwrap();
    assert_eq!(docker.list().await, Ok(Vec::new()));
    gate.shut();
    assert!(matches!(docker.ping().await, Err(Error::Unreachable(_))));
    gate.pass().unwrap();
    docker.ping().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_hangs_is_unreachable_in_time() {
    let mut gate = Gate::open().unwrap();
    let world = World::open().await;
    let docker = behind(&gate, &world, BEHIND);
    docker.ping().await.unwrap();
    gate.hang().unwrap();
    let docker = behind(&gate, &world, Duration::from_secs(1));
    let error = docker.list().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn streams_end_when_the_engine_goes() {
    let mut gate = Gate::open().unwrap();
    let world = World::open().await;
    let docker = behind(&gate, &world, BEHIND);
    let spec = world.spec(1, "echo first; sleep 600");
    docker.start(&spec).await.unwrap();
    let query = LogQuery {
        tail: None,
        since: None,
        follow: Follow::Yes,
    };
    let mut lines = docker
        .logs(&spec.instance.to_string(), &query)
        .await
        .unwrap();
    let mut changes = docker.changes().await.unwrap();
    assert_eq!(&lines.next().await.unwrap().unwrap().text[..], b"first");
    gate.shut();
    assert!(matches!(
        lines.next().await,
        Some(Err(Error::Unreachable(_)))
    ));
    assert!(lines.next().await.is_none());
    let end = async { while changes.next().await.is_some() {} };
    let ended = tokio::time::timeout(PATIENCE, end).await;
    assert!(ended.is_ok(), "the changes go on without an Engine");
}

#[tokio::test]
async fn an_engine_that_was_restarted_shows_what_became_of_its_instances() {
    let mut engine = Engine::start().unwrap();
    let world = World::open().await;
    let docker = connect(&world.scope, &engine.socket(), |_| ());
    let image = ports::Images::inspect(&docker, docker::BASE_IMAGE)
        .await
        .unwrap()
        .id;
    let kept = InstanceSpec {
        image: image.clone(),
        port: Some(binding()),
        restart: RestartPolicy::UnlessStopped,
        ..world.spec(1, "sleep 600")
    };
    let left = InstanceSpec {
        image,
        ..world.spec(2, "sleep 600")
    };
    for spec in [&kept, &left] {
        docker.start(spec).await.unwrap();
    }
    let handles = |mut all: Vec<ObservedInstance>| {
        all.sort_by_key(|seen| seen.handle.clone());
        all.into_iter()
            .map(|seen| (seen.handle, seen.port))
            .collect::<Vec<_>>()
    };
    let before = handles(docker.list().await.unwrap());
    // As a service manager does. After a SIGKILL, Docker 20.10 itself stops what it finds running, remembers that as a
    // stop on purpose, and starts nothing again.
    engine.stop().unwrap();
    assert!(matches!(docker.list().await, Err(Error::Unreachable(_))));
    engine.resume().unwrap();
    let comes_back = async {
        loop {
            let all = docker.list().await.unwrap();
            let of = |id| all.iter().find(|seen| seen.instance == id).unwrap();
            if of(kept.instance).phase.is_running() && of(left.instance).phase.is_exited() {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let after = tokio::time::timeout(PATIENCE, comes_back).await;
    assert_eq!(handles(after.expect("they come back")), before);
}

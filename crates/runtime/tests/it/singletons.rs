//! What the program of a node sees of its singletons.

use crate::world::World;
use ports::runtime::InstanceSpec;
use std::fs;
use testkit::docker;

#[tokio::test]
async fn what_runs_with_a_number_is_a_singleton_and_is_known_by_its_process() {
    let (world, other) = (World::open().await, World::open().await);
    let single = |world: &World, number: u64, line: &str| InstanceSpec {
        fence: Some(7),
        ..world.spec(number, line)
    };
    for (at, spec) in [
        (&world, single(&world, 1, "sleep 4711")),
        (&world, single(&world, 2, "sleep 4711")),
        (&world, single(&world, 3, "exit 0")),
        (&world, world.spec(4, "sleep 4711")),
        (&other, single(&other, 5, "sleep 4711")),
    ] {
        at.node.start(&spec).await.unwrap();
    }
    let paused = world.instance(2).to_string();
    docker::run(["pause", &paused]).unwrap();
    // The third has ended by then, or is about to.
    docker::run(["wait", &world.instance(3).to_string()]).unwrap();

    let mut running = world.docker.singletons().await.unwrap();
    let mut expected = Vec::new();
    for number in [1, 2] {
        let name = world.instance(number).to_string();
        expected.push(docker::run(["inspect", "--format", "{{.Id}}", &name]).unwrap());
    }
    running.sort_by(|a, b| a.handle.cmp(&b.handle));
    expected.sort();
    let handles: Vec<_> = running.iter().map(|one| one.handle.clone()).collect();
    assert_eq!(handles, expected);
    for one in &running {
        let process = one.process.unwrap();
        let init = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap();
        assert!(init.contains("4711"), "the one that has the others: {init}");
    }
    docker::run(["unpause", &paused]).unwrap();
}

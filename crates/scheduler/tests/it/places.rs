//! Rule 3: where the next instance goes.

use crate::sketch::{STACK, Sketch, worker};
use domain::{
    DeployState, WorkerSpec,
    node::Duty,
    worker::{NamedPorts, Resources},
};
use scheduler::place::{Demand, Rooms, place};

/// `a:2` is a node with two instances; `/zone-1` its zone, `:draining` its duty, `:full` one without room.
fn pool(text: &str) -> Sketch {
    let mut world = Sketch::new(&[]);
    for word in text.split_whitespace() {
        let mut parts = word.split(':');
        let (name, zone) = parts
            .next()
            .unwrap()
            .split_once('/')
            .unwrap_or((word.split(':').next().unwrap(), ""));
        let mut host = crate::sketch::node(name);
        host.node.meta.insert("zone".to_owned(), zone.to_owned());
        host.others.instances = parts.next().unwrap().parse().unwrap();
        match parts.next() {
            Some("draining") => host.node.duty = Duty::Draining,
            Some("cordoned") => host.node.duty = Duty::Cordoned,
            Some("full") => host.node.memory = Some("10MiB".parse().unwrap()),
            _ => {}
        }
        world.nodes.push(host);
    }
    world
}

/// Where this many instances of one Worker go, one after the other.
#[track_caller]
fn check(why: &str, text: &str, number: usize, want: &str) {
    let input = pool(text).input();
    let mut rooms = Rooms::new(&input);
    let mut demand = Demand {
        stack: STACK,
        resources: Resources {
            memory: Some("64MiB".parse().unwrap()),
            cpu: None,
        },
        constraints: Vec::new(),
        port: true,
        ports: Vec::new(),
        singleton: false,
        beside: Vec::new(),
    };
    let mut got = Vec::new();
    for _ in 0..number {
        match place(&mut rooms, &demand) {
            Ok(place) => {
                demand.beside.push(place.host);
                got.push(place.node.to_string());
            }
            Err(_) => got.push("nowhere".to_owned()),
        }
    }
    assert_eq!(got.join(" "), want, "{why}: {text}");
}

#[test]
fn the_next_instance_goes_where_there_is_most_room() {
    for (why, text, number, want) in [
        ("fewest instances first", "a:2 b:0 c:1", 1, "b"),
        ("a tie goes to the first name", "b:1 a:1", 1, "a"),
        ("a draining node gets nothing", "a:0:draining b:5", 2, "b b"),
        ("nor does a cordoned one", "a:0:cordoned b:5", 1, "b"),
        ("nor one without room", "a:0:full b:5", 1, "b"),
        ("an empty pool has no place", "", 1, "nowhere"),
        (
            "the second goes to another node, fuller as it is",
            "a:0 b:9",
            2,
            "a b",
        ),
        (
            "and the third to where there is most room again",
            "a:0 b:9",
            3,
            "a b a",
        ),
        (
            "zones are spread over among equals",
            "a/1:0 b/1:0 c/2:0 d/2:0",
            4,
            "a c b d",
        ),
        (
            "a zone is no reason to crowd a node",
            "a/1:0 b/1:0 c/2:9",
            2,
            "a b",
        ),
    ] {
        check(why, text, number, want);
    }
}

/// What each node says to one more, and where that goes.
#[test]
fn a_node_whose_meta_does_not_say_so_gets_nothing() {
    let mut world = pool("a:0 b:5 c:1:cordoned");
    for (name, disk) in [("a", "hdd"), ("b", "ssd"), ("c", "ssd")] {
        let meta = &mut world.node_mut(name).node.meta;
        meta.insert("disk".to_owned(), disk.to_owned());
    }
    let input = world.input();
    for (constraints, want, told) in [
        (vec![], "a", "a: 0; b: 5; c: is cordoned"),
        (
            vec!["disk == ssd"],
            "b",
            "a: does not meet `disk == ssd`: its disk is hdd; b: 5; c: is cordoned",
        ),
        (
            vec!["disk != hdd", "gpu != none"],
            "b",
            "a: does not meet `disk != hdd`: its disk is hdd; b: 5; c: is cordoned",
        ),
        (
            vec!["gpu == a100"],
            "nowhere",
            "a: does not meet `gpu == a100`: it has no gpu; b: does not meet `gpu == a100`: it has no gpu; c: is cordoned",
        ),
    ] {
        let demand = Demand {
            stack: STACK,
            resources: Resources::default(),
            constraints: constraints
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            port: true,
            ports: Vec::new(),
            singleton: false,
            beside: Vec::new(),
        };
        let mut rooms = Rooms::new(&input);
        let said = rooms
            .survey(&demand)
            .into_iter()
            .map(|(node, said)| match said {
                Ok(instances) => format!("{node}: {instances}"),
                Err(reason) => format!("{node}: {reason}"),
            });
        assert_eq!(said.collect::<Vec<_>>().join("; "), told, "{constraints:?}");
        let got = place(&mut rooms, &demand).map_or("nowhere".to_owned(), |p| p.node.to_string());
        assert_eq!(got, want, "{constraints:?}");
    }
}

#[test]
fn what_spoke_for_a_node_is_told() {
    let input = pool("a:1 b:3").input();
    let mut rooms = Rooms::new(&input);
    let mut demand = Demand {
        stack: STACK,
        resources: Resources::default(),
        constraints: Vec::new(),
        port: false,
        ports: Vec::new(),
        singleton: false,
        beside: Vec::new(),
    };
    for want in [
        "of the nodes that could take it none had fewer instances: 1",
        "of the nodes without another of this worker none had fewer instances: 3",
        "every node that could take it had one of this worker, and none fewer instances: 2",
    ] {
        let place = place(&mut rooms, &demand).unwrap();
        demand.beside.push(place.host);
        assert_eq!(place.placed.to_string(), want);
    }
}

#[test]
fn no_port_is_given_twice_and_a_full_range_is_said() {
    let mut world = pool("a:0");
    world.policy.ports = 20_000..=20_003;
    world.nodes[0].taken_ports.insert(20_001);
    let input = world.input();
    let mut rooms = Rooms::new(&input);
    let demand = Demand {
        stack: STACK,
        resources: Resources::default(),
        constraints: Vec::new(),
        port: true,
        ports: Vec::new(),
        singleton: false,
        beside: Vec::new(),
    };
    let mut ports: Vec<_> = (0..3)
        .map(|_| place(&mut rooms, &demand).unwrap().port.unwrap())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [20_000, 20_002, 20_003]);
    let refusal = place(&mut rooms, &demand).unwrap_err().remove(0);
    assert_eq!(refusal.reason.to_string(), "has no free port in the range");
}

#[test]
fn each_named_port_gets_a_host_port_of_its_own() {
    let mut world = pool("a:0");
    world.policy.ports = 20_000..=20_004;
    world.nodes[0].taken_ports.insert(20_001);
    let input = world.input();
    let mut rooms = Rooms::new(&input);
    let mut spec = WorkerSpec::named("web".parse().unwrap());
    spec.ports = "grpc=50051,metrics=9100".parse().unwrap();
    let demand = Demand::like(&spec, STACK);
    let found = place(&mut rooms, &demand).unwrap();
    let names: Vec<_> = found.ports.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grpc", "metrics"]);
    let mut ports: Vec<_> = found.ports.numbers().chain(found.port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 3, "{found:?}");
    assert!(!ports.contains(&20_001), "{found:?}");
    // One is left, which is too few for another.
    let refusal = place(&mut rooms, &demand).unwrap_err().remove(0);
    assert_eq!(refusal.reason.to_string(), "has no free port in the range");
    spec.ports = NamedPorts::default();
    assert!(place(&mut rooms, &Demand::like(&spec, STACK)).is_ok());
}

#[test]
fn a_full_pool_says_what_is_missing() {
    let mut world = Sketch::new(&["a", "b"]);
    world.node_mut("a").node.memory = Some("100MiB".parse().unwrap());
    world.node_mut("b").node.duty = Duty::Cordoned;
    let mut web = worker("web", 2);
    web.spec.resources.memory = Some("64MiB".parse().unwrap());
    world.want(1, DeployState::Deployed, vec![web]);
    let plan = world.plan();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(
        plan.held[0].why.to_string(),
        "no node can take it: a has 36.0 MiB of memory free, 64.0 MiB are wanted, b is cordoned"
    );
}

use super::*;
use domain::node::{Duty, NodeState};
use runtime::Certificates;

fn hosts(remote: Remote) -> Hosts {
    let (name, address): (NodeName, _) =
        ("here".parse().unwrap(), Address::Unix("/nowhere".into()));
    let settings = runtime::Settings::of(name);
    let installation = InstallationId::from_bits(1);
    let local = Local {
        docker: Docker::connect(address.clone(), installation, settings.clone()).unwrap(),
        settings,
        address,
    };
    Hosts::new(local, installation, remote)
}

fn node(name: &str, address: &str, docker: Option<&str>) -> Node {
    Node {
        name: name.parse().unwrap(),
        address: address.to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: docker
            .map(|docker| ("docker".to_owned(), docker.to_owned()))
            .into_iter()
            .collect(),
        memory: None,
        cpu: None,
    }
}

#[test]
fn a_node_is_reached_where_its_meta_says_or_at_its_address() {
    let hosts = hosts(Remote::Tls(Certificates::below("/certs".as_ref())));
    for (name, address, docker, want) in [
        ("a", "10.0.0.1", None, "10.0.0.1:2376 ports on 10.0.0.1"),
        ("b", "fd00::1", None, "[fd00::1]:2376 ports on fd00::1"),
        (
            "c",
            "host.internal",
            None,
            "host.internal:2376 ports on 0.0.0.0",
        ),
        (
            "d",
            "10.0.0.1",
            Some("tcp://10.9.9.9:1"),
            "10.9.9.9:1 ports on 10.0.0.1",
        ),
        ("here", "10.0.0.1", None, "/nowhere ports on 10.0.0.1"),
        ("e", "10.0.0.1", Some("ssh://h"), "no way"),
        ("f", "10.0.0.1", Some("unix:///nowhere"), "no way"),
    ] {
        let node = node(name, address, docker);
        hosts.introduce(&node);
        let way = read(&hosts.met).hosts[&node.name].way.clone();
        let got = match way {
            Ok(way) => {
                let at = match way.address {
                    Address::Tls(place, _) | Address::Carried(place, _) | Address::Plain(place) => {
                        place.to_string()
                    }
                    Address::Unix(path) => path.display().to_string(),
                };
                format!("{at} ports on {}", way.bind)
            }
            Err(_) => "no way".to_owned(),
        };
        assert_eq!(got, want, "{name}");
        assert_eq!(
            hosts.runtime(&node.name).is_ok(),
            want != "no way",
            "{name}"
        );
    }
}

#[test]
fn hosts_keep_the_contract_of_fleets() {
    let hosts = hosts(Remote::Plain);
    let met = ["b", "a"].map(|name| node(name, "10.0.0.1", None));
    for node in &met {
        hosts.introduce(node);
    }
    let mut known: Vec<NodeName> = met.map(|node| node.name).into();
    known.push("here".parse().unwrap());
    ports::fleet::contract::contract(&ports::fleet::contract::Ground {
        fleet: &hosts,
        known,
        stranger: "c".parse().unwrap(),
    });
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_told_of_no_more_is_remembered_for_a_day() {
    let hosts = hosts(Remote::Plain);
    hosts.introduce(&node("a", "10.0.0.1", None));
    let met = || {
        let names = hosts.met().into_iter();
        names.map(|name| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(met(), ["a", "here"]);
    tokio::time::advance(REMEMBERED).await;
    assert_eq!(met(), ["here"]);
}

#[test]
fn without_certificates_or_leave_no_other_host_is_spoken_to() {
    let hosts = hosts(Remote::Refused);
    let (other, here) = (node("a", "10.0.0.1", None), node("here", "10.0.0.9", None));
    for node in [&other, &here] {
        hosts.introduce(node);
    }
    assert_eq!(
        hosts.images(&other.name).err(),
        Some(UnknownNode(other.name.clone()))
    );
    assert!(hosts.images(&here.name).is_ok());
}

#[test]
fn a_node_that_moves_is_reached_where_it_is_now() {
    let hosts = hosts(Remote::Plain);
    let of = |address: &str| node("a", address, None);
    let name = of("x").name;
    hosts.introduce(&of("10.0.0.1"));
    let first = read(&hosts.met).hosts[&name].way.clone().unwrap();
    hosts.introduce(&of("10.0.0.1"));
    let again = read(&hosts.met).hosts[&name].way.clone().unwrap();
    hosts.introduce(&of("10.0.0.2"));
    let moved = read(&hosts.met).hosts[&name].way.clone().unwrap();
    assert_eq!(first.address, again.address);
    assert_ne!(first.address, moved.address);
}

#[tokio::test]
async fn what_the_catalog_says_of_a_nodes_size_counts_and_a_silent_node_says_nothing() {
    let hosts = hosts(Remote::Plain);
    let mut nodes = [
        node("here", "127.0.0.1", None),
        node("b", "127.0.0.1", Some("unix:///no")),
    ];
    nodes[1].memory = Some(domain::ByteSize::bytes(7));
    hosts.meet(&mut nodes).await;
    assert_eq!(nodes[0].memory, None);
    assert_eq!(nodes[1].memory, Some(domain::ByteSize::bytes(7)));
}

fn told(hosts: &Hosts, name: &str, (id, host, root): (&str, &str, &str)) {
    let capacity = ports::runtime::Capacity {
        memory: domain::ByteSize::bytes(1),
        cpu: domain::CpuMillis::new(1),
    };
    let engine = (id.to_owned(), host.to_owned(), root.to_owned());
    let name: NodeName = name.parse().unwrap();
    let mut met = write(&hosts.met);
    met.hosts.get_mut(&name).unwrap().told = Some(Told { engine, capacity });
}

#[test]
fn an_engine_is_one_node_whatever_the_catalog_says() {
    let hosts = hosts(Remote::Plain);
    let all = ["a", "b", "c", "d", "here"].map(|name| node(name, "10.0.0.1", None));
    for node in &all {
        hosts.introduce(node);
    }
    let reached = |nodes: &[Node]| {
        write(&hosts.met).tell_apart(nodes, &hosts.local.settings.node);
        let mut reached: Vec<&str> = Vec::new();
        for node in &all {
            if hosts.runtime(&node.name).is_ok() {
                reached.push(node.name.as_str());
            }
        }
        reached.join(" ")
    };
    told(&hosts, "b", ("id", "h", "/docker"));
    assert_eq!(reached(&all), "a b c d here", "nobody has told the same");
    told(&hosts, "a", ("id", "h", "/docker"));
    told(&hosts, "c", ("id", "h", "/another"));
    told(&hosts, "d", ("id", "copied", "/docker"));
    assert_eq!(reached(&all), "b c d here", "who had it first has it");
    assert_eq!(reached(&all[..1]), "b c d here");
    told(&hosts, "here", ("id", "h", "/docker"));
    assert_eq!(reached(&all), "c d here", "the server's own host is itself");

    let moved = node("here", "10.0.0.1", Some("tcp://10.0.0.9"));
    hosts.introduce(&moved);
    assert_eq!(reached(&all), "a c d here", "its Engine is another by now");
}

/// A host was given another name. Of the old one, on which instances may still be looked at, the catalog tells no more.
#[tokio::test(start_paused = true)]
async fn an_engine_whose_node_is_told_of_no_more_goes_to_the_next_and_is_one_still() {
    let hosts = hosts(Remote::Plain);
    let (old, new) = (node("old", "10.0.0.1", None), node("new", "10.0.0.1", None));
    let is_reached = |node: &Node| hosts.runtime(&node.name).is_ok();
    let tell_apart = |nodes: &[Node]| {
        for node in nodes {
            hosts.introduce(node);
        }
        write(&hosts.met).tell_apart(nodes, &hosts.local.settings.node);
    };
    let both = [old.clone(), new.clone()];
    tell_apart(&both);
    for node in &both {
        told(&hosts, node.name.as_str(), ("id", "h", "/docker"));
    }
    tell_apart(&both);
    assert!(is_reached(&old) && !is_reached(&new));
    tell_apart(&both[1..]);
    assert!(is_reached(&old) && !is_reached(&new), "it may be back");
    tokio::time::advance(std::time::Duration::from_secs(601)).await;
    tell_apart(&both[1..]);
    assert!(!is_reached(&old) && is_reached(&new));
}

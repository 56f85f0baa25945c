use super::*;
use ports::runtime::Capacity;
use serde_json::{Value, json};

fn machine() -> Machine {
    Machine {
        name: "here".parse().unwrap(),
        address: "127.0.0.1".to_owned(),
        capacity: Some(Capacity {
            memory: ByteSize::bytes(1 << 30),
            cpu: CpuMillis::new(2000),
        }),
    }
}

/// A row of `/v1/health/service/…` as Consul 1.8 answers it.
fn row(name: &str, meta: &Value, checks: &Value) -> ServiceEntry {
    serde_json::from_value(json!({
        "Node": {
            "ID": "eaa92ee4-7c20-5a8e-396a-e82f5382cb57",
            "Node": name,
            "Address": "10.0.0.1",
            "Datacenter": "dc1",
            "TaggedAddresses": { "lan": "10.0.0.1" },
            "Meta": { "consul-network-segment": "", "zone": "a", "rack": "4" },
        },
        "Service": {
            "ID": "jockey-api-staging",
            "Service": "jockey-api-staging",
            "Tags": [],
            "Address": "",
            "TaggedAddresses": { "lan_ipv4": { "Address": "10.0.0.1", "Port": 0 } },
            "Meta": meta,
            "Port": 0,
        },
        "Checks": checks,
    }))
    .unwrap()
}

fn check(id: &str, status: &str, service: &str) -> Value {
    json!({ "Node": "there", "CheckID": id, "Name": id, "Status": status, "ServiceID": service })
}

#[test]
fn health_and_maintenance_become_a_state_and_a_duty() {
    let pool = "jockey-api-staging";
    let kept = format!("_service_maintenance:{pool}");
    for (why, meta, checks, want) in [
        (
            "it answers",
            json!({}),
            json!([check(SERF, "passing", "")]),
            "alive serving",
        ),
        ("no check at all", json!(null), json!([]), "alive serving"),
        (
            "its agent is dead",
            json!({}),
            json!([check(SERF, "critical", "")]),
            "failed serving",
        ),
        (
            "Docker does not answer there",
            json!({}),
            json!([
                check(SERF, "passing", ""),
                check("docker", "critical", pool)
            ]),
            "silent serving",
        ),
        (
            "a warning is not taken for more",
            json!({}),
            json!([check(SERF, "passing", ""), check("disk", "warning", "")]),
            "alive serving",
        ),
        (
            "the node is in maintenance",
            json!({}),
            json!([
                check(SERF, "passing", ""),
                check(NODE_MAINTENANCE, "critical", "")
            ]),
            "alive draining",
        ),
        (
            "its membership is in maintenance",
            json!({}),
            json!([check(&kept, "critical", pool)]),
            "alive cordoned",
        ),
        (
            "the host is about to end",
            json!({ "draining": "true" }),
            json!([check(SERF, "passing", "")]),
            "alive draining",
        ),
        (
            "a status of a later release",
            json!({}),
            json!([check("odd", "dubious", "")]),
            "alive serving",
        ),
    ] {
        let node = node(&row("there", &meta, &checks), &machine()).unwrap();
        assert_eq!(format!("{} {}", node.state, node.duty), want, "{why}");
    }
}

#[test]
fn meta_of_the_service_stands_before_that_of_the_node() {
    let meta = json!({ "zone": "b", "cpu": "1.5", "memory": "4GiB" });
    let node = node(&row("there", &meta, &json!([])), &machine()).unwrap();
    let told: Vec<_> = node.meta.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(told, ["cpu=1.5", "memory=4GiB", "rack=4", "zone=b"]);
    assert_eq!(node.cpu, Some(CpuMillis::new(1500)));
    assert_eq!(node.memory, Some(ByteSize::bytes(4 << 30)));
    assert_eq!(node.address, "10.0.0.1");
}

#[test]
fn of_its_own_host_the_server_knows_more() {
    let node = node(&row("here", &json!({}), &json!([])), &machine()).unwrap();
    assert_eq!(node.address, "127.0.0.1", "where Docker publishes");
    assert_eq!(node.cpu, Some(CpuMillis::new(2000)));
}

#[test]
fn what_is_no_number_of_cores_is_not_taken_for_one() {
    for (text, want) in [
        ("4", Some(4000)),
        ("0.5", Some(500)),
        ("1500m", Some(1500)),
        ("-1", None),
        ("many", None),
        ("1e99", None),
        ("NaN", None),
    ] {
        assert_eq!(cpu(text).map(CpuMillis::get), want, "{text}");
    }
}

#[test]
fn a_pool_is_named_by_its_stack_and_environment() {
    let pool = Pool {
        environment: domain::EnvironmentId::new(1),
        environment_name: "pre_production".parse().unwrap(),
        stack: domain::StackId::new(1),
        stack_name: "api".parse().unwrap(),
    };
    assert_eq!(service(&pool), "jockey-api-pre-production");
}

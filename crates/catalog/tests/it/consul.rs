//! The catalog on a real Consul.

mod asked;
mod datacenter;
mod trust;

use catalog::{Consul, Host, HostAgent, Machine, Settings, TlsFiles};
use domain::{
    EnvironmentId, InstallationId, InstanceId, Node, StackId,
    environment::{ServiceName, ServiceTemplate},
};
use futures_util::StreamExt;
use ports::{
    Catalog,
    catalog::{Check, Entry, Pool, Registration, Word, contract},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::consul::Consul as Agent;

/// How long a check may take to be made, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(agent: &Agent) -> Settings {
    Settings {
        address: agent.url(),
        agent_port: None,
        token: None,
        plain_token: false,
        datacenter: None,
        namespace: None,
        tls: TlsFiles::default(),
        installation: InstallationId::from_bits(7),
        machine: Machine {
            name: "another".parse().unwrap(),
            address: "10.0.0.1".to_owned(),
            capacity: None,
        },
        tags: Vec::new(),
    }
}

fn catalog(agent: &Agent) -> Consul {
    Consul::new(settings(agent)).unwrap()
}

fn pool() -> Pool {
    Pool {
        environment: EnvironmentId::new(1),
        environment_name: "staging".parse().unwrap(),
        stack: StackId::new(1),
        stack_name: "api".parse().unwrap(),
    }
}

fn service(app: &str) -> ServiceName {
    let (worker, environment) = ("web".parse().unwrap(), "staging".parse().unwrap());
    let service =
        ServiceTemplate::first().service_name(&app.parse().unwrap(), &worker, &environment);
    service.unwrap()
}

fn entry(bits: u64, port: u16) -> Entry {
    Entry {
        instance: InstanceId::from_bits(bits),
        service: service("jockey-sample-app"),
        node: "node-1".parse().unwrap(),
        address: "127.0.0.1".to_owned(),
        port: Some(port),
        tags: vec!["rref:abc1234".to_owned()],
        meta: [("jockey-app".to_owned(), "jockey-sample-app".to_owned())].into(),
        check: Check::Tcp,
    }
}

/// Waits until Consul tells what is wanted.
async fn told(agent: &Agent, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = agent.get(path).unwrap();
        if is_so(&value) {
            return value;
        }
        assert!(Instant::now() < deadline, "{path}: {value:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_catalog() {
    let agent = Arc::new(Agent::start().unwrap());
    agent.join_pool("api", "staging", &json!({})).unwrap();
    let outside = Arc::clone(&agent);
    contract::contract(&contract::Ground {
        catalog: Arc::new(catalog(&agent)),
        pool: pool(),
        entry: entry(1, 20_000),
        stir: Box::new(move || {
            let zone = json!({ "zone": "b" });
            outside.join_pool("api", "staging", &zone).unwrap();
        }),
    })
    .await;
    let left = "/v1/catalog/service/jockey-sample-app-web";
    told(&agent, left, |rows| *rows == json!([])).await;
}

#[tokio::test]
async fn an_instance_is_a_service_of_its_agent_with_a_check_that_says_the_truth() {
    let agent = Agent::start().unwrap();
    let mut settings = settings(&agent);
    settings.tags = vec!["urlprefix-{service}.example.com/".to_owned()];
    let catalog = Consul::new(settings).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let entry = entry(1, listener.local_addr().unwrap().port());
    catalog.register(&entry).await.unwrap();
    let passing = "/v1/health/service/jockey-sample-app-web?passing";
    let rows = told(&agent, passing, |rows| rows[0].is_object()).await;
    let service = &rows[0]["Service"];
    assert_eq!(service["ID"], json!(entry.instance.to_string()));
    assert_eq!(service["Port"], json!(entry.port));
    assert_eq!(
        service["Tags"],
        json!([
            "rref:abc1234",
            "urlprefix-jockey-sample-app-web.example.com/"
        ])
    );
    assert_eq!(
        service["Meta"]["jockey-installation"],
        json!(InstallationId::from_bits(7).to_string())
    );

    catalog
        .maintenance(&entry.node, entry.instance)
        .await
        .unwrap();
    told(&agent, passing, |rows| *rows == json!([])).await;
    catalog.register(&entry).await.unwrap();
    told(&agent, passing, |rows| rows[0].is_object()).await;

    drop(listener);
    let all = "/v1/health/checks/jockey-sample-app-web";
    told(&agent, all, |checks| checks[0]["Status"] == "critical").await;
}

#[tokio::test]
async fn a_host_knows_what_its_agent_waits_to_be_told_of() {
    let agent = Agent::start().unwrap();
    let (catalog, ours) = (catalog(&agent), InstallationId::from_bits(7));
    let host = Host {
        pools: Vec::new(),
        address: "127.0.0.1".to_owned(),
        meta: BTreeMap::new(),
    };
    let host = HostAgent::new(&settings(&agent), host).unwrap();
    let clock = |bits| Entry {
        port: None,
        check: Check::Told,
        service: service("clock"),
        ..entry(bits, 1)
    };
    let (clock, leaving) = (clock(1), clock(2));
    let web = entry(3, 20_000);
    for entry in [&clock, &leaving, &web] {
        catalog.register(entry).await.unwrap();
    }
    let node = &leaving.node;
    catalog.maintenance(node, leaving.instance).await.unwrap();
    let well = [clock.instance].into();
    assert_eq!(host.waits_for(ours).await.unwrap(), well);
    let others = InstallationId::from_bits(8);
    assert_eq!(host.waits_for(others).await.unwrap(), [].into());

    // What the host has called unwell it may call well again, and what a server has it may not.
    host.say_stopped(clock.instance).await.unwrap();
    let checks = "/v1/health/checks/clock-web";
    let says = |words: &'static str| {
        move |all: &Value| {
            let all = all.as_array().unwrap();
            all.iter().any(|check| check["Output"] == words)
        }
    };
    let its_own = says("its container does not run, says its host");
    told(&agent, checks, its_own).await;
    assert_eq!(host.waits_for(ours).await.unwrap(), well);
    let word = Word::Unwell("it restarts again and again".to_owned());
    catalog.attest(node, clock.instance, &word).await.unwrap();
    told(&agent, checks, says("it restarts again and again")).await;
    assert_eq!(host.waits_for(ours).await.unwrap(), [].into());
    catalog
        .attest(node, clock.instance, &Word::Well)
        .await
        .unwrap();
    told(&agent, checks, says("it runs")).await;
    assert_eq!(host.waits_for(ours).await.unwrap(), well);
    catalog.deregister(node, clock.instance).await.unwrap();
    host.say_runs(clock.instance).await.unwrap();
    assert_eq!(host.waits_for(ours).await.unwrap(), [].into());
}

#[tokio::test]
async fn an_instance_without_a_port_is_what_was_last_said_of_it() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    let clock = Entry {
        port: None,
        check: Check::Told,
        service: service("clock"),
        ..entry(1, 1)
    };
    catalog.register(&clock).await.unwrap();
    let checks = "/v1/health/checks/clock-web";
    told(&agent, checks, |all| all[0]["Status"] == "passing").await;
    let word = Word::Unwell("it exited with code 3".to_owned());
    catalog
        .attest(&clock.node, clock.instance, &word)
        .await
        .unwrap();
    let is_told =
        |all: &Value| all[0]["Status"] == "critical" && all[0]["Output"] == "it exited with code 3";
    told(&agent, checks, is_told).await;
    catalog
        .attest(&clock.node, clock.instance, &Word::Well)
        .await
        .unwrap();
    told(&agent, checks, |all| all[0]["Status"] == "passing").await;
}

#[tokio::test]
async fn what_others_have_registered_is_neither_seen_nor_touched() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    let stranger = json!({ "ID": "theirs", "Name": "theirs", "Port": 1 });
    agent.put("/v1/agent/service/register", &stranger).unwrap();
    let other = Consul::new(Settings {
        installation: InstallationId::from_bits(8),
        ..settings(&agent)
    });
    let theirs = entry(2, 20_002);
    let other = other.unwrap();
    other.register(&theirs).await.unwrap();
    let mine = entry(1, 20_001);
    catalog.register(&mine).await.unwrap();
    let known = catalog.registrations(&mine.node).await.unwrap();
    assert_eq!(
        known,
        BTreeMap::from([(mine.instance, Registration::Serving)])
    );
    let (node, instance) = (&theirs.node, theirs.instance);
    let before = agent.get(&format!("/v1/agent/service/{instance}")).unwrap();
    catalog.maintenance(node, instance).await.unwrap();
    catalog.deregister(node, instance).await.unwrap();
    let error = catalog.register(&theirs).await.unwrap_err().to_string();
    assert!(error.contains("not this installation's"), "{error}");
    catalog.deregister_server("theirs").await.unwrap();
    let after = agent.get(&format!("/v1/agent/service/{instance}")).unwrap();
    assert_eq!(before, after);
    let known = other.registrations(node).await.unwrap();
    assert_eq!(known, BTreeMap::from([(instance, Registration::Serving)]));
    let stranger = agent.get("/v1/agent/service/theirs").unwrap();
    assert_eq!(stranger["Port"], json!(1));
}

#[tokio::test]
async fn an_address_at_which_nobody_reaches_an_instance_is_found() {
    let agent = Agent::start().unwrap();
    let of = |name: &str, address: &str| {
        let machine = Machine {
            name: name.parse().unwrap(),
            address: address.to_owned(),
            capacity: None,
        };
        Consul::new(Settings {
            machine,
            ..settings(&agent)
        })
        .unwrap()
    };
    let told = async |name: &str, address: &str| of(name, address).told_at_loopback().await;
    let register = |address: &str| {
        let node = json!({ "Node": "far", "Address": address });
        agent.put("/v1/catalog/register", &node).unwrap();
    };
    register("10.9.9.9");
    let wrong = told("far", "127.0.0.1").await.unwrap().unwrap();
    assert!(wrong.ends_with("give --node-address 10.9.9.9"), "{wrong}");
    let error = of("far", "127.0.0.1").examine().await.unwrap_err();
    assert!(error.to_string().contains(&wrong), "{error}");
    assert_eq!(told("far", "10.9.9.9").await.unwrap(), None);
    assert_eq!(told("unknown", "127.0.0.1").await.unwrap(), None);
    register("127.0.0.1");
    assert_eq!(told("far", "127.0.0.1").await.unwrap(), None);
}

async fn only_node(catalog: &Consul) -> Node {
    let nodes = catalog.nodes(&pool()).await.unwrap();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    nodes.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_host_joins_a_pool_and_leaves_it() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    assert_eq!(catalog.nodes(&pool()).await.unwrap(), []);
    let mut changes = catalog.changes().await;
    let meta = json!({ "zone": "a", "cpu": "4", "memory": "8GiB" });
    agent.join_pool("api", "staging", &meta).unwrap();
    let word = tokio::time::timeout(PATIENCE, changes.next()).await;
    assert_eq!(word.expect("a word"), Some(()));
    let node = only_node(&catalog).await;
    assert_eq!(node.name.as_str(), "node-1");
    assert_eq!(node.meta["zone"], "a");
    assert_eq!(node.cpu.map(domain::CpuMillis::get), Some(4000));

    agent
        .put("/v1/agent/maintenance?enable=true", &json!({}))
        .unwrap();
    loop {
        let word = tokio::time::timeout(PATIENCE, changes.next()).await;
        assert_eq!(word.expect("a word"), Some(()));
        // There is a word of whatever else Consul has heard of it meanwhile.
        if only_node(&catalog).await.duty.as_str() == "draining" {
            break;
        }
    }
}

#[tokio::test]
async fn a_consul_that_is_away_is_said_to_be_and_found_again() {
    let mut agent = Agent::start().unwrap();
    agent.join_pool("api", "staging", &json!({})).unwrap();
    let catalog = catalog(&agent);
    only_node(&catalog).await;
    let mut changes = catalog.changes().await;
    agent.stop().unwrap();
    let error = catalog.nodes(&pool()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    // A connection that stood is closed, and a new one is refused.
    let said = format!(
        "the catalog cannot be reached: Consul at {}: connection ",
        agent.url()
    );
    assert!(error.to_string().starts_with(&said), "{error}");
    let node = "node-1".parse().unwrap();
    assert!(catalog.registrations(&node).await.is_err(), "not empty");
    agent.resume().unwrap();
    let word = tokio::time::timeout(PATIENCE, changes.next()).await;
    assert_eq!(word.expect("a word"), Some(()), "it is back");
    // It answers before it has heard again of all that there is.
    let known = "/v1/health/service/jockey-api-staging";
    told(&agent, known, |rows| rows[0].is_object()).await;
    only_node(&catalog).await;
}

#[tokio::test]
async fn a_consul_that_hangs_is_waited_for_no_longer_than_5_s() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    agent.pause().unwrap();
    let error = catalog.nodes(&pool()).await.unwrap_err();
    agent.unpause().unwrap();
    assert!(error.is_transient(), "{error}");
    assert!(
        error.to_string().ends_with("no answer within 5 s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_is_a_service_as_well() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let own = catalog::Own {
        id: "jockey-7".to_owned(),
        address: at.ip().to_string(),
        port: at.port(),
        check: catalog::OwnCheck::Tcp(at.to_string()),
        version: "0.1.0".to_owned(),
    };
    catalog.register_server(&own).await.unwrap();
    let passing = "/v1/health/service/jockey?passing";
    let rows = told(&agent, passing, |rows| rows[0].is_object()).await;
    assert_eq!(rows[0]["Service"]["Port"], json!(at.port()));
    let node = "node-1".parse().unwrap();
    let instances = catalog.registrations(&node).await.unwrap();
    assert!(instances.is_empty(), "it is no instance: {instances:?}");
    catalog.deregister_server(&own.id).await.unwrap();
    told(&agent, passing, |rows| *rows == json!([])).await;
}

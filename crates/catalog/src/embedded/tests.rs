use super::*;
use domain::{ByteSize, CpuMillis, EnvironmentId, StackId, environment::ServiceTemplate};
use ports::catalog::Check;

fn catalog() -> Embedded {
    Embedded::new(Machine {
        name: "here".parse().unwrap(),
        address: "127.0.0.1".to_owned(),
        capacity: None,
    })
}

fn capacity(gib: u64) -> Capacity {
    Capacity {
        memory: ByteSize::bytes(gib << 30),
        cpu: CpuMillis::new(2000),
    }
}

fn pool() -> Pool {
    Pool {
        environment: EnvironmentId::new(1),
        environment_name: "staging".parse().unwrap(),
        stack: StackId::new(1),
        stack_name: "api".parse().unwrap(),
    }
}

fn entry(bits: u64, node: &str) -> Entry {
    let (app, worker, environment) = ("shop", "web", "staging");
    let service = ServiceTemplate::first().service_name(
        &app.parse().unwrap(),
        &worker.parse().unwrap(),
        &environment.parse().unwrap(),
    );
    Entry {
        instance: InstanceId::from_bits(bits),
        service: service.unwrap(),
        node: node.parse().unwrap(),
        address: "127.0.0.1".to_owned(),
        port: Some(20_000),
        tags: Vec::new(),
        meta: BTreeMap::new(),
        check: Check::Tcp,
    }
}

#[tokio::test]
async fn the_machine_is_the_only_node_of_a_pool() {
    let catalog = catalog();
    let nodes = catalog.nodes(&pool()).await.unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(
        (nodes[0].address.as_str(), nodes[0].memory),
        ("127.0.0.1", None)
    );
    catalog.set_capacity(capacity(1));
    let nodes = catalog.nodes(&pool()).await.unwrap();
    assert_eq!(nodes[0].memory, Some(ByteSize::bytes(1 << 30)));
}

#[tokio::test]
async fn an_instance_is_registered_taken_out_of_traffic_and_forgotten() {
    let catalog = catalog();
    let (node, web) = ("here".parse().unwrap(), entry(1, "here"));
    for _ in 0..2 {
        catalog.register(&web).await.unwrap();
    }
    let known = catalog.registrations(&node).await.unwrap();
    assert_eq!(known, [(web.instance, Registration::Serving)].into());
    catalog.maintenance(&node, web.instance).await.unwrap();
    let known = catalog.registrations(&node).await.unwrap();
    assert_eq!(known, [(web.instance, Registration::Maintenance)].into());
    for _ in 0..2 {
        catalog.deregister(&node, web.instance).await.unwrap();
    }
    catalog.maintenance(&node, web.instance).await.unwrap();
    assert!(catalog.registrations(&node).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_registered_on_a_node_that_has_joined_is_of_that_node() {
    let (catalog, there) = (catalog(), entry(1, "there"));
    catalog.register(&there).await.unwrap();
    let known = catalog.registrations(&there.node).await.unwrap();
    assert_eq!(known, [(there.instance, Registration::Serving)].into());
    let here = catalog.registrations(&"here".parse().unwrap()).await;
    assert!(here.unwrap().is_empty());
}

#[tokio::test]
async fn a_watcher_hears_of_what_changes_and_of_nothing_else() {
    let catalog = catalog();
    catalog.set_capacity(capacity(1));
    let mut changes = catalog.changes().await;
    let nothing = futures_util::FutureExt::now_or_never(changes.next());
    assert_eq!(nothing, None, "what was before the watch is not told");
    catalog.set_capacity(capacity(1));
    catalog.register(&entry(1, "here")).await.unwrap();
    let nothing = futures_util::FutureExt::now_or_never(changes.next());
    assert_eq!(nothing, None, "it was so, or who did it knows");
    catalog.set_capacity(capacity(2));
    assert_eq!(changes.next().await, Some(()));
    drop(catalog);
    assert_eq!(changes.next().await, None);
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_catalog() {
    let catalog = std::sync::Arc::new(catalog());
    let machine = std::sync::Arc::clone(&catalog);
    let ground = ports::catalog::contract::Ground {
        catalog,
        pool: pool(),
        entry: entry(1, "here"),
        stir: Box::new(move || machine.set_capacity(capacity(3))),
    };
    ports::catalog::contract::contract(&ground).await;
}

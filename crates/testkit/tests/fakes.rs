//! Every fake keeps the contract of its port.
#![cfg(test)]

use bytes::Bytes;
use domain::{
    AppId, BuildId, CommitSha, EnvironmentId, InstallationId, InstanceId, Node as PoolNode,
    RepoName, Scale, StackId, WorkerSpec,
    app::Recipe,
    build::DeclaredWorker,
    environment::ServiceTemplate,
    node::{Duty, NodeState},
    worker::WorkerSource,
};
use ports::{
    build_engine::{self, BuildOrder},
    catalog, clock, fleet, images, notifier, prober, processes, runtime, source,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::fake::{
    self,
    build_engine::Recipe as Outcome,
    node::{Behaviour, Course, Registry},
};

fn installation() -> InstallationId {
    InstallationId::from_bits(7)
}

fn node() -> fake::Node {
    let clock = Arc::new(fake::Clock::default());
    fake::Node::new("a".parse().unwrap(), clock, Registry::default())
}

fn image(digit: char) -> domain::ImageRef {
    format!("sha256:{}", digit.to_string().repeat(64))
        .parse()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_node_keeps_the_contract_of_runtimes() {
    let node = node();
    node.put_image(&image('1'), Some(installation()));
    runtime::contract::contract(&runtime::contract::Ground {
        runtime: node.runtime(installation()),
        image: image('1'),
        absent_image: image('2'),
        ports: [20_000, 20_001],
        pause: Box::new({
            let node = node.clone();
            move |name| node.pause(name)
        }),
        first_instance: 100,
    })
    .await;
    assert_eq!(node.standing(), []);
}

#[tokio::test(start_paused = true)]
async fn the_node_keeps_the_contract_of_processes() {
    let node = node();
    node.put_image(&image('1'), Some(installation()));
    processes::contract::contract(&processes::contract::Ground {
        node: node.runtime(installation()),
        image: image('1'),
        absent_image: image('2'),
        first: 200,
    })
    .await;
    assert_eq!(node.standing(), []);
}

#[tokio::test(start_paused = true)]
async fn the_node_keeps_the_contract_of_images() {
    let node = node();
    let ground = images::contract::Ground {
        images: node.images(installation()),
        context: Bytes::from("FROM busybox:1"),
        failing: Bytes::from("FROM busybox:1\nRUN false"),
        absent: image('2'),
        name: "registry.test/shop:1".to_owned(),
        untag: Box::new({
            let node = node.clone();
            move |name| node.untag(name)
        }),
    };
    images::contract::contract(&ground).await;
}

#[test]
fn the_fleet_keeps_its_contract() {
    let names: Vec<domain::NodeName> = ["b", "a"].map(|name| name.parse().unwrap()).into();
    let fleet = names.iter().fold(fake::Fleet::default(), |fleet, name| {
        let node = node();
        let images = node.images(installation());
        fleet.with(name.clone(), node.runtime(installation()), images)
    });
    fleet::contract::contract(&fleet::contract::Ground {
        fleet: &fleet,
        known: names,
        stranger: "c".parse().unwrap(),
    });
}

#[tokio::test(start_paused = true)]
async fn the_clock_keeps_its_contract() {
    clock::contract::clock(&fake::Clock::default()).await;
}

#[test]
fn ids_keep_their_contract() {
    for seed in 0..20 {
        clock::contract::ids(&fake::Ids::seeded(seed));
    }
}

#[tokio::test]
async fn the_notifier_keeps_its_contract() {
    notifier::contract::contract(&fake::Notifier::default()).await;
}

#[tokio::test(start_paused = true)]
async fn the_catalog_keeps_its_contract() {
    let node = PoolNode {
        name: "a".parse().unwrap(),
        address: "10.0.0.1".to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory: None,
        cpu: None,
    };
    let (app, worker, environment) = ("shop", "web", "staging");
    let service = ServiceTemplate::first().service_name(
        &app.parse().unwrap(),
        &worker.parse().unwrap(),
        &environment.parse().unwrap(),
    );
    let catalog = Arc::new(fake::Catalog::of([node.clone()]));
    let (outside, stirred) = (Arc::clone(&catalog), node.clone());
    let ground = catalog::contract::Ground {
        catalog,
        stir: Box::new(move || {
            outside.set_node(PoolNode {
                state: NodeState::Silent,
                ..stirred.clone()
            });
        }),
        pool: catalog::Pool {
            environment: EnvironmentId::new(1),
            environment_name: environment.parse().unwrap(),
            stack: StackId::new(1),
            stack_name: "api".parse().unwrap(),
        },
        entry: catalog::Entry {
            instance: InstanceId::from_bits(1),
            service: service.unwrap(),
            node: node.name,
            address: node.address,
            port: Some(20_000),
            tags: Vec::new(),
            meta: BTreeMap::new(),
            check: catalog::Check::Tcp,
        },
    };
    catalog::contract::contract(&ground).await;
}

#[tokio::test(start_paused = true)]
async fn the_prober_keeps_its_contract() {
    let node = node();
    let runtime = node.runtime(installation());
    for (digit, port, behaviour) in [
        ('1', 20_000, Behaviour::serving_after(Duration::ZERO)),
        ('2', 20_001, Behaviour::of(Course::NeverServes)),
    ] {
        node.put_image(&image(digit), Some(installation()));
        node.teach(&image(digit), behaviour);
        let spec = runtime::InstanceSpec {
            instance: InstanceId::from_bits(u64::from(port)),
            app: AppId::new(1),
            app_name: "shop".parse().unwrap(),
            environment: EnvironmentId::new(1),
            environment_name: "staging".parse().unwrap(),
            worker: "web".parse().unwrap(),
            deploy: domain::DeployId::new(1),
            commit: commit('1'),
            image: image(digit),
            argv: None,
            variables: domain::config::Variables::default(),
            config: None,
            port: Some(runtime::PortBinding {
                container: 8888,
                host: port,
            }),
            ports: BTreeMap::new(),
            resources: domain::worker::Resources::default(),
            restart: domain::observed::RestartPolicy::No,
            fence: None,
        };
        runtime.start(&spec).await.unwrap();
    }
    let ground = prober::contract::Ground {
        prober: Arc::new(fake::Prober::default().with("10.0.0.1", node)),
        address: "10.0.0.1".to_owned(),
        serving: 20_000,
        failing: 20_001,
        nobody: 20_002,
    };
    prober::contract::contract(&ground).await;
}

fn commit(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn repo() -> RepoName {
    "example/shop".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_source_keeps_its_contract() {
    let source = fake::Source::default();
    let files = [
        ("Dockerfile", "FROM busybox:1\n"),
        ("bin/web", "#!/bin/sh\n"),
    ];
    source.commit(&repo(), "other", &commit('2'), &files);
    source.commit(&repo(), "main", &commit('1'), &files);
    let ground = source::contract::Ground {
        source: Arc::new(source),
        repo: repo(),
        branch: "main".parse().unwrap(),
        commit: commit('1'),
        twin: commit('2'),
        path: "Dockerfile".to_owned(),
        content: Bytes::from(files[0].1),
        nowhere: "example/nothing".parse().unwrap(),
    };
    source::contract::contract(&ground).await;
}

#[tokio::test(start_paused = true)]
async fn the_build_engine_keeps_its_contract() {
    let engine = fake::BuildEngine::pushing_to(Registry::default());
    let web = DeclaredWorker {
        spec: WorkerSpec::named("web".parse().unwrap()),
        first_scale: Scale::first_of(&"web".parse().unwrap()),
        source: WorkerSource::Image,
    };
    let takes = Duration::from_secs(5);
    engine.teach(
        &commit('1'),
        Outcome {
            takes,
            outcome: Ok(vec![web]),
        },
    );
    engine.teach(
        &commit('2'),
        Outcome {
            takes,
            outcome: Err("RUN false".to_owned()),
        },
    );
    let order = |digit| BuildOrder {
        build: BuildId::new(1),
        app_name: "shop".parse().unwrap(),
        repo: repo(),
        commit: commit(digit),
        recipe: Recipe::default(),
    };
    let ground = build_engine::contract::Ground {
        engine: Arc::new(engine),
        good: order('1'),
        failing: order('2'),
        without_strategy: order('3'),
    };
    build_engine::contract::contract(&ground).await;
}

//! What only the database does about adopted Deploys.

use crate::world::{Ground, change, on_both};
use domain::{
    DeployId, InstanceId, Intent, IntentKind, IntentState, WorkerSpec,
    app::Recipe,
    config::ConfigVersions,
    worker::{NamedPorts, Resources},
};
use ports::store::{
    Adoptions as _, Apps as _, Environments as _, Stacks as _, Workers as _, adoptions::Adoption,
    entities::NewApp, workers::WorkerFilter,
};

on_both! {
    an_adopted_worker_keeps_the_scale_it_was_found_with,
}

async fn an_adopted_worker_keeps_the_scale_it_was_found_with(ground: Ground) {
    let store = ground.open().await;
    let change = change();
    let stack = store
        .create_stack("api".parse().unwrap(), &change)
        .await
        .unwrap();
    let name = "production".parse().unwrap();
    let environment = store.create_environment(name, None, &change).await.unwrap();
    let new = NewApp {
        name: "shop".parse().unwrap(),
        repo: "example/shop".parse().unwrap(),
        stack: stack.id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: true,
        pushes: domain::Pushes::default(),
    };
    let app = store.create_app(new, &change).await.unwrap();
    let start = |instance: u64| Intent {
        instance: InstanceId::from_bits(instance),
        kind: IntentKind::Start,
        app: app.id,
        environment: environment.id,
        deploy: DeployId::new(30),
        worker: "web".parse().unwrap(),
        node: "a".parse().unwrap(),
        port: None,
        ports: NamedPorts::default(),
        resources: Resources::default(),
        state: IntentState::Done,
        why: "found running and adopted".to_owned(),
        opened_at: change.at,
        fence: None,
        closed_at: Some(change.at),
    };
    let adoption = Adoption {
        deploy: DeployId::new(30),
        app: app.id,
        environment: environment.id,
        commit: "f".repeat(40).parse().unwrap(),
        image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        workers: vec![WorkerSpec::named("web".parse().unwrap())],
        config: ConfigVersions::default(),
        running: [start(1).instance, start(2).instance].into(),
        starts: vec![start(1), start(2)],
    };
    store.adopt(adoption, &change).await.unwrap();
    let all = store
        .list_workers(&WorkerFilter::default(), ports::store::Page::ALL)
        .await
        .unwrap();
    let scales: Vec<u16> = all.items.iter().map(|worker| worker.scale.get()).collect();
    assert_eq!(scales, [2], "a scale of nothing would stop what is adopted");
}

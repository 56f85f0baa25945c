//! Deploys that were found running.

use super::world::{START, Shop, at, environment, image, new_app, open, refused, shop, stack};
use crate::{
    Store,
    store::{Error, Page, adoptions::Adoption, builds::Requested, deploys::DeployFilter},
};
use domain::{
    AppId, Deploy, DeployId, DeployState, EnvironmentId, Intent, IntentState, WorkerSpec,
};

fn found(shop: &Shop, number: i64, ports: &[u16]) -> Adoption {
    let deploy = DeployId::new(number);
    let start = |port: &u16| Intent {
        deploy,
        state: IntentState::Done,
        fence: None,
        closed_at: Some(START),
        ..shop.start_of(deploy, u64::from(*port), *port)
    };
    Adoption {
        deploy,
        app: shop.app.id,
        environment: shop.environment.id,
        commit: "f".repeat(40).parse().unwrap(),
        image: image(7),
        workers: vec![WorkerSpec::named("web".parse().unwrap())],
        config: domain::config::ConfigVersions::default(),
        running: ports
            .iter()
            .map(start)
            .map(|start| start.instance)
            .collect(),
        starts: ports.iter().map(start).collect(),
    }
}

pub async fn what_was_found_running_is_deployed(store: &dyn Store) {
    let shop = shop(store).await;
    let (before, _) = shop.deployed(store, 1).await;
    store.reserve_deploys(DeployId::new(40)).await.unwrap();
    let adoption = found(&shop, 30, &[20_001, 20_002]);
    let adopted: Deploy = store.adopt(adoption.clone(), &at(9)).await.unwrap();
    assert_eq!(
        (adopted.id, adopted.state),
        (DeployId::new(30), DeployState::Deployed)
    );
    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    let (deploy, release) = view.apps[0].deployed.clone().unwrap();
    assert_eq!(deploy, adopted);
    assert_eq!(
        (release.image, release.workers),
        (adoption.image, adoption.workers)
    );
    assert_eq!(view.intents, adoption.starts);
    let before = store.find_deploy(before.id).await.unwrap().unwrap();
    assert_eq!(before.state, DeployState::Stopped);
    let next = shop.created(store).await;
    assert_eq!(next.id, DeployId::new(41), "no id is given twice");
    let twin = store.adopt(found(&shop, 30, &[]), &at(10)).await;
    assert!(matches!(refused(twin), Error::Exists { .. }));
}

pub async fn the_commit_of_what_was_found_is_built_when_it_is_asked_for(store: &dyn Store) {
    let shop = shop(store).await;
    let adoption = found(&shop, 30, &[20_001]);
    store.adopt(adoption.clone(), &at(9)).await.unwrap();
    assert!(!store.image_is_kept(&adoption.image).await.unwrap());
    let new = shop.new_build('f');
    assert_eq!(new.commit, adoption.commit);
    let asked = store.request_build(new, &at(10)).await.unwrap();
    assert!(
        matches!(asked, Requested::Fresh(_)),
        "nobody knows which workers the commit declares: {asked:?}"
    );
}

pub async fn no_app_gets_an_id_that_an_instance_bears(store: &dyn Store) {
    let stack = stack(store, "api").await;
    store.reserve_apps(AppId::new(40)).await.unwrap();
    store.reserve_apps(AppId::new(7)).await.unwrap();
    let created = store.create_app(new_app("shop", &stack), &at(1)).await;
    assert_eq!(created.unwrap().id, AppId::new(41));
}

pub async fn no_environment_gets_an_id_that_an_instance_bears(store: &dyn Store) {
    store
        .reserve_environments(EnvironmentId::new(40))
        .await
        .unwrap();
    let created = environment(store, "production").await;
    assert_eq!(created.id, EnvironmentId::new(41));
}

pub async fn a_worker_that_was_found_keeps_its_scale(store: &dyn Store) {
    let shop = shop(store).await;
    let adoption = found(&shop, 30, &[20_001, 20_002]);
    store.adopt(adoption, &at(9)).await.unwrap();
    let web = &"web".parse().unwrap();
    let met = store
        .find_worker(shop.app.id, shop.environment.id, web)
        .await;
    assert_eq!(met.unwrap().unwrap().scale.get(), 2);
}

pub async fn what_was_found_dead_is_no_part_of_a_scale(store: &dyn Store) {
    let shop = shop(store).await;
    let mut adoption = found(&shop, 30, &[20_001, 20_002]);
    adoption.running.pop_last();
    store.adopt(adoption.clone(), &at(9)).await.unwrap();
    let web = &"web".parse().unwrap();
    let met = store
        .find_worker(shop.app.id, shop.environment.id, web)
        .await;
    assert_eq!(met.unwrap().unwrap().scale.get(), 1);
    let standing = store.standing_intents().await.unwrap();
    assert_eq!(standing, adoption.starts, "the dead one is on record too");
}

pub async fn an_adoption_that_cannot_be_changes_nothing(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    shop.record(store, open(&shop.start(&deploy, 1, 20_001)))
        .await
        .unwrap();
    let error = refused(
        store
            .adopt(found(&shop, 30, &[20_002, 20_001]), &at(9))
            .await,
    );
    assert!(
        matches!(error, Error::PortTaken { port: 20_001, .. }),
        "{error}"
    );
    let deploys = store
        .list_deploys(&DeployFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(deploys.items, [deploy]);
    assert_eq!(store.standing_intents().await.unwrap().len(), 1);
}

//! A change of variables whose Deploy does not get healthy is put back.

use crate::stage::{Stage, web};
use controller::{
    Server,
    usecases::{Mode, configs},
};
use domain::{
    Cause, CommitSha, ConfigVersionId, Deploy, DeployState, RepoName,
    config::{ConfigScope, ConfigSet, Key, Value},
    deploy::DEFAULT_PATIENCE,
};
use futures_util::FutureExt;
use ports::store::{
    Apps, Configs, Deploys, Jobs, Page, Workers,
    deploys::{DeployFilter, NewDeploy, OnConflict},
    entities::NewApp,
    jobs::JobFilter,
};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake::node::{Behaviour, Course};

fn dies() -> Behaviour {
    Behaviour {
        boots_in: Duration::from_secs(3),
        ..Behaviour::of(Course::Exits {
            after: Duration::from_millis(300),
            code: 3,
        })
    }
}

/// Which layer is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layer {
    Environment,
    Stack,
    App,
}

/// A stage on which the first commit runs, with variables that it is healthy with.
async fn running(layer: Layer) -> (Stage, Server) {
    let stage = Stage::new().await;
    let server = Server::start_with(
        stage.deps.clone(),
        controller::put_back::workforce(&stage.deps),
    );
    set(&stage, layer, "good").await;
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let first = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(first).await.state, DeployState::Deployed);
    (stage, server)
}

async fn set(stage: &Stage, layer: Layer, value: &str) -> Vec<Deploy> {
    let app = stage.store.find_app("shop").await.unwrap().unwrap();
    let which = configs::Which {
        environment: "development".to_owned(),
        stack: match layer {
            Layer::Stack => app.stack.to_string(),
            Layer::Environment | Layer::App => String::new(),
        },
        app: match layer {
            Layer::App => "shop".to_owned(),
            Layer::Environment | Layer::Stack => String::new(),
        },
    };
    let set: BTreeMap<Key, Value> = [("MODE".parse().unwrap(), value.to_owned().into())].into();
    let unset = Vec::new();
    let edit = configs::Edit::Change { set, unset };
    let done = configs::update(&stage.ctx(), &which, edit, None, Mode::Run).await;
    let deploys = done.unwrap().value.deploys.into_iter();
    deploys.map(|view| view.deploy).collect()
}

async fn newest(stage: &Stage, layer: Layer) -> ConfigSet {
    let app = stage.store.find_app("shop").await.unwrap().unwrap();
    let scope = match layer {
        Layer::Environment => ConfigScope::Environment(stage.environment),
        Layer::Stack => ConfigScope::Stack(app.stack, stage.environment),
        Layer::App => ConfigScope::App(stage.app, stage.environment),
    };
    stage.store.find_config(scope).await.unwrap().unwrap()
}

fn mode(set: &ConfigSet) -> Option<&str> {
    set.variables.get(&"MODE".parse().unwrap())
}

/// Waits until nothing is left to be done.
async fn jobs_done(stage: &Stage) {
    let is_done = |store: std::sync::Arc<testkit::fake::Store>| async move {
        let jobs = store.list_jobs(&JobFilter::default(), Page::ALL).await;
        let jobs = jobs.unwrap().items;
        !jobs.is_empty() && jobs.iter().all(|job| job.state.is_final())
    };
    stage.recorded("every job ends", is_done).await;
}

async fn deploys(stage: &Stage) -> Vec<(Cause, DeployState)> {
    let every = DeployFilter::default();
    let all = stage.store.list_deploys(&every, Page::ALL);
    let mut all = all.await.unwrap().items;
    all.reverse();
    all.iter().map(|one| (one.cause, one.state)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_does_not_get_healthy_is_put_back_in_whichever_layer_it_was_changed() {
    for layer in [Layer::Environment, Layer::Stack, Layer::App] {
        let (stage, _server) = running(layer).await;
        let handles = stage.handles();
        let good: ConfigVersionId = newest(&stage, layer).await.version;
        let image = testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
        stage.node.teach(&image, dies());
        let follow = set(&stage, layer, "bad").await;
        let failed = stage.ended(follow[0].id).await;
        assert_eq!(failed.state, DeployState::Failed, "{layer:?}");
        jobs_done(&stage).await;

        let set = newest(&stage, layer).await;
        assert_eq!(mode(&set), Some("good"), "{layer:?}");
        assert_eq!((set.number, set.updated_by.as_str()), (3, "jockey"));
        let versions = stage.store.list_config_versions(set.scope, Page::ALL).await;
        let told = versions.unwrap().items.remove(0).summary;
        assert!(
            told.ends_with(&format!("put back to {good}: {} failed", failed.id)),
            "{told}"
        );
        assert_eq!(stage.handles(), handles, "what runs was never touched");
        assert_eq!(
            deploys(&stage).await,
            [
                (Cause::Commit, DeployState::Deployed),
                (Cause::Config, DeployState::Failed)
            ],
            "and nothing is deployed for it"
        );
    }
}

/// The default surge would let both start at once.
#[tokio::test(start_paused = true)]
async fn a_change_is_tried_with_one_instance_and_the_others_follow() {
    let (stage, _server) = running(Layer::App).await;
    let image = testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
    let never = Behaviour::of(Course::NeverServes);
    stage.node.teach(&image, never);
    let tried = set(&stage, Layer::App, "bad").await;
    let replaced = || {
        let second = "web: 2 not serving of dep-2";
        assert!(!stage.summary().contains(second), "{}", stage.summary());
        stage.ended(tried[0].id).now_or_never().is_some()
    };
    stage.until("the deploy's end", replaced).await;
    jobs_done(&stage).await;

    stage.node.teach(&image, Behaviour::default());
    let better = set(&stage, Layer::App, "better").await;
    let better = stage.ended(better[0].id).await;
    assert_eq!(better.state, DeployState::Deployed);
    assert_eq!(stage.summary(), format!("web: 2 serving of {}", better.id));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_written_since_stays() {
    let (stage, _server) = running(Layer::App).await;
    let image = testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
    stage.node.teach(&image, dies());
    let follow = set(&stage, Layer::App, "bad").await;
    let runs = || stage.summary().contains("of dep-2");
    stage.until("instances of the change", runs).await;
    let better = set(&stage, Layer::App, "better").await;
    let failed = stage.ended(follow[0].id).await;
    assert_eq!(failed.state, DeployState::Failed);
    stage.node.teach(&image, Behaviour::default());
    let better = stage.ended(better[0].id).await;
    assert_eq!(better.state, DeployState::Deployed);
    jobs_done(&stage).await;
    assert_eq!(mode(&newest(&stage, Layer::App).await), Some("better"));
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_fails_for_another_reason_puts_nothing_back() {
    let (stage, _server) = running(Layer::App).await;
    let bad = stage.commit(2, vec![web(2)], dies());
    let failing = stage.deploy(&bad, OnConflict::Queue).await;
    assert_eq!(stage.ended(failing).await.state, DeployState::Failed);
    jobs_done(&stage).await;
    let set = newest(&stage, Layer::App).await;
    assert_eq!((mode(&set), set.number), (Some("good"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_shared_set_that_another_app_runs_with_stays_and_that_is_told() {
    let (stage, _server) = running(Layer::Environment).await;
    let change = crate::stage::change();
    let shop = stage.store.find_app("shop").await.unwrap().unwrap();
    let repo: RepoName = "shop/other".parse().unwrap();
    let other = NewApp {
        name: "other".parse().unwrap(),
        repo: repo.clone(),
        stack: shop.stack,
        recipe: shop.recipe,
        subscribe_to_github_webhook: false,
        pushes: domain::Pushes::default(),
    };
    let other = stage.store.create_app(other, &change).await.unwrap().id;
    let commit = stage.commit_in(&repo, 2, vec![web(1)], Behaviour::default());
    let new = NewDeploy {
        app: other,
        environment: stage.environment,
        cause: Cause::Commit,
        git_ref: Some(commit.as_str().parse().unwrap()),
        build: None,
        release: None,
        patience: DEFAULT_PATIENCE,
        on_conflict: OnConflict::Queue,
    };
    let first = stage.store.create_deploy(new, &change).await.unwrap().id;
    assert_eq!(stage.ended(first).await.state, DeployState::Deployed);

    let image = testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
    stage.node.teach(&image, dies());
    for deploy in set(&stage, Layer::Environment, "bad for shop").await {
        let ended = stage.ended(deploy.id).await;
        let is_of_shop = deploy.app == stage.app;
        assert_eq!(ended.state == DeployState::Failed, is_of_shop, "{ended:?}");
    }
    jobs_done(&stage).await;
    let set = newest(&stage, Layer::Environment).await;
    assert_eq!((mode(&set), set.number), (Some("bad for shop"), 2));
    let told = stage.events("config.not_put_back").await;
    assert!(
        matches!(&told[..], [one] if one.ends_with("failed with it: other runs with it")),
        "{told:?}"
    );
}

/// As with variables: the next Deploy does not meet the definition that no instance got up with.
#[tokio::test(start_paused = true)]
async fn a_definition_that_does_not_get_healthy_is_put_back() {
    for behaviour in [dies(), Behaviour::of(Course::NeverServes)] {
        let (stage, _server) = running(Layer::App).await;
        let name = "web".parse().unwrap();
        let web = || stage.store.find_worker(stage.app, stage.environment, &name);
        let declared = web().await.unwrap().expect("it is there");
        let handles = stage.handles();
        let commit: CommitSha = format!("{:040x}", 1).parse().unwrap();
        let image = testkit::fake::BuildEngine::image_of(&commit);
        stage.node.teach(&image, behaviour);
        let follow = stage.serves_well(None).await.expect("a deploy follows");
        let failed = stage.ended(follow.id).await;
        assert_eq!(failed.state, DeployState::Failed);
        jobs_done(&stage).await;

        let now = web().await.unwrap().expect("it is there");
        assert_eq!(
            (now.id, now.spec, now.source),
            (declared.id, declared.spec, declared.source),
            "{:?}",
            failed.failure
        );
        assert_eq!(stage.handles(), handles, "what runs was never touched");
        let told = stage.events("worker.updated").await;
        let told = told.last().expect("it is told");
        assert!(
            told.contains("put back to that of rel-1: dep-2 failed"),
            "{told}"
        );
        // What runs is deployed again as it is.
        let again = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(again).await.state, DeployState::Deployed);
        assert_eq!(stage.handles(), handles);
    }
}

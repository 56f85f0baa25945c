//! A change of variables or of Workers reaches what runs, whatever becomes of the Deploys under way.

use crate::stage::{Stage, change, web};
use controller::usecases::{
    Error, Mode, configs, deploys,
    workers::{self, Edit},
};
use domain::{
    Cause, Deploy, DeployState, GitRef, Release, Scale, WorkerSpec,
    config::{Key, Value, Variables},
    deploy::DEFAULT_PATIENCE,
    worker::Command,
};
use ports::store::{
    self, Configs, Deploys, Page, Workers,
    deploys::{DeployFilter, OnConflict},
    workers::NewWorker,
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

fn well(spec: &mut WorkerSpec) {
    spec.command = Some(Command::Shell("serve --well".to_owned()));
}

fn first_image() -> domain::ImageRef {
    testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap())
}

impl Stage {
    /// Sets `GREETING`, and answers the Deploys that follow.
    async fn greets(&self, value: &str) -> Vec<Deploy> {
        let which = configs::Which {
            environment: "development".to_owned(),
            stack: String::new(),
            app: "shop".to_owned(),
        };
        let set: BTreeMap<Key, Value> =
            [("GREETING".parse().unwrap(), value.to_owned().into())].into();
        let edit = configs::Edit::Change {
            set,
            unset: Vec::new(),
        };
        let done = configs::update(&self.ctx(), &which, edit, None, Mode::Run).await;
        let deploys = done.unwrap().value.deploys.into_iter();
        deploys.map(|view| view.deploy).collect()
    }

    /// Defines another command of `web`, and answers the Deploy that follows.
    pub(crate) async fn serves_well(&self, scale: Option<i64>) -> Option<Deploy> {
        let which = workers::Which {
            worker: "web".to_owned(),
            app: "shop".to_owned(),
            environment: "development".to_owned(),
        };
        let edit = Edit { spec: well, scale };
        let done = workers::update(&self.ctx(), &which, edit, None, Mode::Run).await;
        done.unwrap().value.deploy.map(|view| view.deploy)
    }

    /// Goes back to the Release of this Deploy, in the place of what is under way.
    async fn goes_back(&self, to: Deploy) -> Deploy {
        let back = deploys::Back {
            app: "shop".to_owned(),
            environment: "development".to_owned(),
            to: deploys::BackTo::Deploy(to.id),
            on_conflict: OnConflict::Supersede,
            patience: DEFAULT_PATIENCE,
        };
        let done = deploys::rollback(&self.ctx(), back, Mode::Run).await;
        done.unwrap().value.deploy
    }

    /// What is deployed, when nothing is under way any more.
    async fn settled(&self) -> (Deploy, Release) {
        loop {
            let active = self.store.active_deploys(self.app, self.environment).await;
            match active.unwrap().first() {
                Some(deploy) => drop(self.ended(deploy.id).await),
                None => break,
            }
        }
        let state = Some(DeployState::Deployed);
        let deploy = self.all_deploys(state).await.pop().expect("something runs");
        let release = self.store.find_release(deploy.release.unwrap()).await;
        (deploy, release.unwrap().unwrap())
    }

    async fn all_deploys(&self, state: Option<DeployState>) -> Vec<Deploy> {
        let filter = DeployFilter {
            state,
            ..DeployFilter::default()
        };
        let mut all = self.store.list_deploys(&filter, Page::ALL).await.unwrap();
        all.items.reverse();
        all.items
    }

    async fn variables(&self, release: &Release) -> Variables {
        self.store.config_at(release.config).await.unwrap()
    }

    /// A stage on which the first commit runs.
    async fn running() -> (Self, controller::Server) {
        let stage = Self::new().await;
        let server = stage.start();
        let commit = stage.commit(1, vec![web(1)], Behaviour::default());
        let first = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(first).await.state, DeployState::Deployed);
        (stage, server)
    }

    async fn until_it_is(&self, id: domain::DeployId, state: DeployState) {
        let is_so = || {
            let found = futures_util::FutureExt::now_or_never(self.store.find_deploy(id));
            found.is_some_and(|found| found.unwrap().unwrap().state == state)
        };
        self.until(state.as_str(), is_so).await;
    }

    #[track_caller]
    fn assert_greets(variables: &Variables, want: &str) {
        let all: Vec<_> = variables.iter().map(|(_, value)| value).collect();
        assert_eq!(all, [want]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_made_during_a_deploy_that_fails_reaches_what_runs() {
    for state in [
        DeployState::Created,
        DeployState::Building,
        DeployState::Deploying,
    ] {
        let (stage, _server) = Stage::running().await;
        let bad = stage.commit(2, vec![web(1)], dies());
        let failing = stage.deploy(&bad, OnConflict::Queue).await;
        stage.until_it_is(failing, state).await;
        let follow = stage.greets("hello").await;
        assert_eq!(follow.len(), 1, "{state}: {follow:?}");
        assert_eq!(follow[0].cause, Cause::Config);
        assert_eq!(stage.greets("hello").await, [], "{state}: asked for once");

        let (deploy, release) = stage.settled().await;
        assert_eq!(stage.ended(failing).await.state, DeployState::Failed);
        assert_eq!(deploy.id, follow[0].id, "{state}");
        assert!(
            release.commit.as_str().ends_with("01"),
            "{state}: {release:?}"
        );
        Stage::assert_greets(&stage.variables(&release).await, "hello");
        assert_eq!(
            stage.all_deploys(None).await.len(),
            3,
            "{state}: and no more"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_deploy_under_way_takes_with_it_moves_nothing_afterwards() {
    let (stage, _server) = Stage::running().await;
    let good = stage.commit(2, vec![web(1)], Behaviour::default());
    let next = stage.deploy(&good, OnConflict::Queue).await;
    stage.until_it_is(next, DeployState::Building).await;
    stage.greets("hello").await;
    let taken = stage.ended(next).await;
    let handles = stage.handles();
    let (deploy, release) = stage.settled().await;
    assert!(deploy.id > next);
    assert_eq!(Some(release.id), taken.release);
    Stage::assert_greets(&stage.variables(&release).await, "hello");
    assert_eq!(stage.handles(), handles, "what runs is as it was");
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_own_deploy_fails_is_not_tried_again() {
    let (stage, _server) = Stage::running().await;
    stage.node.teach(&first_image(), dies());
    let failing = stage.greets("hello").await;
    let ended = stage.ended(failing[0].id).await;
    assert_eq!(ended.state, DeployState::Failed, "{ended:?}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(stage.all_deploys(None).await.len(), 2);
    let (deploy, _) = stage.settled().await;
    assert_eq!(deploy.id.number(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_changed_during_a_deploy_that_fails_is_changed_where_it_runs() {
    let (stage, _server) = Stage::running().await;
    let bad = stage.commit(2, vec![web(1)], dies());
    let failing = stage.deploy(&bad, OnConflict::Queue).await;
    stage.until_it_is(failing, DeployState::Deploying).await;
    let follow = stage.serves_well(None).await.expect("a deploy follows");
    assert_eq!(follow.cause, Cause::Worker);
    let (deploy, release) = stage.settled().await;
    assert_eq!(deploy.id, follow.id);
    assert!(release.commit.as_str().ends_with("01"), "{release:?}");
    let web = release.worker(&"web".parse().unwrap()).unwrap();
    assert_eq!(web.command, Some(Command::Shell("serve --well".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_change_outlives_the_deploy_that_supersedes_its_own() {
    let (stage, _server) = Stage::running().await;
    let change = stage.greets("hello").await;
    let bad = stage.commit(2, vec![web(1)], dies());
    let request = deploys::Request {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        target: deploys::Target::Ref(bad.as_str().parse::<GitRef>().unwrap()),
        on_conflict: OnConflict::Supersede,
        patience: DEFAULT_PATIENCE,
    };
    let superseding = deploys::create(&stage.ctx(), request, Mode::Run).await;
    let superseding = superseding.unwrap().value.deploy;
    let ended = stage.ended(change[0].id).await;
    assert_eq!(ended.state, DeployState::Cancelled);
    let (deploy, release) = stage.settled().await;
    assert_eq!(stage.ended(superseding.id).await.state, DeployState::Failed);
    assert_eq!(deploy.cause, Cause::Config);
    assert!(release.commit.as_str().ends_with("01"), "{release:?}");
    Stage::assert_greets(&stage.variables(&release).await, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_change_outlives_the_rollback_that_supersedes_its_deploy() {
    let (stage, _server) = Stage::running().await;
    let (first, _) = stage.settled().await;
    let next = stage.commit(2, vec![web(1)], Behaviour::default());
    let next = stage.deploy(&next, OnConflict::Queue).await;
    assert_eq!(stage.ended(next).await.state, DeployState::Deployed);
    stage.node.teach(&first_image(), dies());
    let change = stage.greets("hello").await;
    let back = stage.goes_back(first).await;
    assert_eq!(
        stage.ended(change[0].id).await.state,
        DeployState::Cancelled
    );
    let (deploy, release) = stage.settled().await;
    assert_eq!(stage.ended(back.id).await.state, DeployState::Failed);
    assert_eq!(deploy.cause, Cause::Config);
    assert!(release.commit.as_str().ends_with("02"), "{release:?}");
    Stage::assert_greets(&stage.variables(&release).await, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_definition_whose_deploy_was_never_made_is_deployed_when_it_is_asked_for_again() {
    for scale in [None, Some(2)] {
        let (stage, _server) = Stage::running().await;
        let name = "web".parse().unwrap();
        let found = stage.store.find_worker(stage.app, stage.environment, &name);
        let web = found.await.unwrap().unwrap();
        // The server ends here, between the definition and its Deploy.
        let mut spec = web.spec.clone();
        well(&mut spec);
        let scale_of = Scale::new(scale.unwrap_or(1), 9).unwrap();
        let rescaled = stage.store.rescale(&[(web.id, scale_of)], &change()).await;
        let read_at = rescaled.unwrap()[0].updated_at;
        let store = &stage.store;
        let stored = store.update_worker(web.id, &spec, read_at, &change()).await;
        stored.unwrap();

        let follow = stage.serves_well(scale).await.expect("a deploy follows");
        assert_eq!(follow.cause, Cause::Worker);
        assert_eq!(stage.serves_well(scale).await, None, "asked for once");
        let (deploy, release) = stage.settled().await;
        assert_eq!(deploy.id, follow.id);
        assert_eq!(release.worker(&name), Some(&spec));
        assert_eq!(stage.serves_well(scale).await, None, "it runs");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_deploy_was_never_made_is_deployed_when_it_is_asked_for_again() {
    let (stage, _server) = Stage::running().await;
    let spec = WorkerSpec::named("clock".parse().unwrap());
    let new = NewWorker {
        app: stage.app,
        environment: stage.environment,
        spec: spec.clone(),
        scale: Scale::new(1, 9).unwrap(),
    };
    stage.store.create_worker(new, &change()).await.unwrap();
    let again = async |scale| {
        let (ctx, new) = (stage.ctx(), (spec.clone(), Some(scale)));
        workers::create(&ctx, "shop", "development", new, Mode::Run).await
    };
    let exists = |error: &Error| matches!(error, Error::Store(store::Error::Exists { .. }));
    let other = again(3).await.unwrap_err();
    assert!(exists(&other), "{other}");
    let follow = again(1).await.unwrap().value.deploy;
    let (deploy, release) = stage.settled().await;
    assert_eq!(follow.map(|view| view.deploy.id), Some(deploy.id));
    assert_eq!(release.worker(&spec.name), Some(&spec));
    let there = again(1).await.unwrap_err();
    assert!(exists(&there), "{there}");
}

#[tokio::test(start_paused = true)]
async fn a_scale_alone_does_not_bring_back_what_a_rollback_has_left() {
    let (stage, _server) = Stage::running().await;
    let (first, _) = stage.settled().await;
    let follow = stage.serves_well(None).await.expect("a deploy follows");
    stage.ended(follow.id).await;
    let back = stage.goes_back(first).await;
    assert_eq!(stage.ended(back.id).await.state, DeployState::Deployed);
    let found = workers::list(&stage.ctx(), "shop", "development", Page::ALL).await;
    let web = found.unwrap().items.remove(0).worker;
    let scaled = controller::usecases::legacy::workers::rescale(&stage.ctx(), &web, 1).await;
    assert_eq!(scaled.unwrap().scale, web.scale);
    let (deploy, _) = stage.settled().await;
    assert_eq!(deploy.id, back.id, "nothing follows");
}

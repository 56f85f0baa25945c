//! A change of variables or of Workers reaches what runs, whatever becomes of the Deploys under way.

use crate::stage::{Stage, web};
use controller::usecases::{
    Mode, configs, deploys,
    workers::{self, Edit},
};
use domain::{
    Cause, Deploy, DeployState, GitRef, Release,
    config::{Key, Variables},
    deploy::DEFAULT_PATIENCE,
    worker::Command,
};
use ports::store::{
    Configs, Deploys, Page,
    deploys::{DeployFilter, OnConflict},
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

impl Stage {
    /// Sets `GREETING`, and answers the Deploys that follow.
    async fn greets(&self, value: &str) -> Vec<Deploy> {
        let which = configs::Which {
            environment: "development".to_owned(),
            stack: String::new(),
            app: "shop".to_owned(),
        };
        let set: BTreeMap<Key, String> = [("GREETING".parse().unwrap(), value.to_owned())].into();
        let edit = configs::Edit::Change {
            set,
            unset: Vec::new(),
        };
        let done = configs::update(&self.ctx(), &which, edit, None, Mode::Run).await;
        let deploys = done.unwrap().value.deploys.into_iter();
        deploys.map(|view| view.deploy).collect()
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
    let image = testkit::fake::BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
    stage.node.teach(&image, dies());
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
    let which = workers::Which {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let edit = Edit {
        spec: |spec: &mut domain::WorkerSpec| {
            spec.command = Some(Command::Shell("serve --well".to_owned()));
        },
        scale: None,
    };
    let done = workers::update(&stage.ctx(), &which, edit, None, Mode::Run).await;
    let follow = done.unwrap().value.deploy.expect("a deploy follows").deploy;
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

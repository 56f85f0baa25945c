//! A Reconcile ends when its own App matches, and has its patience whatever the clocks say.

use crate::stage::{Stage, change, web};
use domain::{
    DeployState, ReconcileId,
    app::Recipe,
    reconcile::{Reconcile, ReconcileState},
};
use ports::store::{
    Apps, Reconciles, Stacks,
    deploys::OnConflict,
    entities::NewApp,
    reconciles::{self, NewReconcile},
};
use std::time::Duration;
use testkit::fake::node::Behaviour;
use tokio::time::sleep;

impl Stage {
    async fn reconciled(&self, app: domain::AppId) -> ReconcileId {
        let new = NewReconcile {
            environment: self.environment,
            app: Some(app),
            rebalance: None,
            state: ReconcileState::InProgress,
            plan: Vec::new(),
            steps: Vec::new(),
            on_conflict: reconciles::OnConflict::Ignore,
        };
        let change = self.at_this_time();
        let made = self.store.create_reconcile(new, &change).await;
        made.unwrap().id
    }

    fn at_this_time(&self) -> ports::store::Change {
        ports::store::Change {
            at: ports::Clock::now(&*self.clock),
            ..change()
        }
    }

    async fn found(&self, id: ReconcileId) -> Reconcile {
        self.store.find_reconcile(id).await.unwrap().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_has_its_patience_and_waits_for_no_other_app() {
    for set in [
        (|stage| stage.clock.backward(Duration::from_secs(1))) as fn(&Stage),
        |stage| stage.clock.forward(Duration::from_secs(3600)),
    ] {
        let stage = Stage::new().await;
        let _server = stage.start();
        let commit = stage.commit(1, vec![web(1)], Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
        let stack = stage.store.find_stack("api").await.unwrap().unwrap();
        let other = NewApp {
            name: "other".parse().unwrap(),
            repo: "shop/other".parse().unwrap(),
            stack: stack.id,
            recipe: Recipe::default(),
            subscribe_to_github_webhook: true,
            pushes: domain::Pushes::default(),
        };
        let other = stage.store.create_app(other, &change()).await.unwrap().id;
        // What is to take the place of this one cannot start.
        stage.node.fill_disk();
        for handle in stage.handles() {
            stage.node.remove_by_hand(&handle);
        }
        sleep(Duration::from_secs(60)).await;

        let (mine, others) = (
            stage.reconciled(stage.app).await,
            stage.reconciled(other).await,
        );
        set(&stage);
        sleep(Duration::from_secs(60)).await;
        let state = stage.found(others).await.state;
        assert_eq!(state, ReconcileState::Completed, "nothing is wanted of it");
        sleep(Duration::from_secs(500)).await;
        let state = stage.found(mine).await.state;
        assert_eq!(state, ReconcileState::InProgress, "it has 600 s");
        sleep(Duration::from_secs(80)).await;
        assert_eq!(stage.found(mine).await.state, ReconcileState::Failed);
    }
}

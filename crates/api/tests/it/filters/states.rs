//! Deploys and reconciles by what they have come to.

use super::{World, deploy, text, world};
use crate::stage::in_time;
use proto::v1;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn deploys_are_filtered_by_state() {
    let World {
        stage: _runs,
        admin,
        old,
        new,
    } = world().await;
    // It takes the place of the old one.
    let newest = deploy(&admin, "development", new.commit.as_str()).await;
    for (state, want) in [
        (v1::DeployState::Deployed, &[&*newest.id, &*new.id][..]),
        (v1::DeployState::Stopped, &[&*old.id]),
        (v1::DeployState::Failed, &[]),
    ] {
        let (mut deploys, state): (_, i32) = (admin.deploys(), state.into());
        let found = listed!(
            deploys,
            list_deploys,
            ListDeploysRequest { state: state },
            deploys.id
        );
        assert_eq!(found, want);
    }
}

#[tokio::test(start_paused = true)]
async fn reconciles_are_filtered_by_state() {
    let World {
        stage: _runs,
        admin,
        ..
    } = world().await;
    let request = v1::CreateReconcileRequest {
        environment: text("staging"),
        ..v1::CreateReconcileRequest::default()
    };
    let made = admin.reconciles().create_reconcile(request).await.unwrap();
    let id = made.into_inner().reconcile.unwrap().id;
    let of = async |state: v1::ReconcileState| {
        let (mut reconciles, state): (_, i32) = (admin.reconciles(), state.into());
        listed!(
            reconciles,
            list_reconciles,
            ListReconcilesRequest { state: state },
            reconciles.id
        )
    };
    let completed = async {
        while of(v1::ReconcileState::Completed).await != [&*id] {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    in_time("its end", completed).await;
    for state in [v1::ReconcileState::InProgress, v1::ReconcileState::Failed] {
        assert_eq!(of(state).await, [""; 0]);
    }
}

//! The plan of a reconcile of old: where its steps are, and that it stays as it was made.

use crate::{
    old::{Force, halted, planned, reconcile, scale},
    stage::As,
};
use proto::legacy::v1::{
    self as old, PlanStep, reconcile_service_client::ReconcileServiceClient,
    worker_service_client::WorkerServiceClient,
};

async fn shown(admin: &As, id: &str) -> Vec<PlanStep> {
    let mut reconciles = ReconcileServiceClient::new(admin.0.clone());
    let request = old::GetReconcileRequest { id: id.to_owned() };
    let found = reconciles.get_reconcile(request).await.unwrap();
    found.into_inner().data.unwrap().plan
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_reconcile_stays_as_it_was_made() {
    let (_stage, admin, _) = halted().await;
    scale(&admin, "2").await;
    let made = reconcile(&admin, "shop", Force::Yes).await.unwrap();
    let id = made.id.clone().unwrap_or_default();
    let [start] = &made.plan[..] else {
        panic!("one step: {made:?}");
    };
    assert_eq!(start.action, "start");
    // What would be planned now is something else.
    scale(&admin, "1").await;
    assert_eq!(planned(&admin).await, []);
    assert_eq!(shown(&admin, &id).await, made.plan);
}

#[tokio::test(start_paused = true)]
async fn a_step_says_in_which_data_center_it_is() {
    let (stage, admin, _) = halted().await;
    scale(&admin, "2").await;
    for (told, want) in [(None, "dc1"), (Some("dc-west"), "dc-west")] {
        stage.node_is_in(told);
        let plan = planned(&admin).await;
        let node = plan[0].node.clone().unwrap();
        assert_eq!(node.dc, want);
    }
    scale(&admin, "0").await;
    let plan = planned(&admin).await;
    let stopped = plan[0].instance.clone().unwrap();
    assert_eq!(stopped.dc, "dc-west");
    assert_eq!(stopped.node.unwrap().dc, "dc-west");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_of_those_that_are_healthy_or_of_those_that_are_not() {
    let (_stage, admin, _) = halted().await;
    let mut workers = WorkerServiceClient::new(admin.0.clone());
    for (healthy, want) in [(false, &[][..]), (true, &["restart"])] {
        let request = old::RestartWorkersRequest {
            app: Some("shop".to_owned()),
            environment: Some("development".to_owned()),
            healthy: Some(healthy),
            ..old::RestartWorkersRequest::default()
        };
        let asked = workers.restart_workers(request).await.unwrap();
        assert_eq!(asked.into_inner().data.len(), 1, "the list, in any case");
        let plan = planned(&admin).await;
        let actions: Vec<&str> = plan.iter().map(|step| &*step.action).collect();
        assert_eq!(actions, want, "healthy={healthy}");
    }
}

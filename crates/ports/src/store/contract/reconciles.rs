//! Reconciles.

use super::world::{at, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page, deploys,
        reconciles::{NewReconcile, OnConflict},
    },
};
use domain::{
    DeployId, InstanceId, WorkerId,
    reconcile::{
        PlannedAction, PlannedInstance, PlannedStep, PlannedWorker, Rebalance, ReconcileEvent,
        ReconcileState,
    },
};

pub async fn a_reconcile_ends_once(store: &dyn Store) {
    let shop = shop(store).await;
    let new = |state| NewReconcile {
        environment: shop.environment.id,
        app: Some(shop.app.id),
        rebalance: None,
        state,
        plan: vec!["start web.1@a".to_owned(), "stop web.2@b".to_owned()],
        steps: Vec::new(),
        on_conflict: OnConflict::Ignore,
    };
    let shown = store
        .create_reconcile(new(ReconcileState::Preview), &at(1))
        .await
        .unwrap();
    let run = store
        .create_reconcile(new(ReconcileState::InProgress), &at(2))
        .await
        .unwrap();
    assert_eq!(
        store.find_reconcile(run.id).await.unwrap(),
        Some(run.clone())
    );
    let matched = ReconcileEvent::Matched;
    let error = refused(store.move_reconcile(shown.id, matched, None, &at(3)).await);
    assert!(
        matches!(error, Error::Stale { .. }),
        "a preview is never run: {error}"
    );
    let reason = Some("it took too long".to_owned());
    let event = ReconcileEvent::GaveUp;
    let ended = store
        .move_reconcile(run.id, event, reason.clone(), &at(4))
        .await
        .unwrap();
    assert_eq!(
        (ended.state, &ended.reason),
        (ReconcileState::Failed, &reason)
    );
    assert_eq!(ended.completed_at, Some(at(4).at));
    let error = refused(store.move_reconcile(run.id, matched, None, &at(5)).await);
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    let listed = store
        .list_reconciles(Some(shop.environment.id), None, Page::ALL)
        .await
        .unwrap();
    assert_eq!(listed.items, [ended, shown], "newest first");
    let failed = Some(ReconcileState::Failed);
    let listed = store
        .list_reconciles(None, failed, Page::ALL)
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
}

pub async fn planned_steps_read_back(store: &dyn Store) {
    let shop = shop(store).await;
    let stop = PlannedStep {
        action: PlannedAction::Stop,
        app: shop.app.id,
        environment: shop.environment.id,
        worker: PlannedWorker {
            id: Some(WorkerId::new(3)),
            name: "web".parse().unwrap(),
            command: "/start web".to_owned(),
            argv: vec!["/start".to_owned(), "web".to_owned()],
            scale: 2,
            created_at: Some(at(1).at),
            updated_at: Some(at(2).at),
        },
        node: "node-a".parse().unwrap(),
        address: "10.0.0.7".to_owned(),
        center: Some("dc2".to_owned()),
        commit: Some("678d49f786ba777441ee9106c1be390048c539ac".parse().unwrap()),
        instance: Some(PlannedInstance {
            id: InstanceId::from_bits(7),
            handle: "9f2c61d0a1b4".to_owned(),
            service: "shop-web".to_owned(),
            port: Some(20_001),
            deploy: DeployId::new(12),
        }),
        why: "more run than are wanted".to_owned(),
    };
    let start = PlannedStep {
        action: PlannedAction::Start,
        center: None,
        commit: None,
        instance: None,
        worker: PlannedWorker {
            id: None,
            created_at: None,
            updated_at: None,
            ..stop.worker.clone()
        },
        ..stop.clone()
    };
    let new = NewReconcile {
        environment: shop.environment.id,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: vec![start, stop],
        on_conflict: OnConflict::Ignore,
    };
    let made = store.create_reconcile(new.clone(), &at(1)).await.unwrap();
    assert_eq!(made.steps, new.steps);
    assert_eq!(store.find_reconcile(made.id).await.unwrap(), Some(made));
}

pub async fn a_rebalance_reads_back_and_is_in_nobodys_way(store: &dyn Store) {
    let shop = shop(store).await;
    let rebalance = Rebalance {
        stack: shop.stack.id,
        at_once: 3,
    };
    let new = |rebalance| NewReconcile {
        environment: shop.environment.id,
        app: None,
        rebalance,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: OnConflict::Refuse,
    };
    let evens = store.create_reconcile(new(Some(rebalance)), &at(1)).await;
    let evens = evens.unwrap();
    assert_eq!(evens.rebalance, Some(rebalance));
    assert_eq!(
        store.find_reconcile(evens.id).await.unwrap(),
        Some(evens.clone())
    );
    let other = store.create_reconcile(new(None), &at(2)).await.unwrap();
    assert_eq!(other.rebalance, None);
    let view = store.view(shop.environment.id, at(0).at).await.unwrap();
    assert_eq!(view.unwrap().reconciles, [evens, other]);
}

pub async fn a_reconcile_may_give_way(store: &dyn Store) {
    let shop = shop(store).await;
    let new = |app, on_conflict| NewReconcile {
        environment: shop.environment.id,
        app,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict,
    };
    let (all, one) = (None, Some(shop.app.id));
    let whole = store
        .create_reconcile(new(all, OnConflict::Refuse), &at(1))
        .await
        .unwrap();
    for app in [all, one] {
        let refused = refused(
            store
                .create_reconcile(new(app, OnConflict::Refuse), &at(2))
                .await,
        );
        assert!(
            matches!(refused, Error::ReconcileUnderWay(id) if id == whole.id),
            "{refused}"
        );
    }
    let beside = store
        .create_reconcile(new(one, OnConflict::Ignore), &at(3))
        .await
        .unwrap();
    for id in [whole.id, beside.id] {
        let matched = ReconcileEvent::Matched;
        store
            .move_reconcile(id, matched, None, &at(4))
            .await
            .unwrap();
    }
    let deploy = store
        .create_deploy(shop.new_deploy(deploys::OnConflict::Queue), &at(5))
        .await
        .unwrap();
    for app in [all, one] {
        let refused = refused(
            store
                .create_reconcile(new(app, OnConflict::Refuse), &at(6))
                .await,
        );
        assert!(
            matches!(&refused, Error::DeploysUnderWay(ids) if *ids == [deploy.id]),
            "{refused}"
        );
    }
}

//! Reconciles.

use super::world::{at, refused, shop};
use crate::{
    Store,
    store::{Error, Page, reconciles::NewReconcile},
};
use domain::reconcile::{ReconcileEvent, ReconcileState};

pub async fn a_reconcile_ends_once(store: &dyn Store) {
    let shop = shop(store).await;
    let new = |state| NewReconcile {
        environment: shop.environment.id,
        app: Some(shop.app.id),
        state,
        plan: vec!["start web.1@a".to_owned(), "stop web.2@b".to_owned()],
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

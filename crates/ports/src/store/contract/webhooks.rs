//! Webhooks, and callbacks.

use super::{
    retention::forget,
    world::{at, refused, shop},
};
use crate::{
    Store,
    store::{
        Error, Page,
        deploys::OnConflict,
        reconciles::{self, NewReconcile},
        retention::Old,
        webhooks::{Enabled, Hook},
    },
};
use domain::{AppId, hook::HookKind, reconcile::ReconcileState};
use secrecy::{ExposeSecret, SecretString};

fn hook(app: Option<AppId>) -> Hook {
    Hook {
        app,
        kind: HookKind::Slack,
        events: vec!["deploy".to_owned()],
        enabled: Enabled::Yes,
        url: SecretString::from("https://hooks.example/T1/B2"),
        secret: Some(SecretString::from("s3cret")),
        channel: Some("#ops".to_owned()),
        sender: None,
        fields: [("token".to_owned(), "abc".to_owned())].into(),
    }
}

pub async fn a_webhook_is_made_changed_and_deleted(store: &dyn Store) {
    let shop = shop(store).await;
    let made = store
        .create_webhook(hook(Some(shop.app.id)), &at(1))
        .await
        .unwrap();
    let read = store.find_webhook(made.id).await.unwrap().unwrap();
    assert_eq!(read.hook.url.expose_secret(), "https://hooks.example/T1/B2");
    let secret = read
        .hook
        .secret
        .as_ref()
        .map(|secret| secret.expose_secret().to_owned());
    assert_eq!(secret.as_deref(), Some("s3cret"));
    assert_eq!(
        (read.hook.app, read.hook.kind),
        (Some(shop.app.id), HookKind::Slack)
    );
    assert_eq!(read.hook.events, ["deploy"]);
    assert_eq!(
        (read.hook.channel.as_deref(), read.hook.sender),
        (Some("#ops"), None)
    );
    assert_eq!(
        read.hook.fields.get("token").map(String::as_str),
        Some("abc")
    );
    assert_eq!((read.created_at, read.updated_at), (at(1).at, at(1).at));
    let quiet = Hook {
        enabled: Enabled::No,
        secret: None,
        app: None,
        ..hook(None)
    };
    let update = async |seen| {
        store
            .update_webhook(made.id, seen, quiet.clone(), &at(1))
            .await
    };
    let changed = update(made.updated_at).await.unwrap();
    assert!(
        changed.updated_at > made.updated_at,
        "though the clock stands"
    );
    assert_eq!(changed.hook.enabled, Enabled::No);
    assert!(changed.hook.secret.is_none());
    assert_eq!(changed.hook.app, Some(shop.app.id), "its app stays");
    let stale = refused(update(made.updated_at).await);
    assert!(matches!(stale, Error::Stale { .. }), "{stale}");
    let second = store.create_webhook(hook(None), &at(2)).await.unwrap();
    let all = store.list_webhooks(Page::ALL).await.unwrap().items;
    let ids: Vec<_> = all.iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids, [made.id, second.id]);
    store.delete_webhook(made.id, &at(3)).await.unwrap();
    assert!(store.find_webhook(made.id).await.unwrap().is_none());
    let gone = refused(store.delete_webhook(made.id, &at(3)).await);
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    let nowhere = refused(
        store
            .create_webhook(hook(Some(AppId::new(999))), &at(3))
            .await,
    );
    assert!(matches!(nowhere, Error::NotFound { .. }), "{nowhere}");
}

pub async fn the_webhooks_of_a_deleted_app_go_with_it(store: &dyn Store) {
    let shop = shop(store).await;
    store
        .create_webhook(hook(Some(shop.app.id)), &at(1))
        .await
        .unwrap();
    let everywhere = store.create_webhook(hook(None), &at(1)).await.unwrap();
    store.delete_app(shop.app.id, &at(2)).await.unwrap();
    let left = store.list_webhooks(Page::ALL).await.unwrap().items;
    let ids: Vec<_> = left.iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids, [everywhere.id]);
}

pub async fn a_callback_is_remembered_until_it_is_old(store: &dyn Store) {
    let expect = async |subject: &str, to: &str, seconds| {
        let url = SecretString::from(to);
        let expected = store.expect_callback(subject, url, at(seconds).at);
        expected.await.unwrap()
    };
    let first = expect("dep-1", "https://a.example/", 10).await;
    let second = expect("bld-2", "https://b.example/", 20).await;
    let third = expect("dep-1", "https://c.example/", 20).await;
    let found = store.find_callback(third.number).await.unwrap().unwrap();
    assert_eq!(found.expose_secret(), "https://c.example/");
    let asked = ["dep-1", "dep-9"].map(str::to_owned);
    let expected = store.expected_callbacks(&asked).await.unwrap();
    assert_eq!(
        expected,
        [first.clone(), third],
        "who asks second is called as well"
    );
    assert_eq!(forget(store, Old::Callbacks, 15, 0).await, 1);
    assert!(store.find_callback(first.number).await.unwrap().is_none());
    assert!(store.find_callback(second.number).await.unwrap().is_some());
}

pub async fn whom_to_call_is_written_down_with_what_they_wait_for(store: &dyn Store) {
    let shop = shop(store).await;
    let calling = store.calling_back(SecretString::from("https://a.example/"));
    let build = shop.new_build('a');
    let made = calling.request_build(build.clone(), &at(1)).await;
    let made = made.unwrap().into_build().id.to_string();
    // One that is shared, and one of which nobody wants to hear.
    calling.request_build(build, &at(2)).await.unwrap();
    let other = store.request_build(shop.new_build('b'), &at(2)).await;
    let other = other.unwrap().into_build().id.to_string();
    let new = shop.new_deploy(OnConflict::Queue);
    let deploy = calling.create_deploy(new, &at(3)).await.unwrap();
    let deploy = deploy.id.to_string();
    let beside = shop.new_deploy(OnConflict::Refuse);
    assert!(calling.create_deploy(beside, &at(4)).await.is_err());
    let reconcile = NewReconcile {
        environment: shop.environment.id,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: reconciles::OnConflict::Ignore,
    };
    let reconcile = calling.create_reconcile(reconcile, &at(5)).await;
    let reconcile = reconcile.unwrap().id.to_string();

    let subjects = [&made, &other, &deploy, &reconcile].map(Clone::clone);
    let expected = store.expected_callbacks(&subjects).await.unwrap();
    let of: Vec<&str> = expected.iter().map(|one| &*one.subject).collect();
    assert_eq!(of, [&*made, &made, &deploy, &reconcile]);
    for one in &expected {
        let url = store.find_callback(one.number).await.unwrap().unwrap();
        assert_eq!(url.expose_secret(), "https://a.example/");
    }
}

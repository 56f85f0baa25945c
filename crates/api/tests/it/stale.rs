//! Whoever changes or deletes what was changed since they read it is refused, at every call that does so.

use crate::{
    refusals,
    stage::{As, refusal},
};
use prost_reflect::DescriptorPool;
use proto::v1;
use std::collections::BTreeSet;

fn text(text: &str) -> String {
    text.to_owned()
}

/// The calls that change or delete one thing, by the descriptors.
fn calls() -> BTreeSet<String> {
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let ours = pool
        .services()
        .filter(|service| service.package_name() == "jockey.v1");
    let all = ours.flat_map(|it| it.methods().collect::<Vec<_>>());
    all.map(|method| method.name().to_owned())
        .filter(|name| name.starts_with("Update") || name.starts_with("Delete"))
        .collect()
}

async fn begin(admin: &As) {
    let webhook = v1::CreateWebhookRequest {
        webhook: Some(v1::Webhook {
            url: text("https://hooks.example/here"),
            ..v1::Webhook::default()
        }),
        ..v1::CreateWebhookRequest::default()
    };
    admin.webhooks().create_webhook(webhook).await.unwrap();
    let set = v1::UpdateConfigSetRequest {
        environment: text("development"),
        set: [(text("A"), text("1"))].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    admin.configs().update_config_set(set).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_update_and_delete_refuses_a_stale_reader() {
    let (_stage, admin) = refusals::shop().await;
    begin(&admin).await;
    let mut called = BTreeSet::new();
    macro_rules! stale {
        ($($client:ident.$call:ident $request:ident { $($field:ident: $value:expr),* };)+) => {$(
            let request = v1::$request {
                $($field: text($value),)*
                etag: text("another"),
                ..v1::$request::default()
            };
            let said = refusal(admin.$client().$call(request).await);
            assert!(said.starts_with("Aborted STALE_ETAG"), "{}: {said}", stringify!($call));
            called.insert(text(stringify!($request).trim_end_matches("Request")));
        )+};
    }
    stale! {
        apps.update_app UpdateAppRequest { app: "shop" };
        apps.update_app_hook UpdateAppHookRequest { app: "shop" };
        apps.delete_app DeleteAppRequest { app: "shop" };
        configs.update_config_set UpdateConfigSetRequest { environment: "development" };
        configs.delete_config_set DeleteConfigSetRequest { environment: "development" };
        environments.update_environment UpdateEnvironmentRequest { environment: "staging" };
        environments.delete_environment DeleteEnvironmentRequest { environment: "staging" };
        stacks.update_stack UpdateStackRequest { stack: "api" };
        stacks.delete_stack DeleteStackRequest { stack: "api" };
        tokens.update_token UpdateTokenRequest { token: "admin" };
        tokens.delete_token DeleteTokenRequest { token: "admin" };
        webhooks.update_webhook UpdateWebhookRequest { webhook: "whk-1" };
        webhooks.delete_webhook DeleteWebhookRequest { webhook: "whk-1" };
        workers.update_worker UpdateWorkerRequest { worker: "wrk-1" };
        workers.delete_worker DeleteWorkerRequest { worker: "wrk-1" };
    }
    assert_eq!(called, calls());
}

#[tokio::test(start_paused = true)]
async fn a_hook_and_a_token_that_are_as_they_were_read_are_changed() {
    let (stage, admin) = refusals::shop().await;
    let edit = |etag: &str, accepts| v1::UpdateAppHookRequest {
        app: text("shop"),
        accepts_sha1: Some(accepts),
        etag: text(etag),
        ..v1::UpdateAppHookRequest::default()
    };
    let hook = admin.apps().update_app_hook(edit("", true)).await.unwrap();
    let hook = hook.into_inner().hook.unwrap();
    let get = v1::GetAppRequest { app: text("shop") };
    let shown = admin.apps().get_app(get).await.unwrap().into_inner();
    assert_eq!(shown.app.unwrap().hook.unwrap().etag, hook.etag);
    let later = admin.apps().update_app_hook(edit(&hook.etag, false)).await;
    let later = later.unwrap().into_inner().hook.unwrap();
    assert_ne!(later.etag, hook.etag);
    let said = refusal(admin.apps().update_app_hook(edit(&hook.etag, true)).await);
    assert_eq!(
        said,
        "Aborted STALE_ETAG: hook of `shop` was changed since you read it; read it again and decide again"
    );

    stage.token("ci", domain::token::Role::Viewer).await;
    let get = v1::GetTokenRequest { token: text("ci") };
    let token = admin.tokens().get_token(get).await.unwrap().into_inner();
    let delete = v1::DeleteTokenRequest {
        token: text("ci"),
        etag: token.token.unwrap().etag,
        ..v1::DeleteTokenRequest::default()
    };
    admin.tokens().delete_token(delete).await.unwrap();
}

//! The calls about hooks, webhooks and runs.

use super::{Walk, rows, text};
use crate::stage::As;
use proto::v1::{self, run_request::Message as Said, run_response::Message as Told};

pub(super) async fn hooks(walk: &mut Walk<'_>, admin: &As) {
    does!(
        walk,
        admin.apps(),
        update_app_hook,
        "AppService/UpdateAppHook",
        UpdateAppHookRequest {
            app: text("shop"),
            secret: text("swordfish-of-the-hook-0123456789")
        }
    );
    let webhook = v1::Webhook {
        app: text("shop"),
        kind: v1::WebhookKind::Generic.into(),
        url: text("https://hooks.example/swordfish"),
        ..v1::Webhook::default()
    };
    let made = does!(
        walk,
        admin.webhooks(),
        create_webhook,
        "WebhookService/CreateWebhook",
        CreateWebhookRequest {
            webhook: Some(webhook)
        }
    );
    let id = made.webhook.unwrap().id;
    let values = v1::Webhook {
        sender: text("jockey"),
        ..v1::Webhook::default()
    };
    does!(
        walk,
        admin.webhooks(),
        update_webhook,
        "WebhookService/UpdateWebhook",
        UpdateWebhookRequest {
            webhook: id.clone(),
            values: Some(values)
        }
    );
    does!(
        walk,
        admin.webhooks(),
        test_webhook,
        "WebhookService/TestWebhook",
        TestWebhookRequest {
            webhook: id.clone()
        }
    );
    does!(
        walk,
        admin.webhooks(),
        delete_webhook,
        "WebhookService/DeleteWebhook",
        DeleteWebhookRequest { webhook: id }
    );
}

pub(super) async fn runs(walk: &mut Walk<'_>, admin: &As) {
    let start = v1::RunStart {
        app: text("shop"),
        environment: text("development"),
        command: ["sleep", "1000000"].map(text).to_vec(),
        detach: true,
        ..v1::RunStart::default()
    };
    let said = v1::RunRequest {
        message: Some(Said::Start(start)),
    };
    let answers = admin.instances().run(tokio_stream::iter([said])).await;
    let first = answers.unwrap().into_inner().message().await.unwrap();
    let Some(Told::Started(started)) = first.and_then(|told| told.message) else {
        panic!("it does not start");
    };
    does!(
        walk,
        admin.runs(),
        stop_run,
        "RunService/StopRun",
        StopRunRequest {
            run: started.run.unwrap().id
        }
    );
}

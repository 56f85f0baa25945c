//! The calls about hooks, webhooks, runs and nodes.

use super::{ANSWER_DUE, Walk, answered, begins, differs, rows, text, things};
use crate::stage::As;
use proto::v1::{self, run_request::Message as Said, run_response::Message as Told};
use std::time::Duration;

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

pub(super) async fn nodes(walk: &mut Walk<'_>, admin: &As) {
    let node = || text("node-1");
    does!(
        walk,
        admin.nodes(),
        cordon_node,
        "NodeService/CordonNode",
        CordonNodeRequest { node: node() }
    );
    does!(
        walk,
        admin.nodes(),
        drain_node,
        "NodeService/DrainNode",
        DrainNodeRequest { node: node() }
    );
    // One that answers is not given up.
    walk.stage.node.silence();
    does!(
        walk,
        admin.nodes(),
        give_up_node,
        "NodeService/GiveUpNode",
        GiveUpNodeRequest { node: node() }
    );
    walk.stage.node.speak();
    does!(
        walk,
        admin.nodes(),
        uncordon_node,
        "NodeService/UncordonNode",
        UncordonNodeRequest { node: node() }
    );
    does!(
        walk,
        admin.nodes(),
        rebalance_nodes,
        "NodeService/RebalanceNodes",
        RebalanceNodesRequest {}
    );
    does!(
        walk,
        admin.nodes(),
        cancel_rebalance,
        "NodeService/CancelRebalance",
        CancelRebalanceRequest {}
    );
}

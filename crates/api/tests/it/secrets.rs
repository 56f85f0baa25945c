//! Secrets of every kind in a world with one of everything: each call there is, and no answer that tells one to who may not
//! have it.

mod broken;

use crate::{
    reach::{self, HERE},
    stage::{As, Stage},
};
use domain::{AuditId, token::Role};
use http_body_util::BodyExt;
use ports::store::{Audit as _, audit::AuditFilter};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};
use proto::v1;
use std::{collections::BTreeMap, time::Duration};
use tonic::{Code, Status};

/// A value of the config of an App, and of a layer below it. Deployers may read them.
const VALUES: [&str; 2] = ["planted-value-7f3a", "planted-layer-91bc"];
/// What a hook is signed with, the address and the secret of a webhook, and a variable of a run. Nobody is told them.
const SIGNED: &str = "planted-hook-signature-55d0";
const ADDRESS: &str = "planted-address-0c2e";
const SECRET: &str = "planted-webhook-secret-8a17";
const RUN: &str = "planted-run-variable-3b64";

/// The calls that show values of config to a deployer.
const SHOWN: &[&str] = &[
    "jockey.legacy.v1.ConfigSetService/GetConfigSet",
    "jockey.legacy.v1.ConfigSetService/ListConfigSets",
    "jockey.legacy.v1.ConfigSetService/UpdateConfigSet",
    "jockey.v1.ConfigSetService/DiffConfigSet",
    "jockey.v1.ConfigSetService/ExplainConfig",
    "jockey.v1.ConfigSetService/GetConfigSet",
    "jockey.v1.VersionService/GetVersion",
];

async fn set(admin: &As, app: &str, value: &str) {
    let request = v1::UpdateConfigSetRequest {
        environment: HERE.to_owned(),
        app: app.to_owned(),
        set: [("PASSWORD".to_owned(), value.to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    let changed = admin.configs().update_config_set(request).await.unwrap();
    for deploy in changed.into_inner().deploys {
        admin.follow(&deploy.id).await;
    }
}

/// Plants all of them.
async fn plant(admin: &As) {
    set(admin, "", VALUES[1]).await;
    set(admin, "shop", VALUES[0]).await;
    let hook = v1::UpdateAppHookRequest {
        app: "shop".to_owned(),
        secret: SIGNED.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    admin.apps().update_app_hook(hook).await.unwrap();
    let webhook = v1::UpdateWebhookRequest {
        webhook: "whk-1".to_owned(),
        values: Some(v1::Webhook {
            url: format!("https://hooks.example/{ADDRESS}"),
            secret: SECRET.to_owned(),
            ..v1::Webhook::default()
        }),
        ..v1::UpdateWebhookRequest::default()
    };
    admin.webhooks().update_webhook(webhook).await.unwrap();
    run(admin).await;
}

async fn run(admin: &As) {
    use v1::run_request::Message as Said;
    let start = v1::RunStart {
        app: "shop".to_owned(),
        environment: HERE.to_owned(),
        command: ["sleep", "1000000"].map(str::to_owned).to_vec(),
        variables: BTreeMap::from([("ONCE".to_owned(), RUN.to_owned())]),
        detach: true,
        ..v1::RunStart::default()
    };
    let said = v1::RunRequest {
        message: Some(Said::Start(start)),
    };
    let answers = admin.instances().run(tokio_stream::iter([said])).await;
    let first = answers.unwrap().into_inner().message().await.unwrap();
    assert!(first.is_some(), "it does not start");
}

/// Whether a call of this name may change what others after it would be told.
fn changes(method: &MethodDescriptor) -> bool {
    let reads = [
        "Get", "List", "Stream", "Watch", "Explain", "Preview", "Verify", "Export",
    ];
    !reads.iter().any(|verb| method.name().starts_with(verb))
}

/// Every call there is; those that change something come last.
fn calls() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let ours = pool
        .services()
        .filter(|service| service.package_name().starts_with("jockey."));
    let mut calls: Vec<_> = ours
        .flat_map(|it| it.methods().collect::<Vec<_>>())
        .collect();
    calls.sort_by_key(changes);
    calls
}

/// The last of the config of an App.
async fn version(stage: &Stage) -> String {
    let sets = AuditFilter {
        kinds: vec!["config_set".to_owned()],
        ..AuditFilter::default()
    };
    let entries = stage.store.audit_entries_after(AuditId::new(0), &sets, 100);
    entries.await.unwrap().last().unwrap().id.to_string()
}

/// What is asked: of what is there, and from the beginning on.
async fn request(stage: &Stage, call: &MethodDescriptor, known: &[String; 2]) -> DynamicMessage {
    if call.parent_service().package_name() == "jockey.legacy.v1" {
        return reach::old::request(stage, call).await;
    }
    let mut request = reach::request(call, known);
    let more = match call.name() {
        "WatchEvents" => Some(("after", "evt-1".to_owned())),
        "GetVersion" => Some(("version", version(stage).await)),
        _ => None,
    };
    if let Some((field, text)) = more {
        request.set_field_by_name(field, Value::String(text));
    }
    request
}

/// Whether it is answered, and all that comes back: head, messages of a second, tail, and the details of a refusal.
async fn told(stage: &Stage, name: &str, request: &DynamicMessage, token: &str) -> (bool, Vec<u8>) {
    let (head, mut body) = reach::ask(stage, name, request, token).await.into_parts();
    let mut told = format!("{:?}", head.headers).into_bytes();
    let mut details = Status::from_header_map(&head.headers);
    let frames = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(trailers) = frame.trailers_ref() {
                told.extend(format!("{trailers:?}").into_bytes());
                details = details.take().or(Status::from_header_map(trailers));
            }
            told.extend(frame.data_ref().into_iter().flatten());
        }
    };
    // Some go on for ever.
    let _ = tokio::time::timeout(Duration::from_secs(1), frames).await;
    let answers = details
        .as_ref()
        .is_none_or(|status| status.code() == Code::Ok);
    if let Some(status) = details {
        told.extend(
            status
                .message()
                .bytes()
                .chain(status.details().iter().copied()),
        );
    }
    (answers, told)
}

fn has(told: &[u8], secret: &str) -> bool {
    told.windows(secret.len())
        .any(|part| part == secret.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn no_call_tells_a_secret_to_who_may_not_have_it() {
    for role in [Role::Viewer, Role::Deployer] {
        let (stage, known) = reach::world().await;
        let other = stage.token("other", Role::Admin).await;
        plant(&stage.bearing(Some(other.clone()))).await;
        let token = stage.token("asking", role).await;
        let (mut shown, mut wrong, mut answered) = (Vec::new(), Vec::new(), 0);
        for call in calls() {
            let name = format!("{}/{}", call.parent_service().full_name(), call.name());
            let request = request(&stage, &call, &known).await;
            let (answers, told) = told(&stage, &name, &request, &token).await;
            answered += usize::from(answers);
            if VALUES.iter().any(|value| has(&told, value)) {
                shown.push(name.clone());
            }
            let secrets = [SIGNED, ADDRESS, SECRET, RUN, &other, &token];
            let found = secrets.iter().filter(|secret| has(&told, secret));
            wrong.extend(found.map(|secret| format!("{name} tells {secret}")));
        }
        assert_eq!(wrong, [""; 0], "{role:?}");
        shown.sort();
        match role {
            Role::Viewer => assert_eq!(shown, [""; 0]),
            Role::Deployer | Role::Admin => assert_eq!(shown, SHOWN),
        }
        assert!(
            answered > 50,
            "{role:?}: only {answered} calls are answered"
        );
    }
}

//! Every call there is, made by people of every reach: the table of who may call what where, walked whole.

pub(crate) mod old;

use crate::stage::{As, Stage};
use api::Times;
use bytes::{BufMut, BytesMut};
use domain::hook::HookKind;
use http_body_util::Full;
use ports::store::{
    Apps, Change, Webhooks,
    audit::Origin,
    webhooks::{Enabled, Hook},
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};
use proto::v1;
use secrecy::SecretString;
use std::fmt::Write;
use testkit::fake::clock::BEGINNING;
use tower::ServiceExt;

/// The table as the rows say it. Columns are reaches, in the order of `REACHES`.
const TABLE: &str = include_str!(
    "../../src/permissions/snapshots/api__permissions__tests__who_may_call_what_where.snap"
);

/// Where the table says `staging`, this world has a Deploy.
pub(crate) const HERE: &str = "development";

const REACHES: [&str; 6] = [
    "apps = [\"shop\"]\nenvironments = [\"development\"]",
    "environments = [\"development\"]",
    "apps = [\"shop\"]",
    "",
    "apps = [\"api\"]\nenvironments = [\"development\"]",
    "apps = [\"shop\"]\nenvironments = [\"staging\"]",
];

fn policy() -> String {
    let mut text = "organisations = [\"acme\"]\n".to_owned();
    for role in ["viewer", "deployer", "admin"] {
        for (index, reach) in REACHES.iter().enumerate() {
            write!(
                text,
                "[[grant]]\nteam = \"acme/{role}-{index}\"\nrole = \"{role}\"\n{reach}\n"
            )
            .unwrap();
        }
    }
    text
}

/// The roles that a call takes and the ones below it.
fn below(needs: &str) -> &'static [&'static str] {
    match needs {
        "viewer" => &[],
        "deployer" => &["viewer"],
        _ => &["viewer", "deployer"],
    }
}

/// A world with one of everything, of `shop` in `HERE`.
pub(crate) async fn world() -> (Stage, [String; 2]) {
    let mut stage = Stage::granting(&policy(), Times::default()).await;
    stage.run();
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    // Leaves the second row of the audit log.
    let config = v1::UpdateConfigSetRequest {
        environment: HERE.to_owned(),
        app: "shop".to_owned(),
        set: [("GREETING".to_owned(), "hello".to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    admin.configs().update_config_set(config).await.unwrap();
    admin.deploy_shop().await;
    let other = v1::CreateAppRequest {
        app: Some(v1::App {
            name: "api".to_owned(),
            repo: "shop/other".to_owned(),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    };
    admin.apps().create_app(other).await.unwrap();
    let reconcile = v1::CreateReconcileRequest {
        environment: HERE.to_owned(),
        app: "shop".to_owned(),
        ..v1::CreateReconcileRequest::default()
    };
    admin
        .reconciles()
        .create_reconcile(reconcile)
        .await
        .unwrap();
    webhook(&stage).await;
    let instance = instance(&admin).await;
    let run = run(&admin).await;
    (stage, [instance, run])
}

/// A run that goes on.
async fn run(admin: &As) -> String {
    use v1::{run_request::Message as Said, run_response::Message as Told};
    let start = v1::RunStart {
        app: "shop".to_owned(),
        environment: HERE.to_owned(),
        command: ["sleep", "1000000"].map(str::to_owned).to_vec(),
        detach: true,
        ..v1::RunStart::default()
    };
    let said = v1::RunRequest {
        message: Some(Said::Start(start)),
    };
    let answers = admin.instances().run(tokio_stream::iter([said])).await;
    let first = answers.unwrap().into_inner().message().await.unwrap();
    match first.and_then(|told| told.message) {
        Some(Told::Started(started)) => started.run.unwrap().id,
        other => panic!("it does not start: {other:?}"),
    }
}

/// A webhook of `shop`.
async fn webhook(stage: &Stage) {
    let shop = stage.store.find_app("shop").await.unwrap().unwrap();
    let hook = Hook {
        app: Some(shop.id),
        kind: HookKind::Generic,
        events: Vec::new(),
        enabled: Enabled::Yes,
        url: SecretString::from("https://hooks.example/"),
        secret: None,
        channel: None,
        sender: None,
        fields: Default::default(),
    };
    let change = Change {
        actor: "ada".to_owned(),
        at: BEGINNING,
        message: "for a test".to_owned(),
        request: None,
        origin: Origin::Server,
    };
    stage.store.create_webhook(hook, &change).await.unwrap();
}

async fn instance(admin: &As) -> String {
    let list = v1::ListInstancesRequest::default();
    let list = admin.instances().list_instances(list).await.unwrap();
    list.into_inner().instances[0].id.clone()
}

/// What a field of this name says in every request that has it.
fn value(field: &str, [instance, run]: &[String; 2]) -> Option<String> {
    let text = match field {
        "app" | "name" => "shop",
        "environment" => HERE,
        "build" => "bld-1",
        "deploy" => "dep-1",
        "release" => "rel-1",
        "reconcile" => "rec-1",
        "worker" => "wrk-1",
        "node" => "node-1",
        "version" => "aud-2",
        "instance" => instance,
        "webhook" => "whk-1",
        "run" => run,
        _ => return None,
    };
    Some(text.to_owned())
}

/// A request about `shop` in `HERE` that changes nothing.
pub(crate) fn request(method: &MethodDescriptor, known: &[String; 2]) -> DynamicMessage {
    let mut request = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        // Of several that exclude each other, none need be said.
        if field
            .containing_oneof()
            .is_some_and(|one| one.name() == "target")
        {
            continue;
        }
        match field.kind() {
            Kind::Bool if field.name() == "dry_run" => {
                request.set_field(&field, Value::Bool(true));
            }
            Kind::String if !field.is_list() => {
                if let Some(text) = value(field.name(), known) {
                    request.set_field(&field, Value::String(text));
                }
            }
            Kind::Message(inner)
                if ["app", "environment", "start", "webhook", "worker"].contains(&field.name()) =>
            {
                let mut message = DynamicMessage::new(inner.clone());
                for name in ["app", "environment", "name"] {
                    let text = match (field.name(), name) {
                        ("environment", "name") => HERE.to_owned(),
                        _ => value(name, known).unwrap(),
                    };
                    if inner.get_field_by_name(name).is_some() {
                        message.set_field_by_name(name, Value::String(text));
                    }
                }
                request.set_field(&field, Value::Message(message));
            }
            _ => {}
        }
    }
    request
}

/// Makes a call by the name of its method.
pub(crate) async fn ask(
    stage: &Stage,
    method: &str,
    request: &DynamicMessage,
    token: &str,
) -> http::Response<tonic::body::Body> {
    let message = request.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(&message);
    let call = http::Request::post(format!("http://jockey.test/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(tonic::body::Body::new(Full::new(frame.freeze())))
        .unwrap();
    stage.routes.clone().oneshot(call).await.unwrap()
}

/// Whether a call is let through, whatever it is then answered.
async fn may(stage: &Stage, method: &str, request: &DynamicMessage, token: &str) -> bool {
    let answer = ask(stage, method, request, token).await;
    let status = answer.headers().get("grpc-status");
    status.is_none_or(|status| status != "7" && status != "16")
}

#[tokio::test(start_paused = true)]
async fn every_call_is_let_through_where_a_grant_reaches_and_nowhere_else() {
    let (stage, known) = world().await;
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let mut wrong = Vec::new();
    let mut walked = 0;
    for line in TABLE.lines().filter(|line| line.contains("jockey.v1.")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (reaches, [needs, name]) = words.split_at(6) else {
            panic!("{line}");
        };
        let (service, rpc) = name.split_once('/').unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        let method = service
            .methods()
            .find(|method| method.name() == rpc)
            .unwrap();
        let request = request(&method, &known);
        for (index, want) in reaches.iter().enumerate() {
            let person = format!("{needs}-{index}");
            let (_, token) = stage.person(&person, &[&format!("acme/{person}")]);
            if may(&stage, name, &request, &token).await != (*want == "yes") {
                wrong.push(format!(
                    "{name} by {needs} of {:?}: not {want}",
                    REACHES[index]
                ));
            }
        }
        for role in below(needs) {
            let person = format!("{role}-3");
            let (_, token) = stage.person(&person, &[&format!("acme/{person}")]);
            if may(&stage, name, &request, &token).await {
                wrong.push(format!("{name} by a {role} of everything"));
            }
        }
        walked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(walked > 60, "{walked}");
}

/// What is told of every App is the whole Installation's; what is told of one is that App's.
#[tokio::test(start_paused = true)]
async fn a_webhook_of_every_app_is_made_by_those_alone_who_have_all_of_them() {
    let (stage, _) = world().await;
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let service = pool.get_service_by_name("jockey.v1.WebhookService");
    let create = service
        .unwrap()
        .methods()
        .find(|method| method.name() == "CreateWebhook");
    let mut request = DynamicMessage::new(create.unwrap().input());
    request.set_field_by_name("dry_run", Value::Bool(true));
    for (index, reach) in REACHES.iter().enumerate() {
        let person = format!("admin-{index}");
        let (_, token) = stage.person(&person, &[&format!("acme/{person}")]);
        let name = "jockey.v1.WebhookService/CreateWebhook";
        let may = may(&stage, name, &request, &token).await;
        assert_eq!(may, reach.is_empty(), "{reach:?}");
    }
}

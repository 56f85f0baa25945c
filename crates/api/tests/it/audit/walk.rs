//! Every call that changes something, one after the other: it can be tried, it is done once, and what it leaves in the audit
//! log.

use crate::stage::{As, Stage};
use domain::{AuditEntry, AuditId, audit::Proof, token::Role};
use ports::store::{Audit as _, audit::AuditFilter};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use proto::v1;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use testkit::fake;
use tonic::{Response, Status};

/// How many rows each call of the walk below leaves, and how what they are about was changed: `+` it is new, `-` it is
/// gone, `~` it was changed, `=` it is as it was, `.` it is not in the database. Of two, some calls do the one, some the
/// other. One row for each thing that the call itself changes: what the server does in consequence, its events tell.
const ROWS: &[(&str, usize, &str)] = &[
    ("AppService/CreateApp", 1, "+"),
    ("AppService/DeleteApp", 1, "-"),
    ("AppService/UpdateApp", 1, "~"),
    // Its first call makes the hook as well: that is one change of one App.
    ("AppService/UpdateAppHook", 1, "~"),
    ("BuildService/CancelBuild", 1, "~"),
    ("BuildService/CreateBuild", 1, "+"),
    ("ConfigSetService/DeleteConfigSet", 1, "~"),
    ("ConfigSetService/UpdateConfigSet", 1, "+~"),
    ("DeployService/CancelDeploy", 1, "~"),
    // The Build that it may need is made by the server, when its turn comes; its event tells of it.
    ("DeployService/CreateDeploy", 1, "+"),
    ("DeployService/RollbackDeploy", 1, "+"),
    ("EnvironmentService/CreateEnvironment", 1, "+"),
    ("EnvironmentService/DeleteEnvironment", 1, "-"),
    ("EnvironmentService/UpdateEnvironment", 1, "~"),
    // Nothing is under way.
    ("NodeService/CancelRebalance", 0, ""),
    ("NodeService/CordonNode", 1, "+"),
    // It is in no picture: what is kept of it is its hash.
    ("NodeService/CreateJoinToken", 1, "."),
    ("NodeService/DrainNode", 1, "~"),
    ("NodeService/GiveUpNode", 1, "~"),
    ("NodeService/RemoveNode", 1, "-"),
    // One node is even with itself.
    ("NodeService/RebalanceNodes", 0, ""),
    ("NodeService/UncordonNode", 1, "-"),
    ("ReconcileService/CreateReconcile", 1, "+"),
    ("RunService/StopRun", 1, "~"),
    ("StackService/CreateStack", 1, "+"),
    ("StackService/DeleteStack", 1, "-"),
    // Changes nothing: a Stack has nothing but its name, which stays.
    ("StackService/UpdateStack", 0, ""),
    // Nothing is there to adopt.
    ("SystemService/Adopt", 0, ""),
    ("SystemService/CollectGarbage", 1, "."),
    ("SystemService/Sweep", 1, "."),
    ("TokenService/CreateToken", 1, "+"),
    ("TokenService/DeleteToken", 1, "~"),
    ("TokenService/UpdateToken", 1, "~"),
    ("WebhookService/CreateWebhook", 1, "+"),
    ("WebhookService/DeleteWebhook", 1, "-"),
    // Changes nothing of the webhook, and is heard outside.
    ("WebhookService/TestWebhook", 1, "="),
    ("WebhookService/UpdateWebhook", 1, "~"),
    ("WorkerService/CreateWorker", 1, "+"),
    ("WorkerService/DeleteWorker", 1, "-"),
    ("WorkerService/RescaleWorkers", 1, "~"),
    ("WorkerService/RestartWorkers", 1, "="),
    ("WorkerService/UpdateWorker", 1, "~"),
];

/// What cannot be told when the server has ended before it kept the answer: a token whose secret is lost as well, a delivery
/// among others, and whether what ran with a Worker was deployed without it.
const LOST: [&str; 4] = [
    "NodeService/CreateJoinToken",
    "SystemService/Sweep",
    "WorkerService/DeleteWorker",
    "WebhookService/TestWebhook",
];

pub(super) async fn rows(stage: &Stage) -> Vec<AuditEntry> {
    let every = AuditFilter::default();
    let found = stage
        .store
        .audit_entries_after(AuditId::new(0), &every, 10_000);
    found.await.unwrap()
}

/// How a row says that what it is about was changed.
fn shape(row: &AuditEntry) -> &'static str {
    match (&row.before, &row.after) {
        (None, None) => ".",
        (None, Some(_)) => "+",
        (Some(_), None) => "-",
        (Some(before), Some(after)) if before == after => "=",
        (Some(_), Some(_)) => "~",
    }
}

/// Makes each call four times: to be tried, to be carried out, and again under the same request id, before and after the
/// answer was lost. Counts the rows that it leaves: all with its name, and the same call.
pub(super) struct Walk<'a> {
    stage: &'a Stage,
    secret: String,
    seen: BTreeMap<String, usize>,
    asked: usize,
    /// The calls whose answer cannot be told once it is lost.
    lost: Vec<(&'static str, Status)>,
}

impl Walk<'_> {
    /// A server apart, and the copy of the database that it has.
    async fn apart(&self, later: Duration) -> (As, Arc<fake::Store>) {
        let (client, store) = self.stage.apart(&self.secret, later).await;
        let apart = As(client);
        // It is noted when a token was used.
        let known = apart.system().who_am_i(v1::WhoAmIRequest {}).await;
        known.unwrap();
        (apart, store)
    }

    /// A request id that no other call has.
    fn id(&mut self) -> String {
        self.asked += 1;
        format!("walk-{}", self.asked)
    }

    async fn took(&mut self, call: &str, before: usize) {
        let rows = rows(self.stage).await.split_off(before);
        let calls: BTreeSet<_> = rows.iter().map(|row| &row.request).collect();
        assert!(calls.len() <= 1, "{call}: {rows:?}");
        for row in &rows {
            assert_eq!(row.action, format!("jockey.v1.{call}"));
            assert_eq!((&*row.actor, row.proof), ("admin", Proof::Token));
            let (_, _, shapes) = ROWS.iter().find(|(of, ..)| *of == call).unwrap();
            assert!(shapes.contains(shape(row)), "not {shapes}: {row:?}");
        }
        let known = self.seen.entry(call.to_owned()).or_insert(rows.len());
        assert_eq!(*known, rows.len(), "{call}: {rows:?}");
    }
}

/// After this time an answer that is not there will not come.
const ANSWER_DUE: Duration = Duration::from_secs(5);

/// Whether what is answered is the beginning of what was tried: what happens to instances only a trial tells.
fn begins(tried: &Option<v1::Plan>, done: &Option<v1::Plan>) -> bool {
    let steps = |plan: &Option<v1::Plan>| plan.clone().unwrap().steps;
    steps(tried).starts_with(&steps(done))
}

fn answered<T>(call: &str, answer: Result<Response<T>, Status>) -> T {
    let answer = answer.unwrap_or_else(|status| panic!("{call}: {status:?}"));
    answer.into_inner()
}

/// Says where a picture differs from what it was.
fn differs(call: &str, was: &str, is: &str) {
    let first = was.lines().zip(is.lines()).position(|(was, is)| was != is);
    let Some(first) = first else {
        return assert_eq!(was.len(), is.len(), "{call}");
    };
    let lines: Vec<_> = is.lines().skip(first.saturating_sub(5)).take(20).collect();
    panic!("{call}, tried, changes this: {}", lines.join("\n"));
}

/// Which things an answer is about.
fn things(call: &str, answer: &impl Message) -> Vec<String> {
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let (_, rpc) = call.split_once('/').unwrap();
    let kind = pool.get_message_by_name(&format!("jockey.v1.{rpc}Response"));
    let answer = DynamicMessage::decode(kind.unwrap(), &*answer.encode_to_vec()).unwrap();
    let told = answer.fields().filter(|(field, _)| field.name() != "plan");
    let things = told.flat_map(|(_, value)| match value {
        Value::Message(thing) => vec![thing.clone()],
        Value::List(things) => things
            .iter()
            .filter_map(Value::as_message)
            .cloned()
            .collect(),
        _ => Vec::new(),
    });
    let name = |thing: &DynamicMessage| {
        let mut names = ["id", "version_id", "name", "repo"].into_iter();
        names.find_map(|name| Some(thing.get_field_by_name(name)?.as_str()?.to_owned()))
    };
    things
        .map(|thing| name(&thing).unwrap_or_default())
        .collect()
}

/// `does!(walk, client.service(), call, "Service/Call", Request { … })`, and the field of the answer that is told once.
macro_rules! does {
    ($walk:ident, $client:ident.$service:ident(), $call:ident, $name:literal,
        $request:ident { $($field:ident: $value:expr),* $(,)? } $(, once $secret:ident)?) => {{
        let mut request = v1::$request { $($field: $value,)* ..v1::$request::default() };
        request.dry_run = true;
        let (apart, copy) = $walk.apart(Duration::ZERO).await;
        let was = copy.picture();
        let tried = answered($name, apart.$service().$call(request.clone()).await);
        differs($name, &was, &copy.picture());
        request.dry_run = false;
        request.request_id = $walk.id();
        let before = rows($walk.stage).await.len();
        let answer = answered($name, $client.$service().$call(request.clone()).await);
        let again = answered($name, $client.$service().$call(request.clone()).await);
        $walk.took($name, before).await;
        let first = answer.clone();
        $(
            let mut first = first;
            first.$secret.clear();
        )?
        assert_eq!(again, first, "{}, again", $name);
        assert!(begins(&tried.plan, &answer.plan), "{}, tried: {:?}", $name, tried.plan);
        let (apart, copy) = $walk.apart(ANSWER_DUE).await;
        copy.lose_answer("admin", &request.request_id);
        match apart.$service().$call(request).await {
            Ok(recalled) => assert_eq!(things($name, recalled.get_ref()), things($name, &first)),
            Err(status) => $walk.lost.push(($name, status)),
        }
        answer
    }};
}

fn text(text: &str) -> String {
    text.to_owned()
}

mod joins;
mod later;
mod steps;

#[tokio::test(start_paused = true)]
async fn every_call_that_changes_something_can_be_tried_is_done_once_and_leaves_its_rows() {
    let stage = Stage::new().await;
    stage.commit(1);
    let secret = stage.token("admin", Role::Admin).await;
    let admin = stage.bearing(Some(secret.clone()));
    let mut walk = Walk {
        stage: &stage,
        secret,
        seen: BTreeMap::new(),
        asked: 0,
        lost: Vec::new(),
    };
    steps::stacks(&mut walk, &admin).await;
    steps::environments(&mut walk, &admin).await;
    steps::tokens(&mut walk, &admin).await;
    later::nodes(&mut walk, &admin).await;
    joins::nodes(&mut walk, &admin).await;
    steps::system(&mut walk, &admin).await;
    steps::apps(&mut walk, &admin).await;
    steps::workers(&mut walk, &admin).await;
    steps::deploys(&mut walk, &stage, &admin).await;
    later::hooks(&mut walk, &admin).await;
    later::runs(&mut walk, &admin).await;
    steps::ends(&mut walk, &stage, &admin).await;
    let want: BTreeMap<String, usize> = ROWS
        .iter()
        .map(|(call, rows, _)| (text(call), *rows))
        .collect();
    assert_eq!(walk.seen, want);
    let lost: Vec<_> = walk.lost.iter().map(|(call, _)| *call).collect();
    assert_eq!(lost, LOST, "{:?}", walk.lost);
    let all = format!("{:?}", rows(&stage).await);
    assert!(!all.contains("swordfish"), "{all}");

    // Each call that can be tried is one that changes something: none is left out above.
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let services = pool
        .services()
        .filter(|service| service.package_name() == "jockey.v1");
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let changing = methods.filter(|method| method.input().get_field_by_name("dry_run").is_some());
    let named: BTreeSet<String> = changing
        .map(|method| format!("{}/{}", method.parent_service().name(), method.name()))
        .collect();
    assert_eq!(named, want.into_keys().collect());
}

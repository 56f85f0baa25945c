//! Every call that changes something, one after the other, and what it leaves in the audit log.

use crate::stage::Stage;
use domain::{AuditEntry, AuditId, audit::Proof};
use ports::store::{Audit as _, audit::AuditFilter};
use prost_reflect::DescriptorPool;
use std::collections::{BTreeMap, BTreeSet};

/// How many rows each call of the walk below leaves.
const ROWS: &[(&str, usize)] = &[
    ("AppService/CreateApp", 1),
    ("AppService/DeleteApp", 1),
    ("AppService/UpdateApp", 1),
    // As it is; why it is not one is not known yet.
    ("AppService/UpdateAppHook", 2),
    ("BuildService/CancelBuild", 1),
    ("BuildService/CreateBuild", 1),
    ("ConfigSetService/DeleteConfigSet", 1),
    ("ConfigSetService/UpdateConfigSet", 1),
    ("DeployService/CancelDeploy", 1),
    ("DeployService/CreateDeploy", 1),
    ("DeployService/RollbackDeploy", 1),
    ("EnvironmentService/CreateEnvironment", 1),
    ("EnvironmentService/DeleteEnvironment", 1),
    ("EnvironmentService/UpdateEnvironment", 1),
    ("NodeService/CordonNode", 1),
    ("NodeService/DrainNode", 1),
    ("NodeService/UncordonNode", 1),
    ("ReconcileService/CreateReconcile", 1),
    ("RunService/StopRun", 1),
    ("StackService/CreateStack", 1),
    ("StackService/DeleteStack", 1),
    // Changes nothing: a Stack has nothing but its name, which stays.
    ("StackService/UpdateStack", 0),
    // Nothing is there to adopt.
    ("SystemService/Adopt", 0),
    ("SystemService/CollectGarbage", 1),
    ("SystemService/Sweep", 1),
    ("TokenService/CreateToken", 1),
    ("TokenService/DeleteToken", 1),
    ("TokenService/UpdateToken", 1),
    ("WebhookService/CreateWebhook", 1),
    ("WebhookService/DeleteWebhook", 1),
    ("WebhookService/TestWebhook", 1),
    ("WebhookService/UpdateWebhook", 1),
    ("WorkerService/CreateWorker", 1),
    ("WorkerService/DeleteWorker", 1),
    ("WorkerService/RescaleWorkers", 1),
    ("WorkerService/RestartWorkers", 1),
    ("WorkerService/UpdateWorker", 1),
];

pub(super) async fn rows(stage: &Stage) -> Vec<AuditEntry> {
    let every = AuditFilter::default();
    let found = stage
        .store
        .audit_entries_after(AuditId::new(0), &every, 10_000);
    found.await.unwrap()
}

/// What a row says nothing of but that it was changed.
const UNSEEN: [&str; 3] = ["other", "run", "webhook"];

/// Makes a call, and counts the rows that it leaves: all with its name, and the same call.
pub(super) struct Walk<'a> {
    stage: &'a Stage,
    seen: BTreeMap<String, usize>,
}

impl Walk<'_> {
    async fn took(&mut self, call: &str, before: usize) {
        let rows = rows(self.stage).await.split_off(before);
        let calls: BTreeSet<_> = rows.iter().map(|row| &row.request).collect();
        assert!(calls.len() <= 1, "{call}: {rows:?}");
        for row in &rows {
            assert_eq!(row.action, format!("jockey.v1.{call}"));
            assert_eq!((&*row.actor, row.proof), ("admin", Proof::Token));
            assert!(
                row.before.is_some() || row.after.is_some() || UNSEEN.contains(&&*row.kind),
                "{row:?}"
            );
        }
        let known = self.seen.entry(call.to_owned()).or_insert(rows.len());
        assert_eq!(*known, rows.len(), "{call}: {rows:?}");
    }
}

/// `does!(walk, client.call(Request { … }) as "Service/Call")`.
macro_rules! does {
    ($walk:ident, $client:expr, $call:ident, $name:literal, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let before = rows($walk.stage).await.len();
        let request = v1::$request { $($field: $value,)* ..v1::$request::default() };
        let answer = $client.$call(request).await;
        let answer = answer.unwrap_or_else(|status| panic!("{}: {status:?}", $name));
        $walk.took($name, before).await;
        answer.into_inner()
    }};
}

fn text(text: &str) -> String {
    text.to_owned()
}

mod later;
mod steps;

#[tokio::test(start_paused = true)]
async fn every_call_that_changes_something_leaves_its_rows() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    let mut walk = Walk {
        stage: &stage,
        seen: BTreeMap::new(),
    };
    steps::stacks(&mut walk, &admin).await;
    steps::environments(&mut walk, &admin).await;
    steps::tokens(&mut walk, &admin).await;
    steps::nodes(&mut walk, &admin).await;
    steps::system(&mut walk, &admin).await;
    steps::apps(&mut walk, &admin).await;
    steps::workers(&mut walk, &admin).await;
    steps::deploys(&mut walk, &stage, &admin).await;
    later::hooks(&mut walk, &admin).await;
    later::runs(&mut walk, &admin).await;
    steps::ends(&mut walk, &stage, &admin).await;
    let want: BTreeMap<String, usize> = ROWS
        .iter()
        .map(|(call, rows)| (text(call), *rows))
        .collect();
    assert_eq!(walk.seen, want);
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

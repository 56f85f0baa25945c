//! Every call of the original API that changes something, and what it leaves in the audit log.

use super::{text, walk::rows};
use crate::stage::{As, Stage};
use domain::audit::Proof;
use ports::store::{Configs as _, Environments as _, Page, Workers as _, workers::WorkerFilter};
use prost_reflect::DescriptorPool;
use proto::legacy::v1::{
    self as old, app_service_client::AppServiceClient, build_service_client::BuildServiceClient,
    config_set_service_client::ConfigSetServiceClient, deploy_service_client::DeployServiceClient,
    environment_service_client::EnvironmentServiceClient,
    reconcile_service_client::ReconcileServiceClient, worker_service_client::WorkerServiceClient,
};
use std::collections::BTreeSet;

struct Walk {
    stage: Stage,
    admin: As,
    seen: BTreeSet<String>,
}

impl Walk {
    /// Since there were so many rows, this call has left one or more, all with its name.
    async fn took(&mut self, rpc: &str, before: usize) {
        let left = rows(&self.stage).await.split_off(before);
        assert!(!left.is_empty(), "{rpc} leaves no row");
        for row in left {
            let (service, called) = row.action.split_once('/').unwrap();
            assert!(service.starts_with("jockey.legacy.v1."), "{row:?}");
            assert_eq!(called, rpc);
            assert_eq!((&*row.actor, row.proof), ("admin", Proof::Token), "{rpc}");
        }
        self.seen.insert(rpc.to_owned());
    }
}

/// `did!(walk, Service.call(Request { … }))`.
macro_rules! did {
    ($walk:ident, $client:ident.$call:ident($request:ident { $($field:ident: $value:expr),* $(,)? })) => {{
        let rpc = stringify!($request).trim_end_matches("Request");
        let before = rows(&$walk.stage).await.len();
        let mut request = old::$request::default();
        $(request.$field = $value;)*
        let answer = $client::new($walk.admin.0.clone()).$call(request).await;
        let answer = answer.unwrap_or_else(|status| panic!("{rpc}: {status:?}"));
        $walk.took(rpc, before).await;
        answer.into_inner()
    }};
}

fn shop() -> String {
    text("shop")
}

fn here() -> String {
    text("development")
}

async fn describe(walk: &mut Walk) {
    let some = |name: &str| Some(text(name));
    let values = |value: &str| [(text("PASSWORD"), text(value))].into();
    let (name, repo) = (some("shop"), some("shop/api"));
    did!(
        walk,
        AppServiceClient.create_app(CreateAppRequest {
            name: name,
            repo: repo
        })
    );
    let subscribes = Some(false);
    did!(
        walk,
        AppServiceClient.update_app(UpdateAppRequest {
            id: shop(),
            subscribe_to_github_webhook: subscribes
        })
    );
    // An App begins with a set in each Environment that there is.
    did!(
        walk,
        EnvironmentServiceClient.create_environment(CreateEnvironmentRequest { name: some("qa") })
    );
    let (qa, config) = (text("qa"), values("\"swordfish\""));
    did!(
        walk,
        ConfigSetServiceClient.create_config_set(CreateConfigSetRequest {
            app: shop(),
            environment: qa,
            config: config
        })
    );
    let sets = walk
        .stage
        .store
        .list_configs(None, Page::ALL)
        .await
        .unwrap();
    let id = sets.items.last().unwrap().id.number().to_string();
    did!(
        walk,
        ConfigSetServiceClient.update_config_set(UpdateConfigSetRequest {
            id: id,
            config: values("\"trout\"")
        })
    );
    let (qa, quality) = (text("qa"), some("quality"));
    did!(
        walk,
        EnvironmentServiceClient.update_environment(UpdateEnvironmentRequest {
            id: qa,
            name: quality
        })
    );
    let quality = text("quality");
    did!(
        walk,
        EnvironmentServiceClient.delete_environment(DeleteEnvironmentRequest { id: quality })
    );
}

async fn run(walk: &mut Walk) {
    did!(
        walk,
        BuildServiceClient.create_build(CreateBuildRequest {
            app: shop(),
            r#ref: Some(text("main"))
        })
    );
    walk.stage.run();
    let made = did!(
        walk,
        DeployServiceClient.create_deploy(CreateDeployRequest {
            app: shop(),
            environment: here(),
            rref: Some(text("main"))
        })
    );
    walk.admin
        .follow(&format!("dep-{}", made.data.unwrap().id))
        .await;
    walk.stage.halt();
    let force = true;
    did!(
        walk,
        ReconcileServiceClient.create_reconcile(CreateReconcileRequest {
            app: shop(),
            environment: here(),
            force: force
        })
    );
}

async fn work(walk: &mut Walk) {
    let store = walk.stage.store.clone();
    let environment = store.find_environment("development").await.unwrap();
    let of_it = WorkerFilter {
        environment: Some(environment.unwrap().id),
        ..WorkerFilter::default()
    };
    let found = store.list_workers(&of_it, Page::ALL).await.unwrap();
    let web = found.items[0].id.number().to_string();
    let scale = |scale: &str| Some(text(scale));
    did!(
        walk,
        WorkerServiceClient.update_worker(UpdateWorkerRequest {
            id: web.clone(),
            scale: scale("2")
        })
    );
    let name = text("web");
    did!(
        walk,
        WorkerServiceClient.rescale_worker(RescaleWorkerRequest {
            app: shop(),
            environment: here(),
            name: name,
            scale: scale("3")
        })
    );
    did!(
        walk,
        WorkerServiceClient.restart_worker(RestartWorkerRequest { id: web })
    );
    let (app, environment) = (Some(shop()), Some(here()));
    did!(
        walk,
        WorkerServiceClient.restart_workers(RestartWorkersRequest {
            app: app,
            environment: environment
        })
    );
    let (name, command) = (Some(text("clock")), Some(text("tick")));
    let made = did!(
        walk,
        WorkerServiceClient.create_worker(CreateWorkerRequest {
            app: shop(),
            environment: here(),
            name: name,
            command: command
        })
    );
    let id = made.data.unwrap().id;
    did!(
        walk,
        WorkerServiceClient.delete_worker(DeleteWorkerRequest { id: id })
    );
}

#[tokio::test(start_paused = true)]
async fn every_old_call_that_changes_something_leaves_a_row() {
    let stage = Stage::still().await;
    stage.commit(1);
    let mut walk = Walk {
        admin: stage.admin().await,
        stage,
        seen: BTreeSet::new(),
    };
    describe(&mut walk).await;
    run(&mut walk).await;
    work(&mut walk).await;
    let (walk, force) = (&mut walk, true);
    did!(
        walk,
        AppServiceClient.delete_app(DeleteAppRequest {
            id: shop(),
            force: force
        })
    );
    let told = format!("{:?}", rows(&walk.stage).await);
    assert!(
        !told.contains("swordfish") && !told.contains("trout"),
        "{told}"
    );

    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let old = pool
        .services()
        .filter(|service| service.package_name() == "jockey.legacy.v1");
    let rpcs = old.flat_map(|it| {
        it.methods()
            .map(|rpc| rpc.name().to_owned())
            .collect::<Vec<_>>()
    });
    let reads = ["Get", "List", "Preview", "Stream"];
    let changing: BTreeSet<_> = rpcs
        .filter(|rpc| !reads.iter().any(|verb| rpc.starts_with(verb)))
        // What a delivery leads to is the server's to do.
        .filter(|rpc| rpc != "ReceiveDelivery")
        .collect();
    assert_eq!(walk.seen, changing);
}

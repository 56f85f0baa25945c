//! The calls, in an order in which each can be made.

use super::{ANSWER_DUE, Walk, answered, begins, differs, rows, text, things};
use crate::stage::{As, Stage};
use proto::v1;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) async fn stacks(walk: &mut Walk<'_>, admin: &As) {
    let stack = || v1::Stack {
        name: text("gpu"),
        ..v1::Stack::default()
    };
    does!(
        walk,
        admin.stacks(),
        create_stack,
        "StackService/CreateStack",
        CreateStackRequest {
            stack: Some(stack())
        }
    );
    does!(
        walk,
        admin.stacks(),
        update_stack,
        "StackService/UpdateStack",
        UpdateStackRequest {
            stack: text("gpu"),
            values: Some(stack())
        }
    );
    does!(
        walk,
        admin.stacks(),
        delete_stack,
        "StackService/DeleteStack",
        DeleteStackRequest { stack: text("gpu") }
    );
}

pub(super) async fn environments(walk: &mut Walk<'_>, admin: &As) {
    let environment = |template: &str| v1::Environment {
        name: text("qa"),
        service_name_template: text(template),
        ..v1::Environment::default()
    };
    let qa = || text("qa");
    does!(
        walk,
        admin.environments(),
        create_environment,
        "EnvironmentService/CreateEnvironment",
        CreateEnvironmentRequest {
            environment: Some(environment(""))
        }
    );
    let values = v1::Environment {
        service_name_template: text("{app}-{worker}-x"),
        ..v1::Environment::default()
    };
    does!(
        walk,
        admin.environments(),
        update_environment,
        "EnvironmentService/UpdateEnvironment",
        UpdateEnvironmentRequest {
            environment: qa(),
            values: Some(values)
        }
    );
    does!(
        walk,
        admin.environments(),
        delete_environment,
        "EnvironmentService/DeleteEnvironment",
        DeleteEnvironmentRequest { environment: qa() }
    );
}

pub(super) async fn tokens(walk: &mut Walk<'_>, admin: &As) {
    let token = v1::Token {
        name: text("ci"),
        role: v1::Role::Viewer.into(),
        ..v1::Token::default()
    };
    does!(
        walk,
        admin.tokens(),
        create_token,
        "TokenService/CreateToken",
        CreateTokenRequest { token: Some(token) },
        once secret
    );
    let values = v1::Token {
        role: v1::Role::Deployer.into(),
        ..v1::Token::default()
    };
    does!(
        walk,
        admin.tokens(),
        update_token,
        "TokenService/UpdateToken",
        UpdateTokenRequest {
            token: text("ci"),
            values: Some(values)
        }
    );
    does!(
        walk,
        admin.tokens(),
        delete_token,
        "TokenService/DeleteToken",
        DeleteTokenRequest { token: text("ci") }
    );
}

pub(super) async fn system(walk: &mut Walk<'_>, admin: &As) {
    does!(
        walk,
        admin.system(),
        adopt,
        "SystemService/Adopt",
        AdoptRequest {}
    );
    does!(
        walk,
        admin.system(),
        sweep,
        "SystemService/Sweep",
        SweepRequest {}
    );
    does!(
        walk,
        admin.system(),
        collect_garbage,
        "SystemService/CollectGarbage",
        CollectGarbageRequest {}
    );
}

pub(super) async fn apps(walk: &mut Walk<'_>, admin: &As) {
    let (shop, here) = (|| text("shop"), || text("development"));
    let app = v1::App {
        name: shop(),
        repo: text("shop/api"),
        ..v1::App::default()
    };
    does!(
        walk,
        admin.apps(),
        create_app,
        "AppService/CreateApp",
        CreateAppRequest { app: Some(app) }
    );
    let values = v1::App {
        build_branches: vec![text("main")],
        ..v1::App::default()
    };
    does!(
        walk,
        admin.apps(),
        update_app,
        "AppService/UpdateApp",
        UpdateAppRequest {
            app: shop(),
            values: Some(values)
        }
    );
    let set = || BTreeMap::from([(text("PASSWORD"), text("swordfish"))]);
    does!(
        walk,
        admin.configs(),
        update_config_set,
        "ConfigSetService/UpdateConfigSet",
        UpdateConfigSetRequest {
            app: shop(),
            environment: here(),
            set: set()
        }
    );
    does!(
        walk,
        admin.configs(),
        delete_config_set,
        "ConfigSetService/DeleteConfigSet",
        DeleteConfigSetRequest {
            app: shop(),
            environment: here()
        }
    );
}

pub(super) async fn workers(walk: &mut Walk<'_>, admin: &As) {
    describe_worker(walk, admin).await;
    run_workers(walk, admin).await;
}

async fn describe_worker(walk: &mut Walk<'_>, admin: &As) {
    let (shop, here) = (|| text("shop"), || text("development"));
    let worker = v1::Worker {
        name: text("clock"),
        app: shop(),
        environment: here(),
        ..v1::Worker::default()
    };
    does!(
        walk,
        admin.workers(),
        create_worker,
        "WorkerService/CreateWorker",
        CreateWorkerRequest {
            worker: Some(worker)
        }
    );
    let values = v1::Worker {
        port: Some(9000),
        ..v1::Worker::default()
    };
    does!(
        walk,
        admin.workers(),
        update_worker,
        "WorkerService/UpdateWorker",
        UpdateWorkerRequest {
            worker: text("clock"),
            app: shop(),
            environment: here(),
            values: Some(values)
        }
    );
}

async fn run_workers(walk: &mut Walk<'_>, admin: &As) {
    let (shop, here) = (|| text("shop"), || text("development"));
    let scales = vec![v1::WorkerScale {
        worker: text("clock"),
        scale: 1,
    }];
    does!(
        walk,
        admin.workers(),
        rescale_workers,
        "WorkerService/RescaleWorkers",
        RescaleWorkersRequest {
            app: shop(),
            environment: here(),
            scales: scales
        }
    );
    does!(
        walk,
        admin.workers(),
        delete_worker,
        "WorkerService/DeleteWorker",
        DeleteWorkerRequest {
            worker: text("clock"),
            app: shop(),
            environment: here()
        }
    );
}

pub(super) async fn deploys(walk: &mut Walk<'_>, stage: &Stage, admin: &As) {
    let (shop, here) = (|| text("shop"), || text("development"));
    let deploy = does!(
        walk,
        admin.deploys(),
        create_deploy,
        "DeployService/CreateDeploy",
        CreateDeployRequest {
            app: shop(),
            environment: here()
        }
    );
    admin.follow(&deploy.deploy.unwrap().id).await;
    does!(
        walk,
        admin.workers(),
        restart_workers,
        "WorkerService/RestartWorkers",
        RestartWorkersRequest {
            app: shop(),
            environment: here(),
            worker: text("web")
        }
    );
    stage.commit(2);
    let deploy = does!(
        walk,
        admin.deploys(),
        create_deploy,
        "DeployService/CreateDeploy",
        CreateDeployRequest {
            app: shop(),
            environment: here()
        }
    );
    admin.follow(&deploy.deploy.unwrap().id).await;
    let back = does!(
        walk,
        admin.deploys(),
        rollback_deploy,
        "DeployService/RollbackDeploy",
        RollbackDeployRequest {
            app: shop(),
            environment: here()
        }
    );
    admin.follow(&back.deploy.unwrap().id).await;
    stage.commit(3);
    let deploy = does!(
        walk,
        admin.deploys(),
        create_deploy,
        "DeployService/CreateDeploy",
        CreateDeployRequest {
            app: shop(),
            environment: here()
        }
    );
    does!(
        walk,
        admin.deploys(),
        cancel_deploy,
        "DeployService/CancelDeploy",
        CancelDeployRequest {
            deploy: deploy.deploy.unwrap().id
        }
    );
}

pub(super) async fn ends(walk: &mut Walk<'_>, stage: &Stage, admin: &As) {
    let (shop, here) = (|| text("shop"), || text("development"));
    stage.commit(4);
    let build = does!(
        walk,
        admin.builds(),
        create_build,
        "BuildService/CreateBuild",
        CreateBuildRequest { app: shop() }
    );
    does!(
        walk,
        admin.builds(),
        cancel_build,
        "BuildService/CancelBuild",
        CancelBuildRequest {
            build: build.build.unwrap().id
        }
    );
    does!(
        walk,
        admin.reconciles(),
        create_reconcile,
        "ReconcileService/CreateReconcile",
        CreateReconcileRequest {
            environment: here()
        }
    );
    does!(
        walk,
        admin.apps(),
        delete_app,
        "AppService/DeleteApp",
        DeleteAppRequest {
            app: shop(),
            force: true
        }
    );
}

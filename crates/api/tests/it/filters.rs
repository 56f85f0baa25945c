//! What each list leaves out.

use crate::stage::{As, Stage};
use proto::v1;

/// What the entries of a list are called, in its order: of a list of this request, and no more of it than was asked for.
macro_rules! listed {
    ($client:expr, $call:ident, $request:ident { $($field:ident: $value:expr),* }, $entries:ident . $name:ident) => {{
        let request = v1::$request { $($field: $value,)* ..v1::$request::default() };
        let answer = $client.$call(request).await.unwrap().into_inner();
        let names: Vec<String> = answer.$entries.into_iter().map(|one| one.$name.to_string()).collect();
        names
    }};
}

// They use what is above.
mod pages;
mod settings;
mod states;

fn text(text: &str) -> String {
    text.to_owned()
}

async fn deploy(admin: &As, environment: &str, git_ref: &str) -> v1::Deploy {
    let request = v1::CreateDeployRequest {
        app: text("shop"),
        environment: text(environment),
        target: Some(v1::create_deploy_request::Target::Ref(text(git_ref))),
        ..v1::CreateDeployRequest::default()
    };
    let answer = admin.deploys().create_deploy(request).await.unwrap();
    let deploy = answer.into_inner().deploy.unwrap();
    let told = admin.follow(&deploy.id).await;
    told.last().unwrap().deploy.clone().unwrap()
}

/// `shop` of the Stack `api`, with one commit in `development` and another in `staging`; and `tool` of the Stack `build`,
/// which was never deployed.
struct World {
    stage: Stage,
    admin: As,
    old: v1::Deploy,
    new: v1::Deploy,
}

async fn world() -> World {
    let stage = Stage::new().await;
    let admin = stage.admin().await;
    let stack = v1::CreateStackRequest {
        stack: Some(v1::Stack {
            name: text("build"),
            ..v1::Stack::default()
        }),
        ..v1::CreateStackRequest::default()
    };
    admin.stacks().create_stack(stack).await.unwrap();
    admin.create_shop().await;
    let tool = v1::CreateAppRequest {
        app: Some(v1::App {
            name: text("tool"),
            repo: text("acme/tool"),
            stack: text("build"),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    };
    admin.apps().create_app(tool).await.unwrap();
    let first = stage.commit(1);
    let old = deploy(&admin, "development", first.as_str()).await;
    let second = stage.commit(2);
    let new = deploy(&admin, "staging", second.as_str()).await;
    assert_eq!(
        (old.state(), new.state()),
        (v1::DeployState::Deployed, v1::DeployState::Deployed)
    );
    World {
        stage,
        admin,
        old,
        new,
    }
}

#[tokio::test(start_paused = true)]
async fn apps_and_workers_are_filtered() {
    let World { admin, .. } = world().await;
    let mut apps = admin.apps();
    let all = listed!(apps, list_apps, ListAppsRequest {}, apps.name);
    assert_eq!(all, ["shop", "tool"]);
    let of_stack = listed!(
        apps,
        list_apps,
        ListAppsRequest {
            stack: text("build")
        },
        apps.name
    );
    assert_eq!(of_stack, ["tool"]);
    let of_repo = listed!(
        apps,
        list_apps,
        ListAppsRequest {
            repo: text("shop/api")
        },
        apps.name
    );
    assert_eq!(of_repo, ["shop"]);
    let both = listed!(
        apps,
        list_apps,
        ListAppsRequest {
            stack: text("build"),
            repo: text("shop/api")
        },
        apps.name
    );
    assert_eq!(both, [""; 0]);

    let mut workers = admin.workers();
    let all = listed!(
        workers,
        list_workers,
        ListWorkersRequest { app: text("shop") },
        workers.environment
    );
    assert_eq!(all, ["development", "staging"]);
    let of_place = listed!(
        workers,
        list_workers,
        ListWorkersRequest {
            environment: text("staging")
        },
        workers.environment
    );
    assert_eq!(of_place, ["staging"]);
}

#[tokio::test(start_paused = true)]
async fn builds_are_filtered() {
    let World {
        admin, old, new, ..
    } = world().await;
    let mut builds = admin.builds();
    let all = listed!(builds, list_builds, ListBuildsRequest {}, builds.commit);
    assert_eq!(all, [&*new.commit, &*old.commit]);
    let of_app = listed!(
        builds,
        list_builds,
        ListBuildsRequest { app: text("tool") },
        builds.commit
    );
    assert_eq!(of_app, [""; 0]);
    let of_commit = listed!(
        builds,
        list_builds,
        ListBuildsRequest {
            commit: old.commit.clone()
        },
        builds.commit
    );
    assert_eq!(of_commit, [&*old.commit]);
    for (state, want) in [(v1::BuildState::Completed, 2), (v1::BuildState::Failed, 0)] {
        let state: i32 = state.into();
        let found = listed!(
            builds,
            list_builds,
            ListBuildsRequest { state: state },
            builds.id
        );
        assert_eq!(found.len(), want);
    }
}

#[tokio::test(start_paused = true)]
async fn releases_are_filtered() {
    let World {
        admin, old, new, ..
    } = world().await;
    let mut releases = admin.releases();
    let of_place = listed!(
        releases,
        list_releases,
        ListReleasesRequest {
            environment: text("staging")
        },
        releases.commit
    );
    assert_eq!(of_place, [&*new.commit]);
    let of_commit = listed!(
        releases,
        list_releases,
        ListReleasesRequest {
            commit: old.commit.clone()
        },
        releases.environment
    );
    assert_eq!(of_commit, ["development"]);
    let of_app = listed!(
        releases,
        list_releases,
        ListReleasesRequest { app: text("tool") },
        releases.id
    );
    assert_eq!(of_app, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn deploys_are_filtered() {
    let World {
        admin, old, new, ..
    } = world().await;
    let mut deploys = admin.deploys();
    let all = listed!(deploys, list_deploys, ListDeploysRequest {}, deploys.id);
    assert_eq!(all, [&*new.id, &*old.id]);
    let of_place = listed!(
        deploys,
        list_deploys,
        ListDeploysRequest {
            environment: text("development")
        },
        deploys.id
    );
    assert_eq!(of_place, [&*old.id]);
    let of_app = listed!(
        deploys,
        list_deploys,
        ListDeploysRequest { app: text("tool") },
        deploys.id
    );
    assert_eq!(of_app, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn reconciles_are_filtered() {
    let World { admin, .. } = world().await;
    let reconcile = v1::CreateReconcileRequest {
        environment: text("staging"),
        app: text("shop"),
        ..v1::CreateReconcileRequest::default()
    };
    admin
        .reconciles()
        .create_reconcile(reconcile)
        .await
        .unwrap();
    let mut reconciles = admin.reconciles();
    let of_app = listed!(
        reconciles,
        list_reconciles,
        ListReconcilesRequest { app: text("shop") },
        reconciles.environment
    );
    assert_eq!(of_app, ["staging"]);
    let of_other = listed!(
        reconciles,
        list_reconciles,
        ListReconcilesRequest { app: text("tool") },
        reconciles.id
    );
    assert_eq!(of_other, [""; 0]);
    let elsewhere = listed!(
        reconciles,
        list_reconciles,
        ListReconcilesRequest {
            environment: text("development")
        },
        reconciles.id
    );
    assert_eq!(elsewhere, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn instances_are_filtered() {
    let World {
        admin, old, new, ..
    } = world().await;
    let mut instances = admin.instances();
    let all = listed!(
        instances,
        list_instances,
        ListInstancesRequest { app: text("shop") },
        instances.deploy
    );
    assert_eq!(all, [&*old.id, &*new.id]);
    let of_place = listed!(
        instances,
        list_instances,
        ListInstancesRequest {
            environment: text("staging")
        },
        instances.deploy
    );
    assert_eq!(of_place, [&*new.id]);
    let of_deploy = listed!(
        instances,
        list_instances,
        ListInstancesRequest {
            deploy: old.id.clone()
        },
        instances.environment
    );
    assert_eq!(of_deploy, ["development"]);
    for (worker, want) in [("web", 2), ("clock", 0)] {
        let found = listed!(
            instances,
            list_instances,
            ListInstancesRequest {
                worker: text(worker)
            },
            instances.id
        );
        assert_eq!(found.len(), want, "{worker}");
    }
    let there = listed!(
        instances,
        list_instances,
        ListInstancesRequest {
            node: text("node-1")
        },
        instances.id
    );
    assert_eq!(there.len(), 2);
    let unknown = v1::ListInstancesRequest {
        node: text("node-9"),
        ..v1::ListInstancesRequest::default()
    };
    let refused = instances.list_instances(unknown).await;
    assert!(refused.is_err() || refused.unwrap().into_inner().instances.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nodes_are_filtered() {
    let World { stage, admin, .. } = world().await;
    let mut nodes = admin.nodes();
    for (environment, stack) in [("development", ""), ("", "build"), ("staging", "api")] {
        let found = listed!(
            nodes,
            list_nodes,
            ListNodesRequest {
                environment: text(environment),
                stack: text(stack)
            },
            nodes.name
        );
        assert_eq!(found, ["node-1"]);
    }
    for (state, want) in [(v1::NodeState::Alive, 1), (v1::NodeState::Failed, 0)] {
        let state: i32 = state.into();
        let found = listed!(
            nodes,
            list_nodes,
            ListNodesRequest { state: state },
            nodes.name
        );
        assert_eq!(found.len(), want);
    }
    stage.node.silence();
    let silent: i32 = v1::NodeState::Silent.into();
    let found = listed!(
        nodes,
        list_nodes,
        ListNodesRequest { state: silent },
        nodes.name
    );
    assert_eq!(found, ["node-1"]);
}

//! What people read when something is wrong. Each message says what to do next.

mod rollbacks;

use crate::stage::{As, Stage, refusal};
use proto::v1;
use std::fmt::Write;

fn app(name: &str, repo: &str) -> v1::CreateAppRequest {
    v1::CreateAppRequest {
        app: Some(v1::App {
            name: name.to_owned(),
            repo: repo.to_owned(),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    }
}

fn scale(worker: &str, scale: i32) -> v1::RescaleWorkersRequest {
    v1::RescaleWorkersRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        scales: vec![v1::WorkerScale {
            worker: worker.to_owned(),
            scale,
        }],
        ..v1::RescaleWorkersRequest::default()
    }
}

fn set(key: &str, value: String) -> v1::UpdateConfigSetRequest {
    v1::UpdateConfigSetRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        set: [(key.to_owned(), value)].into(),
        ..v1::UpdateConfigSetRequest::default()
    }
}

pub(crate) fn worker(name: &str) -> v1::Worker {
    v1::Worker {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        name: name.to_owned(),
        ..v1::Worker::default()
    }
}

async fn create(client: &As, worker: v1::Worker) -> String {
    let request = v1::CreateWorkerRequest {
        worker: Some(worker),
        ..v1::CreateWorkerRequest::default()
    };
    refusal(client.workers().create_worker(request).await)
}

/// A stage with `shop` and a Worker `web`.
pub(crate) async fn shop() -> (Stage, As) {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let request = v1::CreateWorkerRequest {
        worker: Some(worker("web")),
        ..v1::CreateWorkerRequest::default()
    };
    admin.workers().create_worker(request).await.unwrap();
    (stage, admin)
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_said_with_where_to_look() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    let mut say = |text| writeln!(said, "{text}").unwrap();
    let get = v1::GetAppRequest {
        app: "nope".to_owned(),
    };
    say(refusal(admin.apps().get_app(get).await));
    let get = v1::GetEnvironmentRequest {
        environment: "nope".to_owned(),
    };
    say(refusal(admin.environments().get_environment(get).await));
    let get = v1::GetStackRequest {
        stack: "nope".to_owned(),
    };
    say(refusal(admin.stacks().get_stack(get).await));
    say(refusal(
        admin.workers().rescale_workers(scale("nope", 1)).await,
    ));
    let get = v1::GetNodeRequest {
        node: "nope".to_owned(),
    };
    say(refusal(admin.nodes().get_node(get).await));
    for deploy in ["dep-7", "app-1", ""] {
        let get = v1::GetDeployRequest {
            deploy: deploy.to_owned(),
        };
        say(refusal(admin.deploys().get_deploy(get).await));
    }
    let get = v1::GetInstanceRequest {
        instance: "ins-4h8s2k9q0xzt".to_owned(),
    };
    say(refusal(admin.instances().get_instance(get).await));
    let delete = v1::DeleteTokenRequest {
        token: "nope".to_owned(),
        ..v1::DeleteTokenRequest::default()
    };
    say(refusal(admin.tokens().delete_token(delete).await));
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_short_however_long_what_it_quotes() {
    let (_stage, admin) = shop().await;
    let get = v1::GetAppRequest {
        app: "é".repeat(50_000),
    };
    let refused = admin.apps().get_app(get).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound, "{refused}");
    assert!(refused.message().ends_with("see `jockey apps list`"));
    assert!(refused.message().len() + refused.details().len() < 4_000);
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_are_said_with_how_they_may_be() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    for (name, repo) in [
        ("", "team/x"),
        ("My App", "team/x"),
        ("42", "team/x"),
        ("a-name-that-is-much-longer-than-any-service", "team/x"),
        ("fine", ""),
        ("fine", "no-slash"),
        ("shop", "team/x"),
        ("fine", "shop/api"),
    ] {
        let answer = admin.apps().create_app(app(name, repo)).await;
        writeln!(said, "{}", refusal(answer)).unwrap();
    }
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn a_service_name_that_is_anothers_is_refused_with_whose() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    admin
        .apps()
        .create_app(app("my_app", "team/one"))
        .await
        .unwrap();
    let answer = admin.apps().create_app(app("my-app", "team/two")).await;
    writeln!(said, "{}", refusal(answer)).unwrap();
    admin
        .apps()
        .create_app(app("shop-web", "team/three"))
        .await
        .unwrap();
    let admins = v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            app: "shop-web".to_owned(),
            ..worker("admin")
        }),
        ..v1::CreateWorkerRequest::default()
    };
    admin.workers().create_worker(admins).await.unwrap();
    writeln!(said, "{}", create(&admin, worker("web-admin")).await).unwrap();
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn scales_outside_their_limits_are_refused() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    for number in [-1, 101] {
        let answer = admin.workers().rescale_workers(scale("web", number)).await;
        writeln!(said, "{}", refusal(answer)).unwrap();
    }
    let single = v1::Worker {
        singleton: true,
        scale: Some(2),
        ..worker("clock")
    };
    writeln!(said, "{}", create(&admin, single).await).unwrap();
    let mut twice = scale("web", 1);
    twice.scales.push(twice.scales[0].clone());
    let answer = admin.workers().rescale_workers(twice).await;
    writeln!(said, "{}", refusal(answer)).unwrap();
    let mut none = scale("web", 1);
    none.scales.clear();
    let answer = admin.workers().rescale_workers(none).await;
    writeln!(said, "{}", refusal(answer)).unwrap();
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn variables_that_no_process_could_get_are_refused() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    for request in [
        set("1A", "x".to_owned()),
        set("PORT", "1".to_owned()),
        set("A", "nul\0".to_owned()),
        set("A", "x".repeat(128 * 1024)),
    ] {
        let answer = admin.configs().update_config_set(request).await;
        writeln!(said, "{}", refusal(answer)).unwrap();
    }
    let mut many = set("A", String::new());
    many.set = (0..9)
        .map(|n| (format!("K{n}"), "x".repeat(120 * 1024)))
        .collect();
    let answer = admin.configs().update_config_set(many).await;
    writeln!(said, "{}", refusal(answer)).unwrap();
    let mut both = set("A", "x".to_owned());
    both.stack = "api".to_owned();
    let answer = admin.configs().update_config_set(both).await;
    writeln!(said, "{}", refusal(answer)).unwrap();
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn workers_that_could_not_run_are_refused() {
    let (_stage, admin) = shop().await;
    let http = |path: &str| v1::Check {
        kind: Some(v1::check::Kind::Http(v1::HttpCheck {
            path: path.to_owned(),
        })),
    };
    let hours = |hours: i64| prost_types::Duration {
        seconds: hours * 3600,
        nanos: 0,
    };
    let mut said = String::new();
    for worker in [
        worker("web"),
        v1::Worker {
            port: Some(70_000),
            ..worker("api")
        },
        v1::Worker {
            check: Some(http("/health")),
            ..worker("clock")
        },
        v1::Worker {
            port: Some(80),
            check: Some(http("health")),
            ..worker("api")
        },
        v1::Worker {
            resources: Some(v1::Resources {
                memory_bytes: 1024,
                cpu_millis: 0,
            }),
            ..worker("api")
        },
        v1::Worker {
            resources: Some(v1::Resources {
                memory_bytes: 5 << 40,
                cpu_millis: 0,
            }),
            ..worker("api")
        },
        v1::Worker {
            resources: Some(v1::Resources {
                memory_bytes: 0,
                cpu_millis: 2_000_000,
            }),
            ..worker("api")
        },
        v1::Worker {
            max_surge: Some(0),
            max_unavailable: Some(0),
            ..worker("api")
        },
        v1::Worker {
            drain: Some(hours(2)),
            ..worker("api")
        },
        v1::Worker {
            command: Some(v1::Command {
                kind: Some(v1::command::Kind::Shell(" ".to_owned())),
            }),
            ..worker("api")
        },
    ] {
        writeln!(said, "{}", create(&admin, worker).await).unwrap();
    }
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn deploys_that_cannot_be_are_refused_with_what_to_do() {
    let (stage, admin) = shop().await;
    let create = |target, deadline| v1::CreateDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        target,
        deadline,
        dry_run: true,
        ..v1::CreateDeployRequest::default()
    };
    let named = |name: &str| {
        let target = v1::create_deploy_request::Target::Ref(name.to_owned());
        create(Some(target), None)
    };
    let mut said = String::new();
    let mut say = |text| writeln!(said, "{text}").unwrap();
    say(refusal(admin.deploys().create_deploy(named("main")).await));
    stage.commit(1);
    say(refusal(admin.deploys().create_deploy(named("nope")).await));
    say(refusal(
        admin.deploys().create_deploy(named("HEAD~1")).await,
    ));
    let short = prost_types::Duration {
        seconds: 1,
        nanos: 0,
    };
    let too_short = create(None, Some(short));
    say(refusal(admin.deploys().create_deploy(too_short).await));
    let back = v1::RollbackDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::RollbackDeployRequest::default()
    };
    say(refusal(admin.deploys().rollback_deploy(back).await));
    let restart = v1::RestartWorkersRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::RestartWorkersRequest::default()
    };
    say(refusal(admin.workers().restart_workers(restart).await));
    insta::assert_snapshot!(said);
}

#[tokio::test(start_paused = true)]
async fn lists_and_masks_that_cannot_be_are_refused() {
    let (_stage, admin) = shop().await;
    let mut said = String::new();
    let mut say = |text| writeln!(said, "{text}").unwrap();
    let list = |page_size, page_token: &str| v1::ListAppsRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..v1::ListAppsRequest::default()
    };
    say(refusal(admin.apps().list_apps(list(1001, "")).await));
    say(refusal(admin.apps().list_apps(list(0, "bm9wZQ")).await));
    let update = v1::UpdateAppRequest {
        app: "shop".to_owned(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["id".to_owned()],
        }),
        ..v1::UpdateAppRequest::default()
    };
    say(refusal(admin.apps().update_app(update).await));
    let rename = v1::UpdateEnvironmentRequest {
        environment: "development".to_owned(),
        values: Some(v1::Environment {
            name: "7".to_owned(),
            ..v1::Environment::default()
        }),
        ..v1::UpdateEnvironmentRequest::default()
    };
    say(refusal(
        admin.environments().update_environment(rename).await,
    ));
    let delete = v1::DeleteStackRequest {
        stack: "api".to_owned(),
        ..v1::DeleteStackRequest::default()
    };
    say(refusal(admin.stacks().delete_stack(delete).await));
    insta::assert_snapshot!(said);
}

//! A dry run refuses what the call itself refuses, in the same words, and changes nothing.

use crate::stage::{Stage, refusal};
use proto::v1;

/// Asks for a dry run and then for the thing itself. Both are refused; answers how.
macro_rules! both {
    ($client:expr, $call:ident, $request:expr) => {{
        let mut request = $request;
        request.dry_run = true;
        let dry = refusal($client.$call(request.clone()).await);
        request.dry_run = false;
        let real = refusal($client.$call(request).await);
        assert_eq!(dry, real);
        real
    }};
}

/// Asks for a dry run, which is answered.
macro_rules! dry {
    ($client:expr, $call:ident, $request:expr) => {{
        let mut request = $request;
        request.dry_run = true;
        $client.$call(request).await.unwrap().into_inner()
    }};
}

fn app(name: &str) -> v1::CreateAppRequest {
    v1::CreateAppRequest {
        app: Some(v1::App {
            name: name.to_owned(),
            repo: format!("team/{name}"),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    }
}

fn worker(app: &str, name: &str) -> v1::CreateWorkerRequest {
    v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            app: app.to_owned(),
            environment: "development".to_owned(),
            name: name.to_owned(),
            ..v1::Worker::default()
        }),
        ..v1::CreateWorkerRequest::default()
    }
}

fn environment(name: &str, template: &str) -> v1::Environment {
    v1::Environment {
        name: name.to_owned(),
        service_name_template: template.to_owned(),
        ..v1::Environment::default()
    }
}

fn stack(name: &str) -> v1::CreateStackRequest {
    v1::CreateStackRequest {
        stack: Some(v1::Stack {
            name: name.to_owned(),
            ..v1::Stack::default()
        }),
        ..v1::CreateStackRequest::default()
    }
}

fn token(name: &str) -> v1::CreateTokenRequest {
    v1::CreateTokenRequest {
        token: Some(v1::Token {
            name: name.to_owned(),
            role: v1::Role::Viewer.into(),
            ..v1::Token::default()
        }),
        ..v1::CreateTokenRequest::default()
    }
}

fn rename(app: &str, name: &str) -> v1::UpdateAppRequest {
    v1::UpdateAppRequest {
        app: app.to_owned(),
        values: Some(v1::App {
            name: name.to_owned(),
            ..v1::App::default()
        }),
        ..v1::UpdateAppRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn colliding_names_are_refused_in_a_dry_run_too() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    for name in ["shop-web", "my_app", "jockey-gpu"] {
        admin.apps().create_app(app(name)).await.unwrap();
    }
    for (app, name) in [("shop-web", "admin"), ("jockey-gpu", "development")] {
        let request = worker(app, name);
        admin.workers().create_worker(request).await.unwrap();
    }
    let mut said = vec![
        both!(admin.apps(), create_app, app("my-app")),
        both!(admin.apps(), create_app, app("my_app")),
        both!(admin.stacks(), create_stack, stack("gpu")),
        both!(admin.stacks(), create_stack, stack("api")),
    ];
    admin.create_shop().await;
    said.push(both!(
        admin.workers(),
        create_worker,
        worker("shop", "web-admin")
    ));
    said.push(both!(
        admin.workers(),
        create_worker,
        worker("shop-web", "admin")
    ));
    said.push(both!(admin.apps(), update_app, rename("shop", "my-app")));
    let create = |name| v1::CreateEnvironmentRequest {
        environment: Some(environment(name, "{app}-{worker}")),
        ..v1::CreateEnvironmentRequest::default()
    };
    said.push(both!(
        admin.environments(),
        create_environment,
        create("production")
    ));
    said.push(both!(
        admin.environments(),
        create_environment,
        create("staging")
    ));
    let update = v1::UpdateEnvironmentRequest {
        environment: "staging".to_owned(),
        values: Some(environment("", "{app}-{worker}")),
        ..v1::UpdateEnvironmentRequest::default()
    };
    said.push(both!(admin.environments(), update_environment, update));
    let delete = v1::DeleteStackRequest {
        stack: "api".to_owned(),
        ..v1::DeleteStackRequest::default()
    };
    said.push(both!(admin.stacks(), delete_stack, delete));
    said.push(both!(admin.tokens(), create_token, token("admin")));
    let reason = |said: &String| said.split([' ', ':']).nth(1).unwrap().to_owned();
    let reasons: Vec<String> = said.iter().map(reason).collect();
    let (taken, exists) = ("SERVICE_NAME_TAKEN", "EXISTS");
    let wanted = [
        taken, exists, taken, exists, taken, exists, taken, taken, exists, taken, "IN_USE", exists,
    ];
    assert_eq!(reasons, wanted, "{said:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_runs_keeps_its_app_and_environment_in_a_dry_run_too() {
    let stage = Stage::new().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    stage.commit(1);
    admin.deploy_shop().await;
    let said = both!(admin.apps(), update_app, rename("shop", "store"));
    assert!(
        said.contains("`shop` keeps its name: 1 instances bear it"),
        "{said}"
    );
    let delete = v1::DeleteEnvironmentRequest {
        environment: "development".to_owned(),
        ..v1::DeleteEnvironmentRequest::default()
    };
    let said = both!(admin.environments(), delete_environment, delete);
    assert!(said.contains("is still used by 1 deploys"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_would_be_made_has_no_id_yet() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let made = dry!(admin.apps(), create_app, app("other")).app.unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("", "other"));
    let made = dry!(admin.stacks(), create_stack, stack("gpu"))
        .stack
        .unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("", "gpu"));
    let create = v1::CreateEnvironmentRequest {
        environment: Some(environment("production", "")),
        ..v1::CreateEnvironmentRequest::default()
    };
    let made = dry!(admin.environments(), create_environment, create);
    let made = made.environment.unwrap();
    assert_eq!(
        (made.id.as_str(), made.service_name_template.as_str()),
        ("", "{app}-{worker}-{environment}")
    );
    let apps = admin.apps().list_apps(v1::ListAppsRequest::default()).await;
    assert!(apps.unwrap().into_inner().apps.is_empty());
}

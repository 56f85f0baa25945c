use crate::stage::{Stage, in_time, refusal};
use proto::v1;

fn app(name: &str, request_id: &str) -> v1::CreateAppRequest {
    v1::CreateAppRequest {
        app: Some(v1::App {
            name: name.to_owned(),
            repo: format!("team/{name}"),
            ..v1::App::default()
        }),
        request_id: request_id.to_owned(),
        ..v1::CreateAppRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_gets_the_first_answer() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let first = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    let again = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_made_again_of_what_is_there_now() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let first = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    stage.store.lose_answer("admin", "k-1");
    let again = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    let again = again.into_inner();
    assert_eq!(again.app, first.into_inner().app);
    assert_eq!(again.plan, Some(v1::Plan::default()));
    let rename = v1::UpdateAppRequest {
        app: "one".to_owned(),
        values: Some(v1::App {
            name: "two".to_owned(),
            ..v1::App::default()
        }),
        ..v1::UpdateAppRequest::default()
    };
    admin.apps().update_app(rename).await.unwrap();
    // It is the first answer from now on.
    let third = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    assert_eq!(third.into_inner(), again);
}

#[tokio::test(start_paused = true)]
async fn of_what_is_gone_since_its_id_is_told() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let first = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    stage.store.lose_answer("admin", "k-1");
    let delete = v1::DeleteAppRequest {
        app: "one".to_owned(),
        ..v1::DeleteAppRequest::default()
    };
    admin.apps().delete_app(delete).await.unwrap();
    let again = admin.apps().create_app(app("one", "k-1")).await.unwrap();
    let known = v1::App {
        id: first.into_inner().app.unwrap().id,
        ..v1::App::default()
    };
    assert_eq!(again.into_inner().app, Some(known));
}

/// Somebody else may have changed it meanwhile, and it is not done twice for that.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_about_a_worker_that_is_otherwise_now_stays_lost() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let worker = |port, request_id: &str| v1::UpdateWorkerRequest {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        values: Some(v1::Worker {
            port: Some(port),
            ..v1::Worker::default()
        }),
        request_id: request_id.to_owned(),
        ..v1::UpdateWorkerRequest::default()
    };
    let create = v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            name: "web".to_owned(),
            app: "shop".to_owned(),
            environment: "development".to_owned(),
            ..v1::Worker::default()
        }),
        ..v1::CreateWorkerRequest::default()
    };
    admin.workers().create_worker(create).await.unwrap();
    for port in [9000, 9001] {
        let request = worker(port, &port.to_string());
        admin.workers().update_worker(request).await.unwrap();
        stage.store.lose_answer("admin", &port.to_string());
    }
    let again = admin
        .workers()
        .update_worker(worker(9001, "9001"))
        .await
        .unwrap();
    assert_eq!(again.into_inner().worker.unwrap().port, Some(9001));
    assert_eq!(
        refusal(admin.workers().update_worker(worker(9000, "9000")).await),
        "Aborted ANSWER_LOST: the request `9000` was carried out for wrk-1, and its answer was lost; do not repeat it: look what became of it"
    );
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_same_id_is_refused() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.apps().create_app(app("one", "k-1")).await.unwrap();
    assert_eq!(
        refusal(admin.apps().create_app(app("two", "k-1")).await),
        "AlreadyExists REQUEST_ID_REUSED: the request id `k-1` was used for another request; take a fresh id for each request, and the same one only to repeat it as it was"
    );
}

#[tokio::test(start_paused = true)]
async fn two_at_once_under_one_id_are_one() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let (mut one, mut other) = (admin.apps(), admin.apps());
    let (one, other) = tokio::join!(
        one.create_app(app("one", "k-1")),
        other.create_app(app("one", "k-1"))
    );
    assert_eq!(one.unwrap().into_inner(), other.unwrap().into_inner());
    let list = admin.apps().list_apps(v1::ListAppsRequest::default()).await;
    assert_eq!(list.unwrap().into_inner().apps.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_id_is_one_callers_own() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let secret = stage.token("other", domain::token::Role::Admin).await;
    let other = stage.bearing(Some(secret));
    admin.apps().create_app(app("one", "k-1")).await.unwrap();
    other.apps().create_app(app("two", "k-1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_uses_no_id_up() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut dry = app("one", "k-1");
    dry.dry_run = true;
    admin.apps().create_app(dry).await.unwrap();
    admin.apps().create_app(app("one", "k-1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_secret_of_a_token_is_told_once_and_kept_nowhere() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let request = v1::CreateTokenRequest {
        token: Some(v1::Token {
            name: "ci".to_owned(),
            role: v1::Role::Deployer.into(),
            ..v1::Token::default()
        }),
        request_id: "k-1".to_owned(),
        ..v1::CreateTokenRequest::default()
    };
    let first = admin.tokens().create_token(request.clone()).await.unwrap();
    let first = first.into_inner();
    assert!(first.secret.starts_with("jky_"));
    let again = admin.tokens().create_token(request).await.unwrap();
    let again = again.into_inner();
    assert_eq!((again.token, again.secret), (first.token, String::new()));
    let ci = stage.bearing(Some(first.secret));
    ci.apps()
        .list_apps(v1::ListAppsRequest::default())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_leaves_nothing_half_done() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut apps = admin.apps();
    {
        let call = apps.create_app(app("one", "k-1"));
        tokio::pin!(call);
        // Dropped as soon as it is on its way.
        let _ = futures_util::poll!(call.as_mut());
    }
    // Whether it arrived or not: the same request again ends with the one app.
    let again = async {
        loop {
            match admin.apps().create_app(app("one", "k-1")).await {
                Ok(made) => break made.into_inner().app.unwrap(),
                Err(status) => assert_eq!(status.code(), tonic::Code::Aborted),
            }
        }
    };
    let made = in_time("the end of the first call", again).await;
    assert_eq!(made.name, "one");
}

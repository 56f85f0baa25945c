use crate::stage::{Stage, refusal};
use proto::v1;

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

fn named(app: &str) -> v1::GetAppRequest {
    v1::GetAppRequest {
        app: app.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_is_found_by_its_name_and_by_its_id() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let made = admin.create_shop().await;
    assert_eq!(
        (made.stack.as_str(), made.dockerfile.as_str()),
        ("api", "Dockerfile")
    );
    for which in ["shop", &made.id] {
        let found = admin.apps().get_app(named(which)).await.unwrap();
        assert_eq!(found.into_inner().app.as_ref(), Some(&made));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut request = app("web-shop");
    request.dry_run = true;
    let answer = admin.apps().create_app(request.clone()).await.unwrap();
    let answer = answer.into_inner();
    let plan = answer.plan.unwrap();
    assert_eq!(answer.app.unwrap().id, "");
    assert_eq!(plan.summary, "1 step");
    assert_eq!(plan.steps[0].subject, "app web-shop");
    assert!(admin.apps().get_app(named("web-shop")).await.is_err());
    request.dry_run = false;
    admin.apps().create_app(request.clone()).await.unwrap();
    request.dry_run = true;
    assert_eq!(
        refusal(admin.apps().create_app(request).await),
        "AlreadyExists EXISTS: there is an app `web-shop` already; choose another one, or change that"
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_changes_what_its_mask_names_and_refuses_a_stale_reader() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let made = admin.create_shop().await;
    let request = v1::UpdateAppRequest {
        app: "shop".to_owned(),
        values: Some(v1::App {
            name: "ignored".to_owned(),
            dockerfile: "deploy/Dockerfile".to_owned(),
            ..v1::App::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["dockerfile".to_owned()],
        }),
        etag: made.etag.clone(),
        ..v1::UpdateAppRequest::default()
    };
    let changed = admin.apps().update_app(request.clone()).await.unwrap();
    let changed = changed.into_inner().app.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.dockerfile.as_str()),
        ("shop", "deploy/Dockerfile")
    );
    assert_ne!(changed.etag, made.etag);
    assert_eq!(
        refusal(admin.apps().update_app(request).await),
        "Aborted STALE_ETAG: app `shop` was changed since you read it; read it again and decide again"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_lead_through_a_list_without_gap_or_repetition() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    for name in ["one", "two", "three", "four", "five"] {
        admin.apps().create_app(app(name)).await.unwrap();
    }
    let mut names = Vec::new();
    let mut request = v1::ListAppsRequest {
        page_size: 2,
        ..v1::ListAppsRequest::default()
    };
    loop {
        let page = admin
            .apps()
            .list_apps(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert!(page.apps.len() <= 2);
        names.extend(page.apps.into_iter().map(|app| app.name));
        if page.next_page_token.is_empty() || names.len() > 5 {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, ["one", "two", "three", "four", "five"]);
}

#[tokio::test(start_paused = true)]
async fn an_app_is_deleted_with_its_name() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let request = v1::DeleteAppRequest {
        app: "shop".to_owned(),
        ..v1::DeleteAppRequest::default()
    };
    admin.apps().delete_app(request).await.unwrap();
    assert!(admin.apps().get_app(named("shop")).await.is_err());
    admin.create_shop().await;
}

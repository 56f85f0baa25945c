//! How refusals quote and name what was asked.

use crate::{
    refusals::{shop, worker},
    stage::refusal,
};
use proto::v1;

#[tokio::test(start_paused = true)]
async fn what_a_refusal_quotes_is_fit_to_be_shown() {
    let (_stage, admin) = shop().await;
    let get = v1::GetAppRequest {
        app: "a\nb\u{1b}[2J\u{202e}c".to_owned(),
    };
    let said = refusal(admin.apps().get_app(get).await);
    assert_eq!(
        said,
        "NotFound UNKNOWN_APP: there is no app `a\\nb\\u{1b}[2J\\u{202e}c`; see `jockey apps list`"
    );
    let create = v1::CreateAppRequest {
        app: Some(v1::App {
            name: "x\u{2066}".to_owned(),
            repo: "shop/x".to_owned(),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    };
    let status = admin.apps().create_app(create).await.unwrap_err();
    let details = tonic_types::StatusExt::get_error_details(&status);
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert!(
        violation.description.contains("`x\\u{2066}`"),
        "{violation:?}"
    );
    assert!(!status.message().contains('\u{2066}'), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_field_is_named_from_the_top_of_its_request() {
    let (_stage, admin) = shop().await;
    let values = v1::Worker {
        grace: Some(prost_types::Duration::default()),
        ..v1::Worker::default()
    };
    let update = v1::UpdateWorkerRequest {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        values: Some(values),
        ..v1::UpdateWorkerRequest::default()
    };
    let said = refusal(admin.workers().update_worker(update).await);
    assert!(said.contains(" [values.grace]: "), "{said}");
    let nowhere = v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            app: String::new(),
            ..worker("api")
        }),
        ..v1::CreateWorkerRequest::default()
    };
    let said = refusal(admin.workers().create_worker(nowhere).await);
    assert!(said.contains(" [worker.app]: "), "{said}");
}

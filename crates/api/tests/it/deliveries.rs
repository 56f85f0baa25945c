//! Deliveries of GitHub's webhooks, and what is kept of them.

use crate::stage::{As, Stage};
use domain::JobState;
use ports::store::{Deliveries, Jobs, Page, deliveries::Delivery};
use proto::{
    legacy::v1::{self as old, git_hub_service_client::GitHubServiceClient},
    v1,
};
use secrecy::{ExposeSecret, SecretString};
use testkit::github::{payload, signature_256};

const SECRET: &str = "chosen by hand, long ago";

async fn deliver(client: &As, event: &str, body: &str) {
    let request = old::ReceiveDeliveryRequest {
        id: "1".to_owned(),
        event: event.to_owned(),
        signature_256: signature_256(&SecretString::from(SECRET), body.as_bytes()),
        content_type: "application/json".to_owned(),
        body: body.as_bytes().to_vec(),
        ..old::ReceiveDeliveryRequest::default()
    };
    let mut github = GitHubServiceClient::new(client.0.clone());
    github.receive_delivery(request).await.unwrap();
}

async fn kept(stage: &Stage) -> Vec<Delivery> {
    stage.store.list_deliveries(Page::ALL).await.unwrap().items
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_leads_to_something_is_kept_as_it_came_with_its_job() {
    let stage = Stage::still().await;
    let commit = stage.commit(1);
    let admin = stage.admin().await;
    let app = admin.create_shop().await;
    let hook = v1::UpdateAppHookRequest {
        app: app.id,
        secret: SECRET.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    admin.apps().update_app_hook(hook).await.unwrap();
    let github = stage.bearing(None);
    let repo = "shop/api".parse().unwrap();

    deliver(&github, "ping", &payload::ping(&repo).to_string()).await;
    let tag = payload::push(&repo, "refs/tags/v1", Some(&commit)).to_string();
    deliver(&github, "push", &tag).await;
    assert_eq!(kept(&stage).await.len(), 0, "nothing follows from these");

    let push = payload::push(&repo, "refs/heads/main", Some(&commit)).to_string();
    deliver(&github, "push", &push).await;
    let all = kept(&stage).await;
    let [one] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(one.new.payload.expose_secret(), push);
    assert_eq!(
        (&*one.new.event, &*one.new.outcome),
        ("push", "the tip of main is built for shop")
    );
    assert!(!one.new.delivery.is_empty());
    let job = stage
        .store
        .find_job(one.job.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*job.kind, job.state), ("github.push", JobState::Waiting));
    assert_eq!(Some(job.subject), one.new.app.map(|app| app.to_string()));
}

//! Webhooks and callbacks: who is told what, and that it arrives whoever dies meanwhile.

use crate::stage::{Stage, change, web};
use async_trait::async_trait;
use controller::{
    Server,
    hooks::{Shown, workforce},
    usecases,
};
use domain::{AppId, DeployState, JobState, hook::HookKind, reconcile::ReconcileState};
use ports::{
    Clock,
    notifier::{Answered, Error, Message},
    store::{
        Change, Environments, Jobs, Page, Reconciles, Webhooks,
        deploys::OnConflict,
        jobs::{Job, JobFilter},
        reconciles::{self, NewReconcile},
        webhooks::{Enabled, Hook, Webhook},
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use testkit::fake::{Notifier, node::Behaviour};

/// Shows every record in one way.
struct Plain;

#[async_trait]
impl Shown for Plain {
    async fn shown(&self, subject: &str) -> Result<Option<String>, usecases::Error> {
        Ok(Some(format!("{{\"of\":\"{subject}\"}}")))
    }
}

/// A stage whose messages go to this notifier.
pub(crate) async fn stage() -> (Stage, Arc<Notifier>) {
    let mut stage = Stage::new().await;
    let notifier = Arc::new(Notifier::default());
    stage.deps.notifier = notifier.clone();
    (stage, notifier)
}

pub(crate) fn start(stage: &Stage) -> Server {
    let secret = Some(SecretString::from("callbacks"));
    let workforce = workforce(&stage.deps, Arc::new(Plain), secret);
    Server::start_with(stage.deps.clone(), workforce)
}

pub(crate) async fn webhook(stage: &Stage, app: Option<AppId>, events: &[&str]) -> Webhook {
    webhook_at(stage, "https://hooks.example/", app, events).await
}

pub(crate) async fn webhook_at(
    stage: &Stage,
    url: &str,
    app: Option<AppId>,
    events: &[&str],
) -> Webhook {
    let hook = Hook {
        app,
        kind: HookKind::Generic,
        events: events.iter().map(ToString::to_string).collect(),
        enabled: Enabled::Yes,
        url: SecretString::from(url),
        secret: Some(SecretString::from("s3cret")),
        channel: None,
        sender: None,
        fields: Default::default(),
    };
    // After what the stage begins with, and before all that happens on it.
    let change = Change {
        at: stage.clock.now() + Duration::from_millis(1),
        ..change()
    };
    stage.store.create_webhook(hook, &change).await.unwrap()
}

async fn deliveries(stage: &Stage) -> Vec<Job> {
    let filter = JobFilter::default();
    stage
        .store
        .list_jobs(&filter, Page::ALL)
        .await
        .unwrap()
        .items
}

pub(crate) fn bodies(notifier: &Notifier) -> Vec<String> {
    let sent = notifier.sent();
    sent.iter()
        .map(|message| String::from_utf8(message.body.to_vec()).unwrap())
        .collect()
}

pub(crate) async fn deployed(stage: &Stage) -> domain::DeployId {
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    deploy
}

#[tokio::test(start_paused = true)]
async fn each_webhook_is_told_what_it_asks_for() {
    let (stage, notifier) = stage().await;
    webhook(&stage, Some(stage.app), &["deploy.deployed"]).await;
    webhook(&stage, None, &["stack"]).await;
    webhook(&stage, Some(AppId::new(stage.app.number())), &["reconcile"]).await;
    let _server = start(&stage);
    deployed(&stage).await;
    stage.make_stack("other").await;
    stage
        .until("both are told", || notifier.sent().len() == 2)
        .await;
    let bodies = bodies(&notifier);
    assert!(bodies[0].contains("message=Deploy+1+for+"), "{bodies:?}");
    assert!(bodies[0].ends_with("+DEPLOYED"), "{bodies:?}");
    assert!(
        bodies[0].starts_with("color=%2300ff00&from_name=jockey+deploy"),
        "{bodies:?}"
    );
    assert!(bodies[1].contains("stack.created"), "{bodies:?}");
    let sent = notifier.sent();
    let secrets = sent
        .iter()
        .map(|message| message.secret.as_ref().unwrap().expose_secret());
    assert_eq!(secrets.collect::<Vec<_>>(), ["s3cret", "s3cret"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_is_sent_again_with_the_same_id() {
    let (stage, notifier) = stage().await;
    webhook(&stage, None, &["deploy.deployed"]).await;
    notifier.answer_with(500);
    notifier.answer(Ok(Answered {
        status: 429,
        retry_after: Some(Duration::from_secs(90)),
    }));
    notifier.answer(Err(Error::TooSlow {
        host: "hooks.example".to_owned(),
        within: Duration::from_secs(30),
    }));
    let _server = start(&stage);
    deployed(&stage).await;
    stage
        .until("it arrives", || notifier.sent().len() == 4)
        .await;
    let sent: Vec<Message> = notifier.sent();
    assert!(
        sent.iter()
            .all(|message| message.delivery == sent[0].delivery)
    );
    assert!(
        sent[2].at.since(sent[1].at) >= Duration::from_secs(90),
        "as it was asked"
    );
    assert!(sent[3].at > sent[2].at, "each is signed with its own time");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let jobs = deliveries(&stage).await;
    assert_eq!(
        (jobs.len(), jobs[0].state, jobs[0].attempts),
        (1, JobState::Done, 4)
    );
    let last = jobs[0].last_error.as_deref();
    assert_eq!(last, Some("hooks.example did not answer within 30 s"));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_called_is_given_up_at_once() {
    let (stage, notifier) = stage().await;
    webhook(&stage, None, &["deploy.deployed"]).await;
    notifier.answer(Err(Error::Forbidden {
        host: "hooks.example".to_owned(),
        what: "a loopback address".to_owned(),
    }));
    let _server = start(&stage);
    deployed(&stage).await;
    stage
        .until("it is tried", || notifier.sent().len() == 1)
        .await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let jobs = deliveries(&stage).await;
    assert_eq!((jobs[0].state, jobs[0].attempts), (JobState::Dead, 1));
    assert_eq!(notifier.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_it_is_called_back_though_the_server_dies() {
    let (stage, notifier) = stage().await;
    let url = || SecretString::from("https://bot.example/done");
    let now = stage.clock.now();
    stage
        .store
        .expect_callback("dep-1", url(), now)
        .await
        .unwrap();
    stage
        .store
        .expect_callback("dep-9", url(), now)
        .await
        .unwrap();
    let server = start(&stage);
    deployed(&stage).await;
    drop(server);
    let _server = start(&stage);
    stage
        .until("it is called", || !notifier.sent().is_empty())
        .await;
    let sent = notifier.sent();
    assert_eq!(sent[0].url.expose_secret(), "https://bot.example/done");
    assert_eq!(bodies(&notifier)[0], "{\"of\":\"dep-1\"}");
    assert_eq!(sent[0].delivery, "dep-1/1");
    assert_eq!(sent[0].content_type, "application/json");
    assert_eq!(
        sent[0].secret.as_ref().unwrap().expose_secret(),
        "callbacks"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        notifier.sent().len(),
        sent.len(),
        "once, or twice where nobody knew"
    );
    assert_eq!(deliveries(&stage).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_a_reconcile_that_comes_to_nothing_is_called_back_too() {
    let (stage, notifier) = stage().await;
    let _server = start(&stage);
    let (name, change) = ("qa".parse().unwrap(), change());
    let environment = stage.store.create_environment(name, None, &change);
    let environment = environment.await.unwrap().id;
    let new = NewReconcile {
        environment,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: reconciles::OnConflict::Ignore,
    };
    let made = stage.store.create_reconcile(new, &change).await.unwrap();
    let (url, now) = (
        SecretString::from("https://bot.example/"),
        stage.clock.now(),
    );
    let of = made.id.to_string();
    stage.store.expect_callback(&of, url, now).await.unwrap();
    // With it goes what would bring it about.
    let deleted = stage.store.delete_environment(environment, &change);
    deleted.await.unwrap();
    let found = stage.store.find_reconcile(made.id).await.unwrap().unwrap();
    assert_eq!(found.state, ReconcileState::Failed);
    stage
        .until("it is called", || !notifier.sent().is_empty())
        .await;
    assert_eq!(bodies(&notifier), [format!("{{\"of\":\"{of}\"}}")]);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_deleted_or_disabled_is_told_nothing_more() {
    let (stage, notifier) = stage().await;
    let gone = webhook(&stage, None, &["deploy.deployed"]).await;
    let quiet = webhook(&stage, None, &["deploy.deployed"]).await;
    for _ in 0..2 {
        notifier.answer_with(500);
    }
    let _server = start(&stage);
    deployed(&stage).await;
    stage
        .until("both are tried", || notifier.sent().len() == 2)
        .await;
    stage
        .store
        .delete_webhook(gone.id, &change())
        .await
        .unwrap();
    let hook = Hook {
        enabled: Enabled::No,
        ..quiet.hook
    };
    stage
        .store
        .update_webhook(quiet.id, quiet.updated_at, hook, &change())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut why: Vec<_> = deliveries(&stage)
        .await
        .into_iter()
        .map(|job| (job.state, job.last_error.unwrap_or_default()))
        .collect();
    why.sort();
    let dead = |why: &str| (JobState::Dead, why.to_owned());
    assert_eq!(
        why,
        [
            dead("the webhook is disabled"),
            dead("the webhook was deleted")
        ]
    );
    assert_eq!(notifier.sent().len(), 2);
}

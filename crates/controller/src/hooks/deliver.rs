//! Sends a webhook what it is to be told.

use super::{
    DELIVER,
    body::{FORM, Told, body},
    outcome, read, write,
};
use crate::{
    Deps,
    jobs::{Outcome, Work},
};
use async_trait::async_trait;
use domain::{Timestamp, WebhookId, hook::Notice};
use ports::{
    notifier::Message,
    store::{
        jobs::{Job, NewJob},
        webhooks::Enabled,
    },
};
use secrecy::ExposeSecret;

/// How many places of those that a server has for deliveries one webhook may take: a receiver that says nothing keeps
/// each for 30 s.
const OF_ONE: usize = 2;

/// Deliveries to webhooks.
pub struct Deliveries(pub(super) Deps);

/// The job that tells a webhook something. `of` is what makes it one of its kind: the event.
pub(crate) fn delivery(webhook: WebhookId, of: &str, notice: Notice, now: Timestamp) -> NewJob {
    NewJob {
        kind: DELIVER.to_owned(),
        key: format!("{webhook}/{of}"),
        subject: webhook.to_string(),
        payload: write(&Told::from(notice)),
        due_at: now,
        created_at: now,
    }
}

#[async_trait]
impl Work for Deliveries {
    fn kind(&self) -> &'static str {
        DELIVER
    }

    fn of_one(&self) -> Option<usize> {
        Some(OF_ONE)
    }

    async fn run(&self, job: &Job) -> Outcome {
        let dead = |why: &str| Outcome::Dead {
            why: why.to_owned(),
        };
        let id: Option<WebhookId> = job.subject.parse().ok();
        let told: Option<Told> = read(job.payload.expose_secret());
        let (Some(id), Some(told)) = (id, told) else {
            return dead("another version of the server wrote it, and it does not read back");
        };
        let webhook = match self.0.store.find_webhook(id).await {
            Ok(Some(webhook)) => webhook,
            Ok(None) => return dead("the webhook was deleted"),
            Err(error) => {
                return Outcome::Again {
                    after: None,
                    why: error.to_string(),
                };
            }
        };
        let hook = &webhook.hook;
        if hook.enabled == Enabled::No {
            return dead("the webhook is disabled");
        }
        let message = Message {
            url: hook.url.clone(),
            content_type: FORM,
            body: body(hook, &told),
            secret: hook.secret.clone(),
            delivery: job.key.clone(),
            at: self.0.clock.now(),
        };
        outcome(self.0.notifier.send(&message).await)
    }
}

//! Calls back who asked for it, once what they asked for is over.

use super::{CALL_BACK, outcome, write};
use crate::{
    Deps,
    jobs::{Outcome, Work},
    usecases,
};
use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use ports::{
    notifier::Message,
    store::{
        jobs::{Job, NewJob},
        webhooks::Callback,
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The kinds of events after which something is over.
pub(super) const ENDS: &[&str] = &[
    "build.completed",
    "build.failed",
    "build.cancelled",
    "deploy.deployed",
    "deploy.failed",
    "deploy.cancelled",
    "reconcile.completed",
    "reconcile.failed",
];

/// How the legacy API shows a record: what callbacks are sent. The words of that API are known above this floor alone.
#[async_trait]
pub trait Shown: Send + Sync {
    /// The JSON of a Build, Deploy or Reconcile, by its id as it prints. None: it is not on record any more.
    ///
    /// # Errors
    /// Those of the database.
    async fn shown(&self, subject: &str) -> Result<Option<String>, usecases::Error>;
}

/// Callbacks.
pub struct Callbacks {
    pub(super) deps: Deps,
    pub(super) shown: Arc<dyn Shown>,
    pub(super) secret: Option<SecretString>,
}

/// The job that calls somebody back.
pub(crate) fn call(callback: &Callback, now: Timestamp) -> NewJob {
    NewJob {
        kind: CALL_BACK.to_owned(),
        key: format!("{}/{}", callback.subject, callback.number),
        subject: callback.subject.clone(),
        payload: write(&callback.number),
        due_at: now,
        created_at: now,
    }
}

impl Callbacks {
    async fn call_back(&self, job: &Job) -> Result<Outcome, usecases::Error> {
        let dead = |why: &str| Outcome::Dead {
            why: why.to_owned(),
        };
        let number: Option<i64> = super::read(job.payload.expose_secret());
        let url = match number {
            Some(number) => self.deps.store.find_callback(number).await?,
            None => None,
        };
        let Some(url) = url else {
            return Ok(dead("whom to call is not on record any more"));
        };
        let Some(body) = self.shown.shown(&job.subject).await? else {
            return Ok(dead("what it was for is not on record any more"));
        };
        let message = Message {
            url,
            content_type: "application/json",
            body: Bytes::from(body),
            secret: self.secret.clone(),
            delivery: job.key.clone(),
            at: self.deps.clock.now(),
        };
        Ok(outcome(self.deps.notifier.send(&message).await))
    }
}

#[async_trait]
impl Work for Callbacks {
    fn kind(&self) -> &'static str {
        CALL_BACK
    }

    async fn run(&self, job: &Job) -> Outcome {
        self.call_back(job)
            .await
            .unwrap_or_else(|error| Outcome::Again {
                after: None,
                why: error.to_string(),
            })
    }
}

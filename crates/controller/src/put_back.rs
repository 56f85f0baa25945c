//! Puts changes of variables and of Workers back whose Deploys have failed: a job for each, so that a server that ends meanwhile leaves
//! it to another.

use crate::{
    Deps, Workforce,
    jobs::{Follow, Outcome, Work},
    usecases::{self, Ctx, configs, workers},
};
use async_trait::async_trait;
use domain::{DeployId, Event};
use ports::store::{
    self, Origin,
    jobs::{Job, NewJob},
};
use secrecy::SecretString;
use std::sync::Arc;

const KIND: &str = "config.put_back";
/// Who puts back.
const NOBODY: &str = "jockey";

/// What puts changes back.
#[must_use]
pub fn workforce(deps: &Deps) -> Workforce {
    Workforce {
        works: vec![Arc::new(PutBack(deps.clone()))],
        follows: vec![Arc::new(Failures)],
    }
}

/// Looks at every Deploy that has failed.
struct Failures;

#[async_trait]
impl Follow for Failures {
    async fn follow(&self, events: &[Event]) -> Result<Vec<NewJob>, store::Error> {
        let failed = events.iter().filter(|event| event.kind == "deploy.failed");
        let job = |event: &Event| NewJob {
            kind: KIND.to_owned(),
            key: event.subject.clone(),
            subject: event.subject.clone(),
            payload: SecretString::default(),
            due_at: event.at,
            created_at: event.at,
        };
        Ok(failed.map(job).collect())
    }
}

struct PutBack(Deps);

#[async_trait]
impl Work for PutBack {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// One after the other: of two of one set the second finds it put back.
    fn at_once(&self) -> usize {
        1
    }

    async fn run(&self, job: &Job) -> Outcome {
        let Ok(deploy) = job.subject.parse::<DeployId>() else {
            let why = format!("`{}` is no deploy", job.subject);
            return Outcome::Dead { why };
        };
        let ctx = Ctx {
            deps: self.0.clone(),
            actor: NOBODY.to_owned(),
            request: None,
            origin: Origin::Server,
        };
        let done = match configs::put_back(&ctx, deploy).await {
            Ok(()) => workers::put_back(&ctx, deploy).await,
            Err(error) => Err(error),
        };
        match done {
            // What it was about is gone.
            Ok(()) | Err(usecases::Error::Unknown { .. }) => Outcome::Done,
            Err(error) => Outcome::of(&error),
        }
    }
}

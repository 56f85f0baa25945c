//! Cancels a Deploy that is not done.

use super::{DeployView, view};
use crate::usecases::{Ctx, Done, Error, Mode, Record, Verb};
use domain::{Deploy, DeployEvent, DeployId, DeployState, deploy::Failure};
use ports::store::{self, deploys::DeployPatch};

/// How often a Deploy that moves on just then is read again. Its way has four states.
const ATTEMPTS: u32 = 4;

/// Cancels a Deploy. What ran before it stays; its own instances go.
///
/// # Errors
/// `Unknown`, `Invalid`, `DeployOver`.
pub async fn cancel(ctx: &Ctx, which: &str, mode: Mode) -> Result<Done<DeployView>, Error> {
    let mut deploy = ctx.deploy(which).await?;
    let mut attempt = 1;
    let cancelled = loop {
        if !deploy.state.is_active() {
            return Err(Error::DeployOver {
                deploy: deploy.id,
                state: deploy.state,
            });
        }
        if mode == Mode::Preview {
            break deploy;
        }
        match move_it(ctx, deploy.id, deploy.state).await {
            Err(Error::Store(store::Error::Stale { .. })) if attempt < ATTEMPTS => attempt += 1,
            moved => break moved?,
        }
        deploy = ctx.deploy(which).await?;
    };
    let view = view(ctx, cancelled).await?;
    let subject = format!("deploy {}", view.deploy.id);
    let record = Record::new(
        Verb::Cancel,
        subject,
        "its instances go, what ran before stays",
    )
    .within(&view.app, &view.environment);
    Ok(Done::recorded(view, record))
}

async fn move_it(ctx: &Ctx, id: DeployId, from: DeployState) -> Result<Deploy, Error> {
    let patch = DeployPatch {
        failure: Some(Failure {
            reason: format!("cancelled by {}", ctx.actor),
            instance: None,
            log_tail: Vec::new(),
        }),
        step: Some(String::new()),
        build: None,
    };
    let change = ctx.change(format!("cancelled {id}"));
    let moved = ctx
        .store()
        .move_deploy(id, from, DeployEvent::Cancelled, patch, None, &change);
    Ok(moved.await?)
}

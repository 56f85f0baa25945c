//! Callbacks: who asks for something may want to be called once it is over.

use super::{Ctx, Error};
use crate::hooks::call;
use domain::{BuildId, DeployId, ReconcileId, reconcile::ReconcileState};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    Build(BuildId),
    Deploy(DeployId),
    Reconcile(ReconcileId),
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(id) => id.fmt(f),
            Self::Deploy(id) => id.fmt(f),
            Self::Reconcile(id) => id.fmt(f),
        }
    }
}

/// Looks whether an address may be called, before anything is begun for it. None: nobody wants to be called.
///
/// # Errors
/// `Invalid`.
pub fn wanted(ctx: &Ctx, url: &str) -> Result<Option<SecretString>, Error> {
    if url.is_empty() {
        return Ok(None);
    }
    let callable = ctx.deps.notifier.check(url);
    callable.map_err(|error| Error::invalid("callback_url", error))?;
    Ok(Some(SecretString::from(url)))
}

/// Has those called at once who wait for what is over already, as a Build that is shared may be: no event of it will follow.
/// Whom to call was written down when it was asked for: see `Ctx::called_back`.
///
/// # Errors
/// Those of the database.
pub async fn settle(ctx: &Ctx, what: Awaited, url: Option<&SecretString>) -> Result<(), Error> {
    let Some(url) = url else {
        return Ok(());
    };
    if !is_over(ctx, what).await? {
        return Ok(());
    }
    let (store, now) = (ctx.store(), ctx.deps.clock.now());
    // The newest with this address: the others have been called, or have their own call.
    for callback in store
        .expected_callbacks(&[what.to_string()])
        .await?
        .iter()
        .rev()
    {
        let known = store.find_callback(callback.number).await?;
        if known.is_some_and(|known| known.expose_secret() == url.expose_secret()) {
            store.enqueue_job(call(callback, now)).await?;
            break;
        }
    }
    Ok(())
}

async fn is_over(ctx: &Ctx, what: Awaited) -> Result<bool, Error> {
    let store = ctx.store();
    Ok(match what {
        Awaited::Build(id) => {
            let found = store.find_build(id).await?;
            found.is_none_or(|build| build.state.is_final())
        }
        Awaited::Deploy(id) => {
            let found = store.find_deploy(id).await?;
            found.is_none_or(|deploy| !deploy.state.is_active())
        }
        Awaited::Reconcile(id) => {
            let found = store.find_reconcile(id).await?;
            found.is_none_or(|reconcile| reconcile.state != ReconcileState::InProgress)
        }
    })
}

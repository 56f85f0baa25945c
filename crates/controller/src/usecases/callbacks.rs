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

/// Has somebody called once this is over; at once if it is over already.
///
/// # Errors
/// Those of the database.
pub async fn expect(ctx: &Ctx, what: Awaited, url: Option<SecretString>) -> Result<(), Error> {
    let Some(url) = url else {
        return Ok(());
    };
    debug_assert!(!url.expose_secret().is_empty(), "nobody is no address");
    let (store, now) = (ctx.store(), ctx.deps.clock.now());
    let callback = store.expect_callback(&what.to_string(), url, now).await?;
    // It may have ended before the callback was on record: then no event will follow.
    if is_over(ctx, what).await? {
        store.enqueue_job(call(&callback, now)).await?;
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

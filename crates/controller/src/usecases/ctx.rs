//! On whose behalf a use case runs.

use crate::{deps::Deps, disk::Mode};
use ports::{
    Store,
    store::{Change, Origin, requests::RequestKey},
};
use secrecy::SecretString;
use std::sync::Arc;

/// The ports, who asks, and the key that makes the request happen at most once. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    pub deps: Deps,
    /// The name of the caller's token.
    pub actor: String,
    pub request: Option<RequestKey>,
    /// What the audit log says of the caller.
    pub origin: Origin,
}

impl Ctx {
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.deps.store
    }

    /// Where a mutation is written: in a preview it is refused or answered as it would be, and taken back.
    pub(crate) fn store_for(&self, mode: Mode) -> Arc<dyn Store> {
        match mode {
            Mode::Preview => self.deps.store.trial(),
            Mode::Run => Arc::clone(&self.deps.store),
        }
    }

    /// The same caller, who wants to be called once what they ask for is over.
    #[must_use]
    pub fn called_back(&self, at: Option<&SecretString>) -> Self {
        let mut ctx = self.clone();
        if let Some(url) = at {
            ctx.deps.store = self.deps.store.calling_back(url.clone());
        }
        ctx
    }

    /// The change that decides the request: its idempotency key is recorded with it.
    pub(crate) fn change(&self, message: impl Into<String>) -> Change {
        Change {
            request: self.request.clone(),
            ..self.further(message)
        }
    }

    /// The same caller without the key, which is recorded already.
    pub(crate) fn keyless(&self) -> Self {
        Self {
            request: None,
            ..self.clone()
        }
    }

    /// A further change of a request whose key has been recorded with the first one.
    pub(crate) fn further(&self, message: impl Into<String>) -> Change {
        Change {
            actor: self.actor.clone(),
            at: self.deps.clock.now(),
            message: message.into(),
            request: None,
            origin: self.origin.clone(),
        }
    }
}

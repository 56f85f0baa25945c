//! What registries are shown, so that they give and take images.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use secrecy::SecretString;

/// What a source of passes can answer instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Somebody has to mend it.
    #[error("no pass for the registry {registry}: {why}")]
    Wrong { registry: String, why: String },
    /// Worth a retry.
    #[error("no pass for the registry {registry} can be had now: {why}")]
    Unreachable { registry: String, why: String },
}

/// What is shown to a registry.
#[derive(Debug, Clone)]
pub enum Pass {
    /// Nothing: it lets everybody in, or nobody has said otherwise.
    None,
    Password {
        user: String,
        password: SecretString,
    },
    /// For registries that take a token of an identity instead.
    Token(SecretString),
}

/// Where passes come from. Asked for each push and pull, so that a pass may be short-lived and nothing is kept on a node.
#[async_trait]
pub trait Passes: Send + Sync {
    /// The pass for a registry, by its `host[:port]`. Never logged, never written down.
    ///
    /// # Errors
    /// `Wrong`, `Unreachable`.
    async fn pass(&self, registry: &str) -> Result<Pass, Error>;
}

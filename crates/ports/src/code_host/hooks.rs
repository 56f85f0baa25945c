//! Hooks: what a repository calls when something happens in it. One is known by the address that it calls.

use super::Error;
use crate::Effect;
use async_trait::async_trait;
use domain::RepoName;
use secrecy::SecretString;
use std::collections::BTreeSet;

/// A hook to have.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// What is called.
    pub address: String,
    /// With which deliveries are signed.
    pub secret: SecretString,
    /// The host's words for what is told: `push`, `pull_request`.
    pub events: BTreeSet<String>,
}

/// A hook as the host has it. Its secret cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub id: u64,
    pub address: String,
    pub events: BTreeSet<String>,
    pub activity: Activity,
    pub body: Body,
    /// What the last delivery was answered with; none before the first, or when there was no answer.
    pub last_answer: Option<u16>,
}

/// Whether a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    Active,
    /// Somebody has switched it off.
    Off,
}

/// How a delivery is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Json,
    /// A form with the JSON in it.
    Form,
}

/// Makes, checks and removes hooks of repositories.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// The hook that calls this address.
    ///
    /// # Errors
    /// `Forbidden` when the credential may see the repository and not its hooks, `UnknownRepo`, and what holds for every
    /// call.
    async fn find_hook(&self, repo: &RepoName, address: &str) -> Result<Option<Hook>, Error>;

    /// Makes the hook, or makes the one that calls this address so: active, JSON, with these events and this secret.
    ///
    /// # Errors
    /// `Refused` for an address or event that the host does not take, `UnknownRepo`, and what holds for every call.
    async fn ensure_hook(&self, repo: &RepoName, hook: &NewHook) -> Result<Hook, Error>;

    /// Takes away the hook that calls this address.
    ///
    /// # Errors
    /// `UnknownRepo`, `Forbidden` as with `find_hook`, and what holds for every call.
    async fn remove_hook(&self, repo: &RepoName, address: &str) -> Result<Effect, Error>;
}

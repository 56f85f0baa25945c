//! Events: what happened, who did it, when and why. Written in the transaction of what they tell.

use crate::{AppId, EnvironmentId, EventId, Timestamp};
use std::collections::BTreeMap;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Rises with each event; a cursor into the stream.
    pub id: EventId,
    pub at: Timestamp,
    /// A stable dotted word: `deploy.deployed`, `instance.started`, `app.created`.
    pub kind: String,
    /// Who did it: a token's name, or `jockey`.
    pub actor: String,
    /// What it happened to, as its id prints: `dep-42`, `ins-4h8s2k9q0xzt`.
    pub subject: String,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    /// A sentence for people. Never a secret.
    pub message: String,
    /// Facts for programs. Never a secret.
    pub facts: BTreeMap<String, String>,
}

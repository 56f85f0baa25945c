//! What Jockey talks about: entities, ids, names, state machines, config layering and naming rules.
//!
//! Pure. Nothing here does I/O, reads a clock, is async or makes a random choice, and nothing here knows
//! Docker, a database or the wire. A value of one of these types has been checked: parse at the edge, trust inside.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod access;
pub mod app;
pub mod app_hook;
pub mod audit;
pub mod build;
pub mod checks;
pub mod config;
pub mod deploy;
pub mod environment;
pub mod environment_url;
pub mod event;
pub mod git;
pub mod guard;
pub mod health;
pub mod hook;

pub mod ids;
pub mod image;
pub mod intent;
pub mod job;
pub mod manifest;
pub mod names;
pub mod node;
pub mod observed;
pub mod people;
pub mod procfile;
pub mod push;
pub mod reach;
pub mod reconcile;
pub mod release;
pub mod run;
pub mod stack;
pub mod time;
pub mod token;
pub mod units;
pub mod webhook;
pub mod worker;

pub use app::App;
pub use audit::AuditEntry;
pub use build::{Build, BuildEvent, BuildState};
pub use checks::{CheckState, Checks};
pub use deploy::{Cause, Deploy, DeployEvent, DeployState};
pub use environment::Environment;
pub use event::Event;
pub use git::{CommitSha, GitRef, RepoName};
pub use health::{Evidence, Health};
pub use ids::{
    AppId, AuditId, BuildId, ConfigSetId, ConfigVersionId, DeployId, EnvironmentId, EventId,
    InstallationId, InstanceId, JobId, ReconcileId, ReleaseId, RunId, StackId, TokenId, WebhookId,
    WorkerId,
};
pub use image::ImageRef;
pub use intent::{Intent, IntentKind, IntentState};
pub use job::{JobEvent, JobState};
pub use names::{AppName, EnvironmentName, NodeName, PortName, StackName, WorkerName};
pub use node::Node;
pub use observed::{InstanceEnd, ObservedInstance};
pub use people::{AccountId, Login, Membership, Person, TeamName};
pub use push::{BranchPattern, BranchRule, Pushes};
pub use release::Release;
pub use run::Run;
pub use stack::Stack;
pub use time::Timestamp;
pub use units::{ByteSize, CpuMillis};
pub use webhook::HostEvent;
pub use worker::{Scale, Worker, WorkerSpec};

/// An event that the state it met does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{machine} that is {from} cannot take the event {event}")]
pub struct IllegalTransition {
    /// What has states: `a deploy`, `a build`.
    pub machine: &'static str,
    /// The state it was in.
    pub from: &'static str,
    /// What happened to it.
    pub event: &'static str,
}

/// Declares an enum whose variants have one stable word each, for the store, the wire and logs.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word for this value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| $crate::UnknownWord {
                    word: text.to_owned(),
                    known: Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of those an enum knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of: {known}")]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What would have been understood.
    pub known: String,
}

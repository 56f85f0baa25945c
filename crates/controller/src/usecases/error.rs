//! What a use case can answer instead of its result.

use domain::{BuildId, BuildState, DeployId, DeployState, EventId, NodeName};
use ports::{source, store};
use std::{fmt, time::Duration};

/// What a use case can answer instead of its result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {what} `{which}`")]
    Unknown { what: Kind, which: String },
    #[error("there is no worker `{worker}` of {app} in {environment}")]
    UnknownWorker {
        worker: String,
        app: String,
        environment: String,
    },
    /// A value that cannot be. `field` is its name in the request.
    #[error("{problem}")]
    Invalid {
        field: &'static str,
        problem: String,
    },
    /// A value that cannot be, of one of a list: of `list[at]`.
    #[error("{problem}")]
    InvalidItem {
        list: &'static str,
        at: usize,
        field: &'static str,
        problem: String,
    },
    /// The caller's etag is not that of the record any more.
    #[error("{what} `{which}` was changed since you read it")]
    StaleEtag { what: Kind, which: String },
    #[error("nothing of {app} is deployed in {environment}")]
    NothingDeployed { app: String, environment: String },
    /// Nothing of it runs that a command could run inside of.
    #[error("no instance of {what} runs in {environment}")]
    NoInstance { what: String, environment: String },
    #[error("{instance} is {standing}: no command runs inside of it")]
    InstanceNotRunning {
        instance: String,
        standing: &'static str,
    },
    /// A commit whose image would be needed and is not there.
    #[error("{app} has no image of {commit}")]
    NotBuilt { app: String, commit: String },
    #[error("nothing else of {app} was ever deployed in {environment}")]
    NothingEarlier { app: String, environment: String },
    #[error("{deploy} was never current: it is {state}")]
    NeverCurrent {
        deploy: DeployId,
        state: DeployState,
    },
    #[error("{deploy} is {state} and cannot be cancelled")]
    DeployOver {
        deploy: DeployId,
        state: DeployState,
    },
    #[error("{build} is {state} and cannot be cancelled")]
    BuildOver { build: BuildId, state: BuildState },
    /// It cannot have another name yet: something bears the one that it has.
    #[error("{what} `{which}` keeps its name: {by}")]
    NameHeld {
        what: Kind,
        which: String,
        by: NameHolder,
    },
    #[error("{app} has {instances} instances")]
    HasInstances { app: String, instances: usize },
    #[error("no node can take another instance of {app} in {environment}")]
    NoPlace { app: String, environment: String },
    #[error("the installation has no stack yet")]
    NoStack,
    /// There was one of this id, or may have been: later ones are on record.
    #[error("{what} `{which}` is not on record any more")]
    Forgotten {
        what: Kind,
        which: String,
        /// How long history is kept.
        kept: Duration,
        /// How many Releases of each App in each Environment are kept besides.
        releases: u32,
    },
    /// A cursor beyond all events: of another database, or of this one before it was restored.
    #[error("there is no event {after} yet: the newest is {newest}")]
    EventAhead { after: EventId, newest: EventId },
    /// Events after a cursor are not kept any more.
    #[error(
        "what followed event {after} is not kept any more: the oldest event on record is {oldest}"
    )]
    EventsForgotten { after: EventId, oldest: EventId },
    /// It is said to be gone for good, and is not.
    #[error("node {0} answers: it is not gone")]
    NodeAnswers(NodeName),
    /// Instances run that the database does not know, and none of them can be taken over: a sentence for each Deploy.
    #[error("{}", .0.join("; "))]
    NotAdoptable(Vec<String>),
    /// A host that is not let join, or a node that is not certified.
    #[error(transparent)]
    NotVouched(#[from] NotVouched),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The world could not be looked at.
    #[error(transparent)]
    World(crate::Error),
}

/// What bears a name, or brings it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameHolder {
    /// What runs or is under way: `2 instances`.
    #[error("{0} bear it")]
    Users(String),
    /// What a commit declares, or what an App has that declares nothing.
    #[error("it is what the commit declares")]
    Commit,
}

/// Why a host is not let join, a node not certified, or its lease not prolonged.
#[derive(Debug, thiserror::Error)]
pub enum NotVouched {
    #[error("the token is none by which a node may join, or was used, or has expired")]
    Token,
    #[error("the signature is none of the key that is shown")]
    Signature,
    #[error("there is a node `{0}` already, with another key")]
    Known(NodeName),
    /// It never joined, was removed, or has another key.
    #[error("no node `{0}` has joined with this key")]
    Gone(NodeName),
    #[error("node {0} has said something later already")]
    Stale(NodeName),
    /// It cannot be prolonged any more: what ran by it may be started elsewhere.
    #[error("the lease of node {0} has run out")]
    LeaseOver(NodeName),
    #[error("no node joins here")]
    NotHere,
    #[error("no certificate can be made: {0}")]
    Unusable(String),
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Store(error) => Self::Store(error),
            error @ (crate::Error::Catalog(_)
            | crate::Error::Runtime(_)
            | crate::Error::UnknownNode(_)
            | crate::Error::BadPlan(_)) => Self::World(error),
        }
    }
}

impl Error {
    pub(crate) fn unknown(what: Kind, which: impl fmt::Display) -> Self {
        Self::Unknown {
            what,
            which: which.to_string(),
        }
    }

    /// A refusal of the store, where another name was asked for: what uses a thing bears its name.
    pub(crate) fn of_rename(error: store::Error, what: Kind) -> Self {
        if let store::Error::InUse { which, by, .. } = error {
            let by = NameHolder::Users(by);
            return Self::NameHeld { what, which, by };
        }
        error.into()
    }

    /// The same, said of one of a list, where a value of it cannot be.
    pub(crate) fn of_item(self, list: &'static str, at: usize) -> Self {
        if let Self::Invalid { field, problem } = self {
            return Self::InvalidItem {
                list,
                at,
                field,
                problem,
            };
        }
        self
    }

    pub(crate) fn invalid(field: &'static str, problem: impl fmt::Display) -> Self {
        Self::Invalid {
            field,
            problem: problem.to_string(),
        }
    }
}

/// A kind of thing that can be named and not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    App,
    AppHook,
    Environment,
    Stack,
    Worker,
    ConfigSet,
    ConfigVersion,
    Build,
    Release,
    Deploy,
    Reconcile,
    Instance,
    Node,
    JoinedNode,
    Pool,
    Token,
    Run,
    User,
    Version,
    Webhook,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::AppHook => "hook of",
            Self::Environment => "environment",
            Self::Stack => "stack",
            Self::Worker => "worker",
            Self::ConfigSet => "config set",
            Self::ConfigVersion => "config version",
            Self::Build => "build",
            Self::Release => "release",
            Self::Deploy => "deploy",
            Self::Reconcile => "reconcile",
            Self::Instance => "instance",
            Self::Node => "node",
            Self::JoinedNode => "node that has joined",
            Self::Pool => "pool",
            Self::Token => "token",
            Self::Version => "version",
            Self::User => "user",
            Self::Webhook => "webhook",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

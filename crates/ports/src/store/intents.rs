//! The ledger of intents, and how instances ended.

use super::{Error, Fence, Listed, Page};
use async_trait::async_trait;
use domain::{
    AppId, DeployId, EnvironmentId, InstanceEnd, InstanceId, Intent, IntentKind, NodeName,
    Timestamp, WorkerName, intent::IntentEvent, worker::Resources,
};

/// One line for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Sets out to do something. A second intent of the same kind for the same instance changes nothing.
    Open {
        intent: Intent,
        /// What the node has in all, where that is known: more than it is not booked.
        capacity: Resources,
    },
    /// Closes an open intent on evidence. One that is closed stays as it is.
    Close {
        instance: InstanceId,
        kind: IntentKind,
        event: IntentEvent,
        at: Timestamp,
    },
    /// The instance was seen to be gone from its node: its port and resources are free, and its intents closed.
    Gone { instance: InstanceId, at: Timestamp },
    /// Keeps how an instance ended. A second end of the same instance changes nothing.
    End(InstanceEnd),
    /// Something to tell: an event about an instance.
    Event(super::events::NewEvent),
}

/// Which ends are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndFilter {
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    pub deploy: Option<DeployId>,
    pub worker: Option<WorkerName>,
    pub instance: Option<InstanceId>,
    pub node: Option<NodeName>,
}

/// The ledger.
#[async_trait]
pub trait Intents: Send + Sync {
    /// Writes lines into the ledger, all or none, in one commit.
    ///
    /// # Errors
    /// `Fenced`, `PortTaken`, `Overbooked`: then nothing is written.
    async fn record(&self, entries: &[Entry], fence: &Fence) -> Result<(), Error>;

    /// Every intent that stands, of all Environments: those open, and starts that are done and whose instance is not
    /// known to be gone. In order of instance, starts first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn standing_intents(&self) -> Result<Vec<Intent>, Error>;

    /// How instances ended, newest first.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_ends(&self, filter: &EndFilter, page: Page)
    -> Result<Listed<InstanceEnd>, Error>;
}

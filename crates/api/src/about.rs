//! What the binary knows of itself and the controller does not.

use domain::{Timestamp, app::Builder};
use std::{future::Future, pin::Pin, sync::Arc};

/// What the binary knows of itself.
#[derive(Clone)]
pub struct About {
    /// Version of the server.
    pub version: String,
    /// Commit from which it was built. Empty when it is not known.
    pub commit: String,
    /// The name of its machine.
    pub host: String,
    pub started_at: Timestamp,
    /// Where repositories are fetched from, without credentials.
    pub git_base_url: String,
    /// What builds a commit without a Dockerfile when its App does not say.
    pub builder: Option<Builder>,
    /// Looks at the parts that the server needs.
    pub components: Components,
}

/// Looks at the parts that the server needs, such as the database and Docker.
pub type Components =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Component>> + Send>> + Send + Sync>;

/// One part that the server needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// `database`, `docker`, `disk`, `keys`.
    pub name: String,
    pub state: ComponentState,
    /// What is wrong and how to mend it; empty when nothing is.
    pub message: String,
    pub checked_at: Timestamp,
}

/// How a part that the server needs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentState {
    Ok,
    Degraded,
    Down,
}

impl About {
    /// A server of this version that looks at none of its parts.
    #[must_use]
    pub fn version(version: &str, started_at: Timestamp) -> Self {
        Self {
            version: version.to_owned(),
            commit: String::new(),
            host: String::new(),
            started_at,
            git_base_url: String::new(),
            builder: None,
            components: Arc::new(|| Box::pin(std::future::ready(Vec::new()))),
        }
    }
}

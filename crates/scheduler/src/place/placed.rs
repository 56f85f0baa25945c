//! What spoke for a node.

use std::fmt;

/// What spoke for a node when an instance was put there. `instances`: how many it had then, of whichever Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// None of the same Worker stood anywhere.
    Fewest { instances: u32 },
    /// Others of the same Worker stood elsewhere.
    Apart { instances: u32 },
    /// Every node that could take it had one of the same Worker.
    Crowded { instances: u32 },
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fewest { instances } => {
                write!(
                    f,
                    "of the nodes that could take it none had fewer instances: {instances}"
                )
            }
            Self::Apart { instances } => write!(
                f,
                "of the nodes without another of this worker none had fewer instances: {instances}"
            ),
            Self::Crowded { instances } => write!(
                f,
                "every node that could take it had one of this worker, and none fewer instances: {instances}"
            ),
        }
    }
}

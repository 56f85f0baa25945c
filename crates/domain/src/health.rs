//! Health, with how it is known.

use crate::Timestamp;
use std::fmt;

/// Whether an instance serves. *Unknown* is a legal answer, and never a reason to stop anything (rule 5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// Nothing has been seen of it yet, or not lately.
    #[default]
    Unknown,
    /// It serves.
    Healthy(Evidence),
    /// It was seen not to serve.
    Unhealthy(Evidence),
}

impl Health {
    /// Whether it was seen to serve.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy(_))
    }

    /// Whether it was seen not to serve.
    #[must_use]
    pub const fn is_unhealthy(&self) -> bool {
        matches!(self, Self::Unhealthy(_))
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy(_) => "healthy",
            Self::Unhealthy(_) => "unhealthy",
        }
    }

    /// How it is known.
    #[must_use]
    pub const fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Unknown => None,
            Self::Healthy(evidence) | Self::Unhealthy(evidence) => Some(evidence),
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a state of health is known, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was seen, for people: `GET / answered 200`, `connection refused`, `exited with code 3`.
    pub what: String,
    /// Since when it has been so.
    pub since: Timestamp,
    /// When it was last seen to be so.
    pub seen_at: Timestamp,
}

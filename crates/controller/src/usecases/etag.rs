//! Etags: whether a record is still as a caller read it.

use super::{Error, Kind};
use domain::{ConfigVersionId, Timestamp, token::Token};
use std::fmt;

/// Changes with every change of a record. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    /// The etag that a caller gave; none for an empty text.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Of a record that was last changed then. No two changes of one record are at the same time.
    #[must_use]
    pub fn changed_at(at: Timestamp) -> Self {
        Self(format!("{:x}", at.micros()))
    }

    /// Of a Config Set at this version; none: never written.
    #[must_use]
    pub fn of_version(version: Option<ConfigVersionId>) -> Self {
        Self(format!("v{:x}", version.map_or(0, ConfigVersionId::number)))
    }

    /// Of a hook, by how often it was changed.
    #[must_use]
    pub fn of_edits(edits: u32) -> Self {
        Self(format!("h{edits:x}"))
    }

    /// Of a token: its terms are all that can change.
    #[must_use]
    pub fn of_terms(token: &Token) -> Self {
        let end = token.expires_at.map_or(0, Timestamp::micros);
        Self(format!("{}.{end:x}.{}", token.role, token.name))
    }

    /// Refuses when a caller expects another one.
    pub(super) fn check(
        &self,
        expected: Option<&Self>,
        what: Kind,
        which: impl fmt::Display,
    ) -> Result<(), Error> {
        match expected {
            Some(expected) if expected != self => Err(Error::StaleEtag {
                what,
                which: which.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

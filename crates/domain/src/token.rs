//! Bearer tokens and roles.

use crate::{Timestamp, TokenId};

/// A token as it is listed. Its secret is shown once, when it is made; only a hash of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    /// For people: whose it is, what it is for. Unique among those that are not revoked.
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    /// None: it does not expire.
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// To the minute, so that reading does not become writing.
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it is taken at this time.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Role {
    /// As a sentence has it: `a viewer`, `an admin`.
    #[must_use]
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Viewer => "a viewer",
            Self::Deployer => "a deployer",
            Self::Admin => "an admin",
        }
    }
}

crate::words! {
    /// What a token may do. Ordered: each may do what those before it may.
    Role {
        /// Read everything but secrets.
        Viewer => "viewer",
        /// Also build, deploy, scale and configure.
        Deployer => "deployer",
        /// Everything.
        Admin => "admin",
    }
}

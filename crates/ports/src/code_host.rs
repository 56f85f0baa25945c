//! The host of the code, beyond what git itself can say or do: names of repositories, checks, statuses, deployments,
//! tags and hooks. All of it with the server's own credential.

#[cfg(feature = "contract")]
pub mod contract;
pub mod hooks;
pub mod reports;
pub mod repositories;

pub use hooks::Hooks;
pub use reports::Reports;
pub use repositories::Repositories;

use domain::{Login, RepoName, Timestamp};

/// All of it.
pub trait CodeHost: Repositories + Reports + Hooks {}

impl<T: Repositories + Reports + Hooks + ?Sized> CodeHost for T {}

/// What a code host can answer instead. No text holds a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not there, or not for our eyes: GitHub does not say which.
    #[error("there is no repository {repo}, or the server's GitHub credential may not see it")]
    UnknownRepo { repo: RepoName },
    /// No branch, tag or commit of that name.
    #[error("{repo} has no `{name}`")]
    UnknownRef { repo: RepoName, name: String },
    /// The App is not installed at this account, or is suspended there, and no token is configured.
    #[error("the server has no GitHub credential for `{account}`: {detail}")]
    NoCredential { account: Login, detail: String },
    /// The App's key or the token is not taken: wrong, expired, revoked.
    #[error("GitHub does not take the server's credential: {detail}")]
    BadCredential { detail: String },
    /// The credential is good and may not do this: a permission that the App was not given, an archived repository, a
    /// rule that protects the tag.
    #[error("GitHub does not let the server do this: {detail}")]
    Forbidden { detail: String },
    /// What was sent is not taken, and never will be.
    #[error("GitHub refuses what was sent: {detail}")]
    Refused { detail: String },
    /// Too much was asked or written. Worth a retry, but not before `until`.
    #[error("GitHub answers no more until {until}: its rate limit is used up")]
    RateLimited { until: Timestamp },
    /// No answer in time, an error on its side, or an answer that is none. What was sent may have had its effect. Worth
    /// a retry.
    #[error("GitHub does not answer: {detail}")]
    NotReachable { detail: String },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::NotReachable { .. } => true,
            Self::UnknownRepo { .. }
            | Self::UnknownRef { .. }
            | Self::NoCredential { .. }
            | Self::BadCredential { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// The time before which a retry is pointless, where the host has said so.
    #[must_use]
    pub const fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until } => Some(*until),
            Self::NotReachable { .. }
            | Self::UnknownRepo { .. }
            | Self::UnknownRef { .. }
            | Self::NoCredential { .. }
            | Self::BadCredential { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. } => None,
        }
    }
}

//! Who is who: people, and the organisations and teams that they are in.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use domain::{Login, Membership, Person, TeamName, Timestamp};
use secrecy::SecretString;
use std::collections::BTreeSet;

/// What the directory can answer instead. No text holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Unknown, expired or revoked. Final for this token.
    #[error("GitHub does not know the token; sign in again, or make a new one")]
    BadToken,
    /// The token is good and may not see this: single sign-on, an OAuth App that the organisation has not approved, a
    /// scope that is missing. Says nothing of whether its bearer is a member.
    #[error("GitHub does not let the token see this: {detail}")]
    Forbidden { detail: String },
    /// The server has no credential of its own that reaches this: no App is installed there, and no token is
    /// configured.
    #[error("the server has no GitHub credential for `{account}`; install its App there")]
    NoCredential { account: Login },
    /// Too much was asked. Worth a retry, but not before `until`.
    #[error("GitHub answers no more until {until}: its rate limit is used up")]
    RateLimited { until: Timestamp },
    /// No answer in time, an error on its side, or an answer that is none. Worth a retry.
    #[error("GitHub does not answer: {detail}")]
    NotReachable { detail: String },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything. It says nothing of the person: who
    /// was confirmed lately may be given grace.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::NotReachable { .. } => true,
            Self::BadToken | Self::Forbidden { .. } | Self::NoCredential { .. } => false,
        }
    }
}

/// Who bears a token, and what they are in. Asks each time: who calls keeps the answers.
///
/// The first three ask with the person's own token. The last two ask with the server's credential, for a person whose
/// token is not at hand any more; they need an App that may read an organisation's members, or a token of somebody in
/// it.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Who bears this token. Any token of a person's: classic, fine-grained, of an OAuth App or a GitHub App.
    ///
    /// # Errors
    /// `BadToken`, `Forbidden` when it is not a person's, `RateLimited`, `NotReachable`.
    async fn identify(&self, token: &SecretString) -> Result<Person, Error>;

    /// How the token's bearer stands to an organisation. One that is not there is one that nobody is in.
    ///
    /// # Errors
    /// `BadToken`, `Forbidden`, `RateLimited`, `NotReachable`.
    async fn membership(
        &self,
        token: &SecretString,
        organisation: &Login,
    ) -> Result<Membership, Error>;

    /// The teams that the token's bearer is in, of these organisations: all of them, however many pages they fill.
    ///
    /// # Errors
    /// `BadToken`, `Forbidden`, `RateLimited`, `NotReachable`.
    async fn teams(
        &self,
        token: &SecretString,
        organisations: &BTreeSet<Login>,
    ) -> Result<BTreeSet<TeamName>, Error>;

    /// How a person stands to an organisation. Somebody else who has taken their login since is not them.
    ///
    /// # Errors
    /// `NoCredential`, `Forbidden`, `RateLimited`, `NotReachable`.
    async fn membership_of(
        &self,
        person: &Person,
        organisation: &Login,
    ) -> Result<Membership, Error>;

    /// How a person stands to a team, or to a team below it. As with `membership_of`, it is the account that counts.
    ///
    /// # Errors
    /// `NoCredential`, `Forbidden`, `RateLimited`, `NotReachable`.
    async fn team_membership_of(
        &self,
        person: &Person,
        team: &TeamName,
    ) -> Result<Membership, Error>;
}

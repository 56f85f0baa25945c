//! Tokens with which repositories are fetched.

#[cfg(feature = "contract")]
pub mod contract;

use super::Error;
use async_trait::async_trait;
use domain::RepoName;
use secrecy::SecretString;

/// Where the token comes from with which a repository is fetched. Asked before each call to the host, so that a token
/// may be short-lived.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// A token with which the repository may be read; none when it is public. Never logged, never written down.
    ///
    /// # Errors
    /// `Denied` where there is none to be had, `Unreachable` where none can be had now.
    async fn token(&self, repo: &RepoName) -> Result<Option<SecretString>, Error>;
}

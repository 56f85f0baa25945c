use async_trait::async_trait;
use domain::RepoName;
use secrecy::SecretString;

/// Where the token for a repository comes from. Asked before each call to the host, so that a token may be short-lived.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// A token with which the repository may be read; none when it is public. Never logged.
    async fn token(&self, repo: &RepoName) -> Option<SecretString>;
}

/// No token for any repository: for public ones, and for `file://`.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn token(&self, _repo: &RepoName) -> Option<SecretString> {
        None
    }
}

/// One token for every repository.
#[derive(Debug, Clone)]
pub struct OneToken(pub SecretString);

#[async_trait]
impl Credentials for OneToken {
    async fn token(&self, _repo: &RepoName) -> Option<SecretString> {
        Some(self.0.clone())
    }
}

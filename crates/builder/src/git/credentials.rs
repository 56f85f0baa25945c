use async_trait::async_trait;
use domain::RepoName;
use ports::source::{Credentials, Error};
use secrecy::SecretString;

/// No token for any repository: for public ones, and for `file://`.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn token(&self, _repo: &RepoName) -> Result<Option<SecretString>, Error> {
        Ok(None)
    }
}

/// One token for every repository.
#[derive(Debug, Clone)]
pub struct OneToken(pub SecretString);

#[async_trait]
impl Credentials for OneToken {
    async fn token(&self, _repo: &RepoName) -> Result<Option<SecretString>, Error> {
        Ok(Some(self.0.clone()))
    }
}

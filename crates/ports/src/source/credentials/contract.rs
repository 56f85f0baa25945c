//! What every `Credentials` does, stated as tests for each of them: nothing that is simulated asks for one.

use super::Credentials;
use domain::RepoName;
use secrecy::ExposeSecret;

/// Credentials to test, and what they have.
pub struct Ground<'a> {
    pub credentials: &'a dyn Credentials,
    /// Repositories, each with the beginning of its token.
    pub with: Vec<(RepoName, &'a str)>,
    /// Repositories that have none.
    pub without: Vec<RepoName>,
}

/// Each repository has its token whenever it is asked for, and none is one that can be seen by accident.
///
/// # Panics
/// When the credentials are others.
pub async fn contract(ground: &Ground<'_>) {
    let token = async |repo: &RepoName| {
        let token = ground.credentials.token(repo).await;
        token.expect("an answer")
    };
    for _ in ["asked for", "asked for again"] {
        for (repo, beginning) in &ground.with {
            let found = token(repo).await.expect("a token");
            let text = found.expose_secret();
            assert!(text.starts_with(beginning), "{repo} has another's");
            assert!(!format!("{found:?}").contains(text), "{repo} tells it");
        }
        for repo in &ground.without {
            assert!(token(repo).await.is_none(), "{repo} has a token");
        }
    }
}

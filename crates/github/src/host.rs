//! The host of the code, by GitHub's API, with the server's own credential.

mod checks;
mod hooks;
mod reports;
mod repositories;

use crate::{
    GitHub,
    api::{Answer, Call, Route},
    credential::NoToken,
    fault::Fault,
};
use async_trait::async_trait;
use domain::{Login, RepoName};
use http::StatusCode;
use ports::{
    code_host::{Error, Repositories as _},
    source::{self, Credentials},
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

/// The account that a repository belongs to.
fn owner(repo: &RepoName) -> Result<Login, Error> {
    let (owner, _) = repo.as_str().split_once('/').unwrap_or_default();
    // A name that no account has is that of no repository.
    owner
        .parse()
        .map_err(|_| Error::UnknownRepo { repo: repo.clone() })
}

/// A route below a repository.
fn route(repo: &RepoName, rest: &[&str]) -> Route {
    let mut segments = vec!["repos", repo.as_str()];
    segments.extend(rest);
    Route::new(&segments)
}

/// What a call to a repository ended with: a fault that it is worth looking at, or an error that is final.
enum Ended {
    Fault(Fault),
    Error(Error),
}

impl GitHub {
    /// Makes a call for a repository.
    async fn of_repo(&self, repo: &RepoName, call: &Call) -> Result<Answer, Ended> {
        let account = owner(repo).map_err(Ended::Error)?;
        let answer = self.as_server(&account, call).await;
        answer.map_err(|none| Ended::of(none, account))
    }

    /// The same, where every fault is final.
    async fn ask(&self, repo: &RepoName, call: &Call) -> Result<Answer, Error> {
        let asked = self.of_repo(repo, call).await;
        asked.map_err(|ended| ended.at(repo))
    }

    /// The same, where 404 is about what is in the repository, unless the repository is not there either. Of an empty one
    /// GitHub says 409 instead.
    async fn find(&self, repo: &RepoName, call: &Call) -> Result<Option<Answer>, Error> {
        match self.of_repo(repo, call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Ended::Fault(fault))
                if fault.is(StatusCode::NOT_FOUND) || fault.is(StatusCode::CONFLICT) =>
            {
                self.repository(repo).await?;
                Ok(None)
            }
            Err(ended) => Err(ended.at(repo)),
        }
    }

    /// What a 404 says of something that every repository has: that the repository is not there, or that a token of a
    /// person's may not do this in it.
    async fn unseen(&self, repo: &RepoName) -> Error {
        match self.repository(repo).await {
            Ok(_) => Error::Forbidden {
                detail: format!("its credential may read {repo} and do no more there"),
            },
            Err(error) => error,
        }
    }

    /// Every page of a list of a repository's.
    async fn list<T: DeserializeOwned>(
        &self,
        repo: &RepoName,
        list: Route,
    ) -> Result<Vec<T>, Error> {
        let account = owner(repo)?;
        let pages = self.pages_as_server(&account, list).await;
        pages.map_err(|none| Ended::of(none, account).at(repo))
    }
}

impl Ended {
    fn of(none: NoToken, account: Login) -> Self {
        match none {
            NoToken::Fault(fault) => Self::Fault(fault),
            NoToken::None(detail) => Self::Error(Error::NoCredential { account, detail }),
            NoToken::BadApp(detail) => Self::Error(Error::BadCredential { detail }),
        }
    }

    fn at(self, repo: &RepoName) -> Error {
        match self {
            Self::Fault(fault) => fault.at_host(repo),
            Self::Error(error) => error,
        }
    }
}

/// What an answer holds, in the words of the host.
fn read<T: DeserializeOwned>(answer: &Answer, repo: &RepoName) -> Result<T, Error> {
    answer.json().map_err(|fault| fault.at_host(repo))
}

#[async_trait]
impl Credentials for GitHub {
    async fn token(&self, repo: &RepoName) -> Result<Option<SecretString>, source::Error> {
        let (repo, denied) = (repo.clone(), |repo, detail| source::Error::Denied {
            repo,
            detail,
        });
        let Ok(account) = owner(&repo) else {
            return Err(denied(repo, "no account has such a name".to_owned()));
        };
        match self.own.token(&self.api, &account).await {
            Ok(token) => Ok(Some(token)),
            // Public repositories need none, and git says so of the others.
            Err(NoToken::None(_)) => Ok(None),
            Err(NoToken::BadApp(detail)) => Err(denied(repo, detail)),
            Err(NoToken::Fault(Fault::Refused(refusal))) => Err(denied(repo, refusal.to_string())),
            Err(NoToken::Fault(Fault::Silent(detail))) => {
                Err(source::Error::Unreachable { repo, detail })
            }
            Err(NoToken::Fault(Fault::Limited(until))) => Err(source::Error::Unreachable {
                repo,
                detail: format!("GitHub's rate limit is used up until {until}"),
            }),
        }
    }
}

//! Repositories through the `git` command.
//!
//! Each has a bare copy below one directory, into which commits are fetched without history where the host allows
//! that. Git knows neither this user nor this machine; it speaks to the host by one protocol alone, and gets a token
//! on a descriptor of its own, so that no argument list, environment or file holds one.

mod archive;
mod base_url;
mod child;
mod copies;
mod credentials;
mod failure;
mod fetching;
mod mirror;
mod objects;
mod refs;

use std::{collections::BTreeSet, io, path::PathBuf, str, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::stream::BoxStream;
use ports::{
    Effect, Source,
    source::{Credentials, Error},
};

pub use base_url::{BadBaseUrl, BaseUrl};
pub use credentials::{Anonymous, OneToken};

use child::{Broken, Ended, Run};
use failure::{Failure, local, meaning, of_broken, of_host, output, unknown};
use mirror::{Mirrors, kept};
use objects::{Found, answer, is_tree_path, question};
use refs::{Refs, full_names, is_short_sha};

/// How long a host may take to list its refs. The largest known repositories take some seconds.
const LIST_WITHIN: Duration = Duration::from_secs(60);
/// How long git may take to look something up in the copy.
const LOCAL_WITHIN: Duration = Duration::from_secs(60);
/// A path that no tree has.
const NO_PATH: &str = "..";

/// Repositories of one host, with the copies of them that are kept here.
pub struct GitSource {
    base: BaseUrl,
    credentials: Arc<dyn Credentials>,
    mirrors: Mirrors,
}

impl GitSource {
    /// The repositories below `base`, copied into `<state>/mirrors/<owner>/<name>.git`.
    #[must_use]
    pub fn new(base: BaseUrl, credentials: Arc<dyn Credentials>, state: PathBuf) -> Self {
        // Git runs in a directory of its own, where a relative path would mean another place.
        let state = std::path::absolute(&state).unwrap_or(state);
        let mirrors = Mirrors::new(state.join("mirrors"));
        Self {
            base,
            credentials,
            mirrors,
        }
    }

    /// Git, allowed to speak to the host of a repository.
    async fn reaching(&self, repo: &RepoName, run: Run) -> Result<Run, Error> {
        let protocol = self.base.protocol();
        let token = if protocol.wants_token() {
            self.credentials.token(repo).await?
        } else {
            None
        };
        Ok(run.reaching(protocol, token))
    }

    fn on_mirror(&self, repo: &RepoName) -> Run {
        Run::on(self.mirrors.root(), &self.mirrors.path(repo))
    }

    /// The refs of the host that fit a name; all of them when it may be the beginning of a commit's id.
    async fn list(&self, repo: &RepoName, git_ref: &GitRef) -> Result<Refs, Error> {
        self.make_root(repo)?;
        let mut arguments = vec!["ls-remote".to_owned(), "-q".to_owned(), "--".to_owned()];
        arguments.push(self.base.of(repo));
        if !is_short_sha(git_ref) {
            for name in full_names(git_ref) {
                arguments.extend([name.clone(), format!("{name}^{{}}")]);
            }
        }
        let run = self.reaching(repo, Run::new(self.mirrors.root())).await?;
        let ended = run.args(arguments).finish(LIST_WITHIN).await;
        let listing = of_listing(repo, git_ref, ended)?;
        Ok(Refs::parse(&String::from_utf8_lossy(&listing)))
    }

    fn make_root(&self, repo: &RepoName) -> Result<(), Error> {
        std::fs::create_dir_all(self.mirrors.root()).map_err(|error| local(repo, error))
    }

    /// The commit in the copy that a ref or the beginning of an id names.
    async fn named(&self, repo: &RepoName, name: &str) -> Result<Option<CommitSha>, Error> {
        if !mirror::is_usable(&self.mirrors.path(repo)) {
            return Ok(None);
        }
        let name = format!("{name}^{{commit}}");
        let run = self
            .on_mirror(repo)
            .args(["rev-parse", "--verify", "--quiet", &name]);
        let ended = run.finish(LOCAL_WITHIN).await;
        let ended = ended.map_err(|broken| local(repo, broken))?;
        let found = str::from_utf8(&ended.stdout).ok();
        Ok(found.and_then(|sha| sha.trim().parse().ok()))
    }

    /// Whether a commit is here, with all that is below it.
    async fn has(&self, repo: &RepoName, commit: &CommitSha) -> Result<bool, Error> {
        Ok(self.named(repo, &kept(commit)).await?.as_ref() == Some(commit))
    }
}

/// What a listing printed, where it went well.
fn of_listing(
    repo: &RepoName,
    git_ref: &GitRef,
    ended: Result<Ended, Broken>,
) -> Result<Vec<u8>, Error> {
    let ended = ended.map_err(|broken| of_broken(repo, &broken))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    // Nothing of ours takes part in a listing.
    let failure = match meaning(&ended.stderr) {
        Failure::Local => Failure::Denied,
        other => other,
    };
    Err(of_host(repo, git_ref.as_str(), failure, &ended.stderr))
}

#[async_trait]
impl Source for GitSource {
    async fn resolve(&self, repo: &RepoName, git_ref: &GitRef) -> Result<CommitSha, Error> {
        if let Some(commit) = git_ref.as_commit() {
            // Only a fetch tells whether the host has it, and the build needs it anyway.
            self.fetch(repo, &commit).await?;
            return Ok(commit);
        }
        let refs = self.list(repo, git_ref).await?;
        if let Some(commit) = refs.find(git_ref) {
            return Ok(commit);
        }
        if !is_short_sha(git_ref) {
            return Err(unknown(repo, git_ref));
        }
        let digits = git_ref.as_str();
        let found = match refs.beginning(digits) {
            Some(commit) => Some(commit),
            None => self.named(repo, digits).await?,
        };
        let found = match found {
            Some(commit) => Some(commit),
            None => {
                self.bring_history(repo).await?;
                self.named(repo, digits).await?
            }
        };
        found.ok_or_else(|| unknown(repo, git_ref))
    }

    async fn fetch(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error> {
        if self.has(repo, commit).await? {
            return Ok(());
        }
        self.bring(repo, commit).await
    }

    async fn file(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        path: &str,
    ) -> Result<Option<Bytes>, Error> {
        let absent = || local(repo, format_args!("{commit} was not fetched"));
        if !mirror::is_usable(&self.mirrors.path(repo)) {
            return Err(absent());
        }
        // What no tree can have is not asked for, but its commit is.
        let path = if is_tree_path(path) { path } else { NO_PATH };
        let run = self
            .on_mirror(repo)
            .args(["cat-file", "--batch", "--follow-symlinks"])
            .input(question(commit, path));
        let printed = output(repo, run.finish(LOCAL_WITHIN).await);
        let printed = printed.inspect_err(|_| mirror::suspect(&self.mirrors.path(repo)))?;
        match answer(printed) {
            Found::File(content) => Ok(Some(content)),
            Found::NoFile => Ok(None),
            Found::NoCommit => Err(absent()),
        }
    }

    async fn archive(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, Error> {
        if !self.has(repo, commit).await? {
            return Err(local(repo, format_args!("{commit} was not fetched")));
        }
        let tree = format!("{commit}^{{tree}}");
        let run =
            self.on_mirror(repo)
                .set("tar.umask=0022")
                .args(["archive", "--format=tar", &tree]);
        archive::stream(run, self.mirrors.path(repo))
            .await
            .map_err(|error| local(repo, error))
    }

    async fn copies(&self) -> io::Result<BTreeSet<RepoName>> {
        self.list_copies()
    }

    async fn forget(&self, repo: &RepoName) -> Result<Effect, Error> {
        self.forget_copy(repo).await
    }
}

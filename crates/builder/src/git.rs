//! Repositories through the `git` command.
//!
//! Each has a bare copy below one directory, into which commits are fetched without history where the host allows
//! that. Git knows neither this user nor this machine; it speaks to the host by one protocol alone, and gets a token
//! on a descriptor of its own, so that no argument list, environment or file holds one.

mod archive;
mod base_url;
mod child;
mod credentials;
mod failure;
mod mirror;
mod refs;

use std::{path::PathBuf, str, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::stream::BoxStream;
use ports::{Source, source::Error};
use tokio::time::timeout;

pub use base_url::{BadBaseUrl, BaseUrl};
pub use credentials::{Anonymous, Credentials, OneToken};

use child::{Broken, Ended, Run};
use failure::{Failure, local, meaning, of_broken, of_host, output, telling_line};
use mirror::{Held, Mirrors, kept};
use refs::{Refs, full_names, is_short_sha};

/// How long a host may take to list its refs. The largest known repositories take some seconds.
const LIST_WITHIN: Duration = Duration::from_secs(60);
/// How long a fetch may take, waiting for its turn included. A build has a deadline of its own besides.
const FETCH_WITHIN: Duration = Duration::from_secs(30 * 60);
/// How long git may take to look something up in the copy.
const LOCAL_WITHIN: Duration = Duration::from_secs(60);
/// Of a file, this much is read.
const FILE_MAX: usize = 1 << 20;

/// Repositories of one host, with the copies of them that are kept here.
pub struct GitSource {
    base: BaseUrl,
    credentials: Arc<dyn Credentials>,
    mirrors: Mirrors,
}

/// A fetch that did not go well.
struct Refusal {
    failure: Failure,
    error: Error,
}

impl GitSource {
    /// The repositories below `base`, copied into `<state>/mirrors/<owner>/<name>.git`.
    #[must_use]
    pub fn new(base: BaseUrl, credentials: Arc<dyn Credentials>, state: PathBuf) -> Self {
        let mirrors = Mirrors::new(state.join("mirrors"));
        Self {
            base,
            credentials,
            mirrors,
        }
    }

    /// Git, allowed to speak to the host of a repository.
    async fn reaching(&self, repo: &RepoName, run: Run) -> Run {
        let protocol = self.base.protocol();
        let token = if protocol.wants_token() {
            self.credentials.token(repo).await
        } else {
            None
        };
        run.reaching(protocol, token)
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
        let run = self.reaching(repo, Run::new(self.mirrors.root())).await;
        let ended = run.args(arguments).finish(LIST_WITHIN).await;
        let listing = of_listing(repo, git_ref, ended)?;
        Ok(Refs::parse(&String::from_utf8_lossy(&listing)))
    }

    fn make_root(&self, repo: &RepoName) -> Result<(), Error> {
        std::fs::create_dir_all(self.mirrors.root()).map_err(|error| local(repo, error))
    }

    /// The only commit in the copy whose id begins like this.
    async fn beginning(&self, repo: &RepoName, digits: &str) -> Result<Option<CommitSha>, Error> {
        if !mirror::is_usable(&self.mirrors.path(repo)) {
            return Ok(None);
        }
        let name = format!("{digits}^{{commit}}");
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
        Ok(self.beginning(repo, &kept(commit)).await?.as_ref() == Some(commit))
    }

    /// Makes the copy where there is none, and takes away what a killed git left in it.
    async fn prepare(&self, repo: &RepoName) -> Result<(), Error> {
        let path = self.mirrors.path(repo);
        if mirror::is_usable(&path) {
            return mirror::sweep(&path).map_err(|error| local(repo, error));
        }
        let draft = mirror::draft(&path);
        for old in [&path, &draft] {
            mirror::remove(old).map_err(|error| local(repo, error))?;
        }
        let init = Run::new(self.mirrors.root())
            .args(["init", "--quiet", "--bare", "--template="])
            .args([&draft]);
        output(repo, init.finish(LOCAL_WITHIN).await)?;
        mirror::settle(&draft, &path).map_err(|error| local(repo, error))
    }

    /// Runs `git fetch` with these options and refspecs.
    async fn pull(
        &self,
        repo: &RepoName,
        held: &Held,
        options: &[&str],
        refspecs: &[&str],
    ) -> Result<(), Refusal> {
        let share = held.share().map_err(|error| Refusal::local(repo, error))?;
        let run = self
            .reaching(repo, self.on_mirror(repo))
            .await
            .set("gc.auto=0")
            .args(["fetch", "-q", "--no-tags", "--no-write-fetch-head"])
            .args(["--no-recurse-submodules", "--update-shallow"])
            .args(options)
            .args(["--", &self.base.of(repo)])
            .args(refspecs)
            .stdout(share);
        let ended = run.finish(FETCH_WITHIN).await.map_err(|broken| Refusal {
            failure: Failure::Unreachable,
            error: of_broken(repo, &broken),
        })?;
        if ended.status.success() {
            return Ok(());
        }
        let failure = meaning(&ended.stderr);
        let error = of_host(repo, refspecs[0], failure, &ended.stderr);
        Err(Refusal { failure, error })
    }

    /// Brings all branches and tags with their whole history: for hosts that give no single commit, and for what
    /// only the history tells.
    async fn pull_history(&self, repo: &RepoName, held: &Held) -> Result<(), Refusal> {
        let mut options = vec!["--prune"];
        if mirror::is_shallow(&self.mirrors.path(repo)) {
            options.push("--unshallow");
        }
        let refspecs = [
            "+refs/heads/*:refs/jockey/heads/*",
            "+refs/tags/*:refs/jockey/tags/*",
        ];
        self.pull(repo, held, &options, &refspecs).await
    }

    /// Brings one commit, under the lock.
    async fn bring(&self, repo: &RepoName, held: &Held, commit: &CommitSha) -> Result<(), Refusal> {
        let of_copy = |error| Refusal {
            failure: Failure::Local,
            error,
        };
        self.prepare(repo).await.map_err(of_copy)?;
        let name = kept(commit);
        let refspec = format!("+{commit}:{name}");
        match self.pull(repo, held, &["--depth=1"], &[&refspec]).await {
            Err(refusal) if refusal.failure == Failure::WantsHistory => {
                self.pull_history(repo, held).await?;
            }
            other => other?,
        }
        let sha = commit.as_str();
        if self.beginning(repo, sha).await.map_err(of_copy)?.as_ref() != Some(commit) {
            // Nothing, or the id of an annotated tag.
            return Err(Refusal::unknown(repo, commit));
        }
        let keep = self.on_mirror(repo).args(["update-ref", &name, sha]);
        output(repo, keep.finish(LOCAL_WITHIN).await).map_err(of_copy)?;
        Ok(())
    }

    async fn hold(&self, repo: &RepoName) -> Result<Held, Error> {
        self.make_root(repo)?;
        let held = timeout(FETCH_WITHIN, self.mirrors.hold(repo)).await;
        held.map_err(|_late| local(repo, "another fetch of it does not end"))?
            .map_err(|error| local(repo, error))
    }

    /// The commit that a short id means once all of the history is here.
    async fn search_history(
        &self,
        repo: &RepoName,
        digits: &str,
    ) -> Result<Option<CommitSha>, Error> {
        let held = self.hold(repo).await?;
        self.prepare(repo).await?;
        let pulled = self.pull_history(repo, &held).await;
        pulled.map_err(|refusal| refusal.error)?;
        self.beginning(repo, digits).await
    }
}

impl Refusal {
    fn local(repo: &RepoName, detail: impl ToString) -> Self {
        Self {
            failure: Failure::Local,
            error: local(repo, detail),
        }
    }

    fn unknown(repo: &RepoName, commit: &CommitSha) -> Self {
        Self {
            failure: Failure::UnknownRef,
            error: unknown(repo, commit),
        }
    }
}

fn unknown(repo: &RepoName, git_ref: &impl ToString) -> Error {
    Error::UnknownRef {
        repo: repo.clone(),
        git_ref: git_ref.to_string(),
    }
}

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
            None => self.beginning(repo, digits).await?,
        };
        let found = match found {
            Some(commit) => Some(commit),
            None => self.search_history(repo, digits).await?,
        };
        found.ok_or_else(|| unknown(repo, git_ref))
    }

    async fn fetch(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error> {
        if self.has(repo, commit).await? {
            return Ok(());
        }
        let held = self.hold(repo).await?;
        if self.has(repo, commit).await? {
            return Ok(()); // Somebody else brought it meanwhile.
        }
        match self.bring(repo, &held, commit).await {
            Err(refusal) if refusal.failure == Failure::Local => {
                tracing::warn!(%repo, error = %refusal.error, "the copy is made anew");
                mirror::suspect(&self.mirrors.path(repo));
            }
            other => return other.map_err(|refusal| of_commit(refusal, repo, commit)),
        }
        let again = self.bring(repo, &held, commit).await;
        again.map_err(|refusal| of_commit(refusal, repo, commit))
    }

    async fn file(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        path: &str,
    ) -> Result<Option<Bytes>, Error> {
        if !is_tree_path(path) {
            return Ok(None);
        }
        let run = self
            .on_mirror(repo)
            .args(["cat-file", "--batch", "--follow-symlinks"])
            .input(format!("{}:{path}\n", kept(commit)));
        let answer = output(repo, run.finish(LOCAL_WITHIN).await)?;
        match blob(answer) {
            Some(content) => Ok(Some(content)),
            None if self.has(repo, commit).await? => Ok(None),
            None => Err(local(repo, format_args!("{commit} was not fetched"))),
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
}

/// The host knows nothing of refspecs, and neither does who asked for a commit.
fn of_commit(refusal: Refusal, repo: &RepoName, commit: &CommitSha) -> Error {
    match refusal.error {
        Error::UnknownRef { .. } => unknown(repo, commit),
        other => other,
    }
}

/// Whether a tree may have this name. Git would take others for something else, or clean them first.
fn is_tree_path(path: &str) -> bool {
    !path.contains('\n') && path.split('/').all(|part| !["", ".", ".."].contains(&part))
}

/// The file in what `git cat-file --batch` answers; none when it is no file.
fn blob(answer: Vec<u8>) -> Option<Bytes> {
    let answer = Bytes::from(answer);
    let end = answer.iter().position(|&b| b == b'\n')?;
    let mut words = str::from_utf8(&answer[..end]).ok()?.split(' ');
    let (_id, kind, size) = (words.next()?, words.next()?, words.next()?);
    let size = size.parse::<usize>().ok()?.min(FILE_MAX);
    let is_file = kind == "blob" && words.next().is_none() && answer.len() > end + size;
    is_file.then(|| answer.slice(end + 1..=end + size))
}

//! Bringing commits here, under the lock of their copy.

use std::{fs::File, time::Duration};

use domain::{CommitSha, RepoName};
use ports::source::Error;
use tokio::time::timeout;

use super::{
    GitSource, LOCAL_WITHIN,
    child::Run,
    failure::{Failure, local, meaning, of_broken, of_host, output, unknown},
    mirror::{self, Held, kept},
};

/// How long a fetch may take, and how long it waits for its turn. A build has a deadline of its own besides.
const FETCH_WITHIN: Duration = Duration::from_secs(30 * 60);

/// A fetch that did not go well.
struct Refusal {
    failure: Failure,
    error: Error,
}

impl From<Error> for Refusal {
    /// What goes wrong beside the host's answers is the copy's fault.
    fn from(error: Error) -> Self {
        Self {
            failure: Failure::Local,
            error,
        }
    }
}

impl GitSource {
    /// Brings one commit here. A copy that is not in order is made anew, once.
    pub(super) async fn bring(&self, repo: &RepoName, commit: &CommitSha) -> Result<(), Error> {
        let held = self.hold(repo).await?;
        if self.has(repo, commit).await? {
            return Ok(()); // Somebody else brought it meanwhile.
        }
        let mut brought = self.try_to_bring(repo, &held, commit).await;
        if let Err(refusal) = &brought
            && refusal.failure == Failure::Local
        {
            tracing::warn!(%repo, error = %refusal.error, "the copy is made anew");
            mirror::suspect(&self.mirrors.path(repo));
            brought = self.try_to_bring(repo, &held, commit).await;
        }
        match brought {
            Ok(()) => {
                self.tidy(repo, &held).await;
                Ok(())
            }
            // The host's own words are about a refspec, which nobody asked for.
            Err(refusal) => Err(match refusal.error {
                Error::UnknownRef { .. } => unknown(repo, commit),
                other => other,
            }),
        }
    }

    /// Brings all branches and tags with their whole history.
    pub(super) async fn bring_history(&self, repo: &RepoName) -> Result<(), Error> {
        let held = self.hold(repo).await?;
        self.prepare(repo, &held).await?;
        let pulled = self.pull_history(repo, &held).await;
        pulled.map_err(|refusal| refusal.error)
    }

    pub(super) async fn hold(&self, repo: &RepoName) -> Result<Held, Error> {
        self.make_root(repo)?;
        let held = timeout(FETCH_WITHIN, self.mirrors.hold(repo)).await;
        held.map_err(|_late| local(repo, "another fetch of it does not end"))?
            .map_err(|error| local(repo, error))
    }

    async fn try_to_bring(
        &self,
        repo: &RepoName,
        held: &Held,
        commit: &CommitSha,
    ) -> Result<(), Refusal> {
        self.prepare(repo, held).await?;
        let name = kept(commit);
        let refspec = format!("+{commit}:{name}");
        match self.pull(repo, held, &["--depth=1"], &[&refspec]).await {
            Err(refusal) if refusal.failure == Failure::WantsHistory => {
                self.pull_history(repo, held).await?;
            }
            other => other?,
        }
        let sha = commit.as_str();
        if self.named(repo, sha).await?.as_ref() != Some(commit) {
            // Nothing, or the id of an annotated tag.
            return Err(Refusal {
                failure: Failure::UnknownRef,
                error: unknown(repo, commit),
            });
        }
        let keep = self.on_mirror(repo).args(["update-ref", &name, sha]);
        let keep = keep.stdout(share(repo, held)?);
        output(repo, keep.finish(LOCAL_WITHIN).await)?;
        Ok(())
    }

    /// Makes the copy where there is none, and takes away what a killed git left in it.
    async fn prepare(&self, repo: &RepoName, held: &Held) -> Result<(), Error> {
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
            .args([&draft])
            .stdout(share(repo, held)?);
        output(repo, init.finish(LOCAL_WITHIN).await)?;
        mirror::settle(&draft, &path).map_err(|error| local(repo, error))
    }

    /// For hosts that give no single commit, and for what only the history tells.
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

    /// Runs `git fetch` with these options and refspecs.
    async fn pull(
        &self,
        repo: &RepoName,
        held: &Held,
        options: &[&str],
        refspecs: &[&str],
    ) -> Result<(), Refusal> {
        let run = self
            .reaching(repo, self.on_mirror(repo))
            .await
            .map_err(no_token)?
            .set("gc.auto=0")
            .args(["fetch", "-q", "--no-tags", "--no-write-fetch-head"])
            .args(["--no-recurse-submodules", "--update-shallow"])
            .args(options)
            .args(["--", &self.base.of(repo)])
            .args(refspecs)
            .stdout(share(repo, held)?);
        let ended = run.finish(FETCH_WITHIN).await;
        if !matches!(&ended, Ok(ended) if ended.status.success()) {
            self.clear_away(repo);
        }
        let ended = ended.map_err(|broken| Refusal {
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

    /// Takes away at once what a fetch left that did not come to its end: it may have filled the disk.
    fn clear_away(&self, repo: &RepoName) {
        if let Err(error) = mirror::sweep(&self.mirrors.path(repo)) {
            tracing::debug!(%repo, %error, "what a fetch left unfinished stays until the next one");
        }
    }

    /// Packs the copy together when much has come into it; git itself knows when.
    async fn tidy(&self, repo: &RepoName, held: &Held) {
        let Ok(share) = share(repo, held) else {
            return;
        };
        let run = self
            .on_mirror(repo)
            .set("gc.autoDetach=false")
            .args(["gc", "--auto", "--quiet"])
            .stdout(share);
        match run.finish(FETCH_WITHIN).await {
            Ok(ended) if ended.status.success() => {}
            // The copy serves without it, and the next fetch tries again.
            ended => tracing::debug!(%repo, ?ended, "the copy could not be packed together"),
        }
    }
}

/// No token is no fault of the copy.
fn no_token(error: Error) -> Refusal {
    let failure = match error {
        Error::Unreachable { .. } => Failure::Unreachable,
        Error::Denied { .. } | Error::UnknownRef { .. } | Error::Local { .. } => Failure::Denied,
    };
    Refusal { failure, error }
}

/// The lock, for a git to hold too.
fn share(repo: &RepoName, held: &Held) -> Result<File, Error> {
    held.share().map_err(|error| local(repo, error))
}

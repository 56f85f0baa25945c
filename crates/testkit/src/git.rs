//! Real git repositories in a temporary directory, made without a work tree and without the user's own git
//! configuration. The same changes give the same shas on every machine.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

mod change;
mod server;

pub use change::Change;
pub use server::{Access, Server};

/// A directory of bare repositories, laid out as a code host lays them out: `<owner>/<name>.git`.
#[derive(Debug)]
pub struct Repositories {
    directory: TempDir,
}

impl Repositories {
    /// An empty directory of them. Removed on drop.
    ///
    /// # Errors
    /// No temporary directory could be made.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            directory: tempfile::Builder::new().prefix("jockey-git-").tempdir()?,
        })
    }

    /// What `owner/name` is appended to for an address that git can fetch from: `file:///tmp/…`, without a slash at
    /// its end. Git finds `<name>.git` when it is asked for `<name>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("file://{}", self.directory.path().display())
    }

    /// Serves them over HTTP. The server must not outlive them.
    ///
    /// # Errors
    /// No port, or no temporary directory.
    pub fn serve(&self, access: Access<'_>) -> anyhow::Result<Server> {
        Ok(Server::start(self.directory.path(), access)?)
    }

    /// Makes an empty repository, whose HEAD is the branch `main`. It serves any commit by its sha, as GitHub does.
    ///
    /// # Errors
    /// `name` is not `owner/name`, or git failed.
    pub fn create(&self, name: &str) -> anyhow::Result<Repository> {
        ensure!(name.split('/').count() == 2, "`{name}` is not owner/name");
        let path = self.directory.path().join(format!("{name}.git"));
        git(
            None,
            ["init", "--quiet", "--bare", "--initial-branch=main"],
            Some(&path),
        )?;
        let repository = Repository { path };
        for key in ["uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"] {
            repository.git(["config", key, "true"])?;
        }
        Ok(repository)
    }
}

/// One bare repository.
#[derive(Debug, Clone)]
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits a change on top of `main`, and answers the full sha.
    ///
    /// # Errors
    /// What git says.
    pub fn commit(&self, change: &Change) -> anyhow::Result<String> {
        self.commit_to("main", change)
    }

    /// Commits a change on top of a branch, which is begun at nothing when it is new, and answers the full sha.
    ///
    /// # Errors
    /// What git says.
    pub fn commit_to(&self, branch: &str, change: &Change) -> anyhow::Result<String> {
        let parent = self.resolve(branch).ok();
        let stream = change.fast_import(branch, parent.as_deref());
        let mut import = command(Some(&self.path))
            .args(["fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("git could not be started")?;
        import
            .stdin
            .take()
            .context("stdin is piped")?
            .write_all(&stream)?;
        let output = import.wait_with_output()?;
        ensure!(
            output.status.success(),
            "git fast-import: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Points a branch, new or not, at a revision.
    ///
    /// # Errors
    /// What git says.
    pub fn branch(&self, name: &str, revision: &str) -> anyhow::Result<()> {
        self.git(["branch", "--force", name, revision]).map(drop)
    }

    /// Makes an annotated tag, whose own sha is not the commit's.
    ///
    /// # Errors
    /// What git says.
    pub fn tag(&self, name: &str, revision: &str) -> anyhow::Result<()> {
        self.git(["tag", "--annotate", "--message", name, name, revision])
            .map(drop)
    }

    /// Makes another branch the one that HEAD means.
    ///
    /// # Errors
    /// What git says.
    pub fn set_head(&self, branch: &str) -> anyhow::Result<()> {
        self.git(["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")])
            .map(drop)
    }

    /// The full sha of the commit that a branch, tag, short sha or `HEAD` names.
    ///
    /// # Errors
    /// There is none.
    pub fn resolve(&self, revision: &str) -> anyhow::Result<String> {
        self.git([
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{revision}^{{commit}}"),
        ])
    }

    /// Clones it into a working copy, as a person would have it: `origin` is this repository, HEAD its branch.
    ///
    /// # Errors
    /// What git says.
    pub fn clone_to(&self, working_copy: &Path) -> anyhow::Result<()> {
        let origin = format!("file://{}", self.path.display());
        git(None, ["clone", "--quiet", &origin], Some(working_copy)).map(drop)
    }

    /// Runs git on this repository and answers what it printed, trimmed.
    ///
    /// # Errors
    /// It failed: ends with what it wrote to stderr.
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> anyhow::Result<String> {
        git(Some(&self.path), arguments, None)
    }
}

fn git<const N: usize>(
    repository: Option<&Path>,
    arguments: [&str; N],
    last: Option<&Path>,
) -> anyhow::Result<String> {
    let output = command(repository)
        .args(arguments)
        .args(last)
        .output()
        .context("git could not be started")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!(
            "git {}: {}: {}",
            arguments.join(" "),
            output.status,
            words.trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Git that knows neither this user nor this machine, nor the repository of a hook that may have started us.
fn command(repository: Option<&Path>) -> Command {
    let mut command = Command::new("git");
    if let Some(path) = repository {
        command.arg("--git-dir").arg(path);
    }
    for hooks_own in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
    ] {
        command.env_remove(hooks_own);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), change::NAME)
            .env(format!("GIT_{role}_EMAIL"), change::EMAIL)
            .env(format!("GIT_{role}_DATE"), change::DATE);
    }
    command
}

#[cfg(test)]
mod tests;

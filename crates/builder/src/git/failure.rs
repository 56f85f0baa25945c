//! What git's words mean.

use domain::RepoName;
use ports::source::Error;

use super::child::{Broken, Ended};

/// What went wrong when git spoke to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The host has no such ref or commit.
    UnknownRef,
    /// The host cannot give a commit by its id, or not without history: more has to be asked for.
    WantsHistory,
    /// The host refuses, or has no such repository.
    Denied,
    /// The host is not there, or stopped answering.
    Unreachable,
    /// There is no room. Starting anew would not help.
    DiskFull,
    /// Anything else: the local copy.
    Local,
}

/// Texts of git 2.30 to 2.47, of curl, and of GitHub. Read from the top: the first that fits counts.
const TEXTS: &[(Failure, &[&str])] = &[
    (
        Failure::DiskFull,
        &["No space left on device", "Disk quota exceeded"],
    ),
    (
        Failure::WantsHistory,
        &[
            "Server does not allow request for unadvertised object",
            "does not support shallow capabilities",
            "does not support --depth",
            "Server does not support shallow",
        ],
    ),
    (
        Failure::UnknownRef,
        &[
            "not our ref",
            "couldn't find remote ref",
            "no such remote ref",
        ],
    ),
    // Too many requests, or too slow: not a word about the repository.
    (
        Failure::Unreachable,
        &[
            "requested URL returned error: 408",
            "requested URL returned error: 429",
        ],
    ),
    (
        Failure::Denied,
        &[
            "remote error:",
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "Invalid username or",
            "Repository not found",
            "' not found",
            "does not appear to be a git repository",
            "unable to update url base from redirection",
            "dubious ownership",
            "requested URL returned error: 4",
            "requested URL returned error: 3",
            "SSL certificate problem",
            "not valid: is this a git repository?",
        ],
    ),
    (
        Failure::Unreachable,
        &[
            "Could not resolve",
            "Failed to connect",
            "Couldn't connect",
            "Connection refused",
            "Connection reset",
            "Connection timed out",
            "Operation timed out",
            "Operation too slow",
            "Empty reply from server",
            "requested URL returned error: 5",
            "RPC failed",
            "early EOF",
            "unexpected disconnect",
            "hung up unexpectedly",
            "SSL_ERROR_SYSCALL",
            "gnutls_handshake",
        ],
    ),
    // After what says more: git also ends with this line when the host has said why.
    (Failure::Denied, &["Could not read from remote repository"]),
];

/// What curl says of an answer that leads elsewhere, which git is told not to follow, and what that means.
const REDIRECTED: &str = "returned error: 3";
const MOVED: &str =
    ": it has moved; give the app its new name with `jockey apps update APP --repo OWNER/NAME`";

/// What a run that ended badly means.
pub(super) fn meaning(stderr: &str) -> Failure {
    let found = TEXTS
        .iter()
        .find(|(_, texts)| texts.iter().any(|text| stderr.contains(text)));
    found.map_or(Failure::Local, |(failure, _)| *failure)
}

/// The line that tells most: the last complaint that is not one of git's general advice.
pub(super) fn telling_line(stderr: &str) -> String {
    let general = |line: &str| {
        line.ends_with("Could not read from remote repository.")
            || line.ends_with("the remote end hung up unexpectedly")
            || line.contains("fetch-pack: invalid index-pack output")
            || line.ends_with("unpack-objects failed")
    };
    let said = |line: &&str| {
        ["fatal: ", "error: ", "remote: "]
            .iter()
            .any(|prefix| line.starts_with(prefix))
    };
    let mut lines = stderr.lines().map(str::trim).filter(|l| !l.is_empty());
    let line = lines
        .clone()
        .rfind(|line| said(line) && !general(line))
        .or_else(|| lines.next_back())
        .unwrap_or("git says nothing more");
    let plain = line
        .trim_start_matches("fatal: ")
        .trim_start_matches("error: ")
        .trim_start_matches("remote: ");
    let told: String = plain.chars().take(500).collect();
    match told.contains(REDIRECTED) {
        true => told + MOVED,
        false => told,
    }
}

/// The port's error for a run on the local copy.
pub(super) fn local(repo: &RepoName, detail: impl ToString) -> Error {
    Error::Local {
        repo: repo.clone(),
        detail: detail.to_string(),
    }
}

/// The port's error for a run that spoke to the host and ended badly.
pub(super) fn of_host(repo: &RepoName, git_ref: &str, failure: Failure, stderr: &str) -> Error {
    let (repo, detail) = (repo.clone(), telling_line(stderr));
    match failure {
        Failure::UnknownRef | Failure::WantsHistory => unknown(&repo, &git_ref),
        Failure::Denied => Error::Denied { repo, detail },
        Failure::Unreachable => Error::Unreachable { repo, detail },
        Failure::DiskFull | Failure::Local => Error::Local { repo, detail },
    }
}

/// The port's error for a run that spoke to the host and did not end.
pub(super) fn of_broken(repo: &RepoName, broken: &Broken) -> Error {
    let (repo, detail) = (repo.clone(), broken.to_string());
    match broken {
        Broken::TooLong(_) => Error::Unreachable { repo, detail },
        Broken::Io(_) => Error::Local { repo, detail },
    }
}

/// The port's error for what the host does not have.
pub(super) fn unknown(repo: &RepoName, git_ref: &impl ToString) -> Error {
    Error::UnknownRef {
        repo: repo.clone(),
        git_ref: git_ref.to_string(),
    }
}

/// The output of a run on the local copy, where it went well.
///
/// # Errors
/// `Local`.
pub(super) fn output(repo: &RepoName, ended: Result<Ended, Broken>) -> Result<Vec<u8>, Error> {
    let ended = ended.map_err(|broken| local(repo, broken))?;
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(local(repo, telling_line(&ended.stderr)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_git_are_understood() {
        for (stderr, failure, line) in [
            (
                "fatal: remote error: upload-pack: not our ref 1234\n",
                Failure::UnknownRef,
                "remote error: upload-pack: not our ref 1234",
            ),
            (
                "error: Server does not allow request for unadvertised object 1234\n",
                Failure::WantsHistory,
                "Server does not allow request for unadvertised object 1234",
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found\n",
                Failure::Denied,
                "repository 'https://github.com/a/b/' not found",
            ),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n",
                Failure::Denied,
                "could not read Username for 'https://github.com': terminal prompts disabled",
            ),
            (
                "fatal: '/srv/a/b' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
                Failure::Denied,
                "'/srv/a/b' does not appear to be a git repository",
            ),
            (
                "fatal: unable to access 'https://nowhere.example/a/b/': Could not resolve host: nowhere.example\n",
                Failure::Unreachable,
                "unable to access 'https://nowhere.example/a/b/': Could not resolve host: nowhere.example",
            ),
            (
                "error: RPC failed; curl 18 transfer closed\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output\n",
                Failure::Unreachable,
                "early EOF",
            ),
            (
                "fatal: unable to write new index file: No space left on device\n",
                Failure::DiskFull,
                "unable to write new index file: No space left on device",
            ),
            (
                "fatal: unable to write loose object file: No space left on device\nfatal: unpack-objects failed\n",
                Failure::DiskFull,
                "unable to write loose object file: No space left on device",
            ),
            (
                "fatal: bad object HEAD\n",
                Failure::Local,
                "bad object HEAD",
            ),
            (
                "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 301\n",
                Failure::Denied,
                "unable to access 'https://github.com/a/b/': The requested URL returned error: 301: it has moved; give the app \
                 its new name with `jockey apps update APP --repo OWNER/NAME`",
            ),
            ("", Failure::Local, "git says nothing more"),
        ] {
            assert_eq!(meaning(stderr), failure, "{stderr}");
            assert_eq!(telling_line(stderr), line);
        }
    }
}

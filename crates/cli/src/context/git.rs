//! What git says of the directory in which a command runs. No answer is no error: many commands
//! run outside of any working copy, or where there is no git.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

/// The repository of the remote `origin`, as `owner/name`.
pub(crate) async fn origin(directory: &Path) -> Option<String> {
    let url = git(directory, &["remote", "get-url", "origin"]).await?;
    repo_of_url(&url)
}

/// The full id of the commit that is checked out.
pub(crate) async fn head(directory: &Path) -> Option<String> {
    git(directory, &["rev-parse", "--verify", "HEAD^{commit}"]).await
}

/// Whether files that git knows differ from that commit.
pub(crate) async fn is_dirty(directory: &Path) -> bool {
    let changes = git(
        directory,
        &["status", "--porcelain", "--untracked-files=no"],
    )
    .await;
    changes.is_some_and(|changes| !changes.is_empty())
}

async fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The last two parts of a remote's path. Knows URLs, `host:owner/name` and plain paths.
fn repo_of_url(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':').map_or(url, |(_, path)| path),
    };
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let (rest, name) = path.rsplit_once('/')?;
    let owner = rest.rsplit('/').next()?;
    (!owner.is_empty() && !name.is_empty()).then(|| format!("{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_names_its_repository_in_every_way_that_git_knows() {
        for (url, want) in [
            (
                "git@github.com:example/sample-app.git",
                Some("example/sample-app"),
            ),
            (
                "https://github.com/example/sample-app",
                Some("example/sample-app"),
            ),
            (
                "https://token@github.com/example/sample-app.git/",
                Some("example/sample-app"),
            ),
            (
                "ssh://git@github.com:22/example/sample-app.git",
                Some("example/sample-app"),
            ),
            (
                "file:///srv/git/example/sample-app.git",
                Some("example/sample-app"),
            ),
            ("/srv/git/example/sample-app", Some("example/sample-app")),
            ("https://github.com/alone", None),
            ("nothing", None),
        ] {
            assert_eq!(repo_of_url(url).as_deref(), want, "{url}");
        }
    }
}

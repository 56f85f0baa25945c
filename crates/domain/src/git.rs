//! What names code: repositories, refs and commits.

use std::{fmt, str::FromStr, sync::Arc};

/// A GitHub repository, `owner/name`. Compares without case, as GitHub does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName(Arc<str>);

/// Text that is not a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository; write it as owner/name")]
pub struct BadRepoName(pub String);

/// What may stand before the slash: it may begin an argument or a path, and is never taken for an option or a hidden file.
fn is_owner(text: &str) -> bool {
    is_segment(text) && !text.starts_with(['.', '-'])
}

/// It is part of addresses and of paths: it leads nowhere else, and is no repository within a working copy.
fn is_segment(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=100).contains(&text.len())
        && text.bytes().all(allowed)
        && ![".", ".."].contains(&text)
        && !text.to_ascii_lowercase().ends_with(".git")
}

impl RepoName {
    /// `owner/name`, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepoName {
    type Err = BadRepoName;
    fn from_str(text: &str) -> Result<Self, BadRepoName> {
        match text.split_once('/') {
            Some((owner, name)) if is_owner(owner) && is_segment(name) => {
                Ok(Self(text.to_ascii_lowercase().into()))
            }
            _ => Err(BadRepoName(text.to_owned())),
        }
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One commit: a full SHA-1 of 40 hexadecimal digits, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitSha(Arc<str>);

/// Text that is not a full commit id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a full commit id of 40 hexadecimal digits")]
pub struct BadCommitSha(pub String);

impl CommitSha {
    /// All 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl FromStr for CommitSha {
    type Err = BadCommitSha;
    fn from_str(text: &str) -> Result<Self, BadCommitSha> {
        if text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(BadCommitSha(text.to_owned()))
        }
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a person calls a commit: a branch, a tag, a full or short commit id, or `HEAD`.
///
/// Follows the rules of `git check-ref-format`, and never begins with `-`, so that it cannot be taken for an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitRef(Arc<str>);

/// Text that git would not take for a ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a ref; give a branch, a tag, a commit id or HEAD")]
pub struct BadGitRef(pub String);

impl GitRef {
    /// The head of the repository's default branch.
    #[must_use]
    pub fn head() -> Self {
        Self("HEAD".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commit, where this is a full commit id.
    #[must_use]
    pub fn as_commit(&self) -> Option<CommitSha> {
        self.0.parse().ok()
    }
}

impl FromStr for GitRef {
    type Err = BadGitRef;
    fn from_str(text: &str) -> Result<Self, BadGitRef> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
        let part = |p: &str| {
            !p.is_empty() && !p.starts_with('.') && !p.ends_with('.') && !p.ends_with(".lock")
        };
        let good = (1..=255).contains(&text.len())
            && !text.starts_with('-')
            && !text.contains("..")
            && !text.contains("@{")
            && text != "@"
            && !text.contains(odd)
            && text.split('/').all(part);
        if good {
            Ok(Self(text.into()))
        } else {
            Err(BadGitRef(text.to_owned()))
        }
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_compare_without_case_and_hold_no_path() {
        assert_eq!("Shop/Api".parse::<RepoName>(), "shop/api".parse());
        for good in [
            "acme/.github",
            "acme/-x",
            "acme/_x",
            "acme/...",
            "acme/.gitignore",
        ] {
            assert!(good.parse::<RepoName>().is_ok(), "{good}");
        }
        for bad in [
            "", "shop", "shop/", "/api", "a/b/c", "../x", "a/.", "a/..", "a/b.git", "a/.git",
            "a/.GIT", "a/b.Git", "a b/c", "-a/b", ".a/b",
        ] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ref_is_never_an_option_or_a_revision_expression() {
        for good in ["HEAD", "main", "feature/x", "v1.2.3", "678d49f"] {
            assert!(good.parse::<GitRef>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a..b",
            "HEAD~1",
            "a b",
            "a:b",
            "x.lock",
            "a//b",
            "@{1}",
            "@",
            "/a",
        ] {
            assert!(bad.parse::<GitRef>().is_err(), "{bad}");
        }
    }
}

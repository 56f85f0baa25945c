//! What a code host tells us has happened. A hint: whoever acts on one asks the host how things stand now.

mod departure;
mod meaning;

pub use departure::{Departure, Whose};
pub use meaning::{Meaning, Tip};

use crate::people::Login;
use crate::{CommitSha, GitRef, RepoName};

/// One delivery, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// A hook was made, and works.
    Ping,
    /// A branch was made or moved.
    Push {
        repo: RepoName,
        branch: GitRef,
        after: CommitSha,
        /// Who pushed; none where the delivery does not say.
        by: Option<Login>,
    },
    BranchDeleted {
        repo: RepoName,
        branch: GitRef,
    },
    /// A tag was made or moved. Not something to build.
    Tagged {
        repo: RepoName,
        tag: GitRef,
        after: CommitSha,
    },
    TagDeleted {
        repo: RepoName,
        tag: GitRef,
    },
    PullRequest {
        repo: RepoName,
        number: u64,
        change: PullRequestChange,
        /// The commit at its tip.
        head: CommitSha,
        /// Whose repository the tip is in; none when that is gone. Another than `repo`: a fork, by anybody.
        head_repo: Option<RepoName>,
    },
    /// Our App was installed at an account, changed there, or taken away.
    Installation {
        /// None: it has no name as people and organisations have, as an enterprise.
        account: Option<Login>,
        change: InstallationChange,
    },
    /// Has another name, or another owner.
    RepositoryRenamed {
        from: RepoName,
        to: RepoName,
    },
    RepositoryDeleted {
        repo: RepoName,
    },
    /// Somebody may not be any more in an organisation, or in a team of it.
    Departed(Departure),
    /// Anything else: of no consequence here.
    Other {
        event: String,
        action: Option<String>,
    },
}

/// What became of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestChange {
    Opened,
    /// Its tip moved.
    Updated,
    Closed,
    /// A label, a title, a reviewer.
    Other,
}

/// What became of an installation of our App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationChange {
    Created,
    Deleted,
    Suspended,
    Unsuspended,
    /// Other repositories, other permissions.
    Changed,
}

impl HostEvent {
    /// The repository that it is about, by the name that it had before.
    #[must_use]
    pub const fn repo(&self) -> Option<&RepoName> {
        match self {
            Self::Push { repo, .. }
            | Self::BranchDeleted { repo, .. }
            | Self::Tagged { repo, .. }
            | Self::TagDeleted { repo, .. }
            | Self::PullRequest { repo, .. }
            | Self::RepositoryDeleted { repo }
            | Self::RepositoryRenamed { from: repo, .. } => Some(repo),
            Self::Ping | Self::Installation { .. } | Self::Departed(_) | Self::Other { .. } => None,
        }
    }
}

use super::{HostEvent, PullRequestChange};
use crate::{CommitSha, GitRef, Login, RepoName};

/// What a delivery is taken for. Nothing in it is believed but which thing to look at: a delivery that is late or comes
/// twice does nothing that an honest look would not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// See what the tip of this branch is now, and build that.
    BuildTip {
        repo: RepoName,
        branch: GitRef,
        by: Option<Login>,
    },
    /// Keep the tip of a pull request, or forget it when there is none.
    PullRequest {
        repo: RepoName,
        number: u64,
        tip: Option<Tip>,
    },
    /// See whether the repository has another name now, and let its App follow.
    Renamed { from: RepoName, to: RepoName },
    /// See whether the repository is gone, and tell.
    Gone { repo: RepoName },
    /// Whoever was confirmed may have left: ask about everybody again.
    AskAgain,
    /// Of no consequence.
    Nothing,
}

/// The commit at the tip of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    pub commit: CommitSha,
    /// Whose repository it is in. None: that is gone.
    pub repo: Option<RepoName>,
}

impl HostEvent {
    /// What to do about it.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Push {
                repo, branch, by, ..
            } => Meaning::BuildTip {
                repo: repo.clone(),
                branch: branch.clone(),
                by: by.clone(),
            },
            Self::PullRequest {
                repo,
                number,
                change,
                head,
                head_repo,
            } => Meaning::PullRequest {
                repo: repo.clone(),
                number: *number,
                tip: match change {
                    PullRequestChange::Closed => None,
                    PullRequestChange::Opened
                    | PullRequestChange::Updated
                    | PullRequestChange::Other => Some(Tip {
                        commit: head.clone(),
                        repo: head_repo.clone(),
                    }),
                },
            },
            Self::RepositoryRenamed { from, to } => Meaning::Renamed {
                from: from.clone(),
                to: to.clone(),
            },
            Self::RepositoryDeleted { repo } => Meaning::Gone { repo: repo.clone() },
            Self::MembershipChanged { .. } => Meaning::AskAgain,
            // A credential is asked for when it is needed, so that an installation says nothing new.
            Self::Installation { .. }
            | Self::Ping
            | Self::BranchDeleted { .. }
            | Self::Tagged { .. }
            | Self::TagDeleted { .. }
            | Self::Other { .. } => Meaning::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccountId,
        webhook::{InstallationChange, Whose},
    };

    const SHA: &str = "678d49f0a1b2c3d4e5f60718293a4b5c6d7e8f90";

    fn shown(event: &HostEvent) -> String {
        match event.meaning() {
            Meaning::BuildTip { repo, branch, by } => {
                let by = by.map_or_else(|| "somebody".to_owned(), |by| by.to_string());
                format!("build the tip of {branch} in {repo} for {by}")
            }
            Meaning::PullRequest { repo, number, tip } => match tip {
                Some(tip) => format!("keep {} of {repo}#{number}", tip.commit.short()),
                None => format!("forget {repo}#{number}"),
            },
            Meaning::Renamed { from, to } => format!("{from} may be {to}"),
            Meaning::Gone { repo } => format!("{repo} may be gone"),
            Meaning::AskAgain => "ask again".to_owned(),
            Meaning::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn every_event_has_its_meaning() {
        let repo: RepoName = "acme/shop".parse().unwrap();
        let name = |name: &str| name.parse::<GitRef>().unwrap();
        let sha: CommitSha = SHA.parse().unwrap();
        let mona: Login = "mona".parse().unwrap();
        let request = |change| HostEvent::PullRequest {
            repo: repo.clone(),
            number: 7,
            change,
            head: sha.clone(),
            head_repo: None,
        };
        let changed = |who| HostEvent::MembershipChanged {
            organisation: "acme".parse().unwrap(),
            who,
        };
        for (event, want) in [
            (HostEvent::Ping, "nothing"),
            (
                HostEvent::Push {
                    repo: repo.clone(),
                    branch: name("main"),
                    after: sha.clone(),
                    by: Some(mona.clone()),
                },
                "build the tip of main in acme/shop for mona",
            ),
            (
                HostEvent::BranchDeleted {
                    repo: repo.clone(),
                    branch: name("main"),
                },
                "nothing",
            ),
            (
                HostEvent::Tagged {
                    repo: repo.clone(),
                    tag: name("v1"),
                    after: sha.clone(),
                },
                "nothing",
            ),
            (
                HostEvent::TagDeleted {
                    repo: repo.clone(),
                    tag: name("v1"),
                },
                "nothing",
            ),
            (
                request(PullRequestChange::Opened),
                "keep 678d49f of acme/shop#7",
            ),
            (
                request(PullRequestChange::Updated),
                "keep 678d49f of acme/shop#7",
            ),
            (
                request(PullRequestChange::Other),
                "keep 678d49f of acme/shop#7",
            ),
            (request(PullRequestChange::Closed), "forget acme/shop#7"),
            (
                HostEvent::Installation {
                    account: mona.clone(),
                    change: InstallationChange::Deleted,
                },
                "nothing",
            ),
            (
                HostEvent::RepositoryRenamed {
                    from: repo.clone(),
                    to: "acme/store".parse().unwrap(),
                },
                "acme/shop may be acme/store",
            ),
            (
                HostEvent::RepositoryDeleted { repo: repo.clone() },
                "acme/shop may be gone",
            ),
            (
                changed(Whose::Person {
                    login: mona,
                    id: AccountId(1),
                }),
                "ask again",
            ),
            (changed(Whose::Everybody), "ask again"),
            (
                HostEvent::Other {
                    event: "issues".to_owned(),
                    action: None,
                },
                "nothing",
            ),
        ] {
            assert_eq!(shown(&event), want, "{event:?}");
        }
    }
}

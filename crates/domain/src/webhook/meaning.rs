use super::{Departure, HostEvent, PullRequestChange};
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
    /// Ask again about those who may have left.
    AskAgain(Departure),
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
            Self::Departed(departure) => Meaning::AskAgain(departure.clone()),
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
    use crate::webhook::{InstallationChange, Whose};

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
            Meaning::AskAgain(departure) => format!("ask again about {departure}"),
            Meaning::Nothing => "nothing".to_owned(),
        }
    }

    fn repo() -> RepoName {
        "acme/shop".parse().unwrap()
    }

    fn name(name: &str) -> GitRef {
        name.parse().unwrap()
    }

    fn sha() -> CommitSha {
        SHA.parse().unwrap()
    }

    fn mona() -> Login {
        "mona".parse().unwrap()
    }

    #[track_caller]
    fn means(event: &HostEvent, want: &str) {
        assert_eq!(shown(event), want, "{event:?}");
    }

    #[test]
    fn a_push_to_a_branch_builds_its_tip() {
        let push = HostEvent::Push {
            repo: repo(),
            branch: name("main"),
            after: sha(),
            by: Some(mona()),
        };
        means(&push, "build the tip of main in acme/shop for mona");
    }

    #[test]
    fn a_pull_request_is_kept_until_it_is_closed() {
        let kept = "keep 678d49f of acme/shop#7";
        for (change, want) in [
            (PullRequestChange::Opened, kept),
            (PullRequestChange::Updated, kept),
            (PullRequestChange::Other, kept),
            (PullRequestChange::Closed, "forget acme/shop#7"),
        ] {
            let request = HostEvent::PullRequest {
                repo: repo(),
                number: 7,
                change,
                head: sha(),
                head_repo: None,
            };
            means(&request, want);
        }
    }

    #[test]
    fn a_repository_that_changed_is_looked_at() {
        let renamed = HostEvent::RepositoryRenamed {
            from: repo(),
            to: "acme/store".parse().unwrap(),
        };
        means(&renamed, "acme/shop may be acme/store");
        let deleted = HostEvent::RepositoryDeleted { repo: repo() };
        means(&deleted, "acme/shop may be gone");
    }

    #[test]
    fn whoever_may_have_left_is_asked_about_again() {
        let ops = Whose::Team("acme/ops".parse().unwrap());
        let departed = Departure::from("acme".parse().unwrap(), ops);
        means(
            &HostEvent::Departed(departed),
            "ask again about everybody in acme/ops",
        );
    }

    #[test]
    fn other_events_mean_nothing() {
        for event in [
            HostEvent::Ping,
            HostEvent::BranchDeleted {
                repo: repo(),
                branch: name("main"),
            },
            HostEvent::Tagged {
                repo: repo(),
                tag: name("v1"),
                after: sha(),
            },
            HostEvent::TagDeleted {
                repo: repo(),
                tag: name("v1"),
            },
            HostEvent::Installation {
                account: Some(mona()),
                change: InstallationChange::Deleted,
            },
            HostEvent::Other {
                event: "issues".to_owned(),
                action: None,
            },
        ] {
            means(&event, "nothing");
        }
    }
}

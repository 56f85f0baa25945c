use super::BadPayload;
use domain::{
    AccountId, CommitSha, GitRef, HostEvent, Login, RepoName, TeamName,
    webhook::{Departure, InstallationChange, PullRequestChange, Whose},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// What changes of a team without anybody's leaving it. A new name is a new slug, which nothing says the old one of.
const HARMLESS: [&str; 4] = [
    "description",
    "notification_setting",
    "privacy",
    "repository",
];

#[derive(Deserialize)]
struct Account {
    /// Empty: an enterprise has none, and whoever is gone may have none any more.
    #[serde(default)]
    login: String,
    #[serde(default)]
    id: u64,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// What nearly every event has.
#[derive(Deserialize)]
struct Any {
    action: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    name: String,
    after: String,
    deleted: bool,
    repository: Repository,
    sender: Option<Account>,
}

#[derive(Deserialize)]
struct Delete {
    #[serde(rename = "ref")]
    name: String,
    ref_type: String,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequest {
    action: String,
    number: u64,
    pull_request: Pull,
    repository: Repository,
}

#[derive(Deserialize)]
struct Pull {
    head: Tip,
}

#[derive(Deserialize)]
struct Tip {
    sha: String,
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Installation {
    action: String,
    installation: Installed,
}

#[derive(Deserialize)]
struct Installed {
    account: Option<Account>,
}

#[derive(Deserialize)]
struct RepositoryChanged {
    action: String,
    #[serde(default)]
    changes: Changes,
    repository: Repository,
}

#[derive(Deserialize, Default)]
struct Changes {
    repository: Option<NameChange>,
    owner: Option<OwnerChange>,
}

#[derive(Deserialize)]
struct NameChange {
    name: Was<String>,
}

#[derive(Deserialize)]
struct Was<T> {
    from: T,
}

#[derive(Deserialize)]
struct OwnerChange {
    from: OldOwner,
}

#[derive(Deserialize)]
struct OldOwner {
    organization: Option<Account>,
    user: Option<Account>,
}

#[derive(Deserialize)]
struct InOrganisation {
    organization: Option<Account>,
    membership: Option<Member>,
    member: Option<Account>,
    team: Option<Team>,
    #[serde(default)]
    changes: Map<String, Value>,
}

#[derive(Deserialize)]
struct Member {
    user: Option<Account>,
}

#[derive(Deserialize)]
struct Team {
    /// A team that is gone has none.
    slug: Option<String>,
    /// Whoever is in a team is in those above it too.
    parent: Option<Value>,
}

/// The event that a payload of GitHub's tells of. `event` is the header `X-GitHub-Event`.
///
/// # Errors
/// `NotJson`, and `Field` for an event of consequence that is not as documented.
pub fn parse(event: &str, payload: &[u8]) -> Result<HostEvent, BadPayload> {
    let any: Any = serde_json::from_slice(payload).map_err(|_| BadPayload::NotJson)?;
    let reader = Reader { event, payload };
    match event {
        "ping" => Ok(HostEvent::Ping),
        "push" => reader.push(),
        "delete" => reader.delete(any.action),
        "pull_request" => reader.pull_request(),
        "installation" | "installation_repositories" => reader.installation(),
        "repository" => reader.repository(),
        "organization" | "membership" | "team" | "member" => reader.membership(any.action),
        _ => Ok(reader.other(any.action)),
    }
}

struct Reader<'a> {
    event: &'a str,
    payload: &'a [u8],
}

impl Reader<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, BadPayload> {
        // Its words name fields and places, and may repeat a value: of a delivery that is genuine.
        serde_json::from_slice(self.payload).map_err(|error| self.field(error))
    }

    fn field(&self, field: impl ToString) -> BadPayload {
        BadPayload::Field {
            event: self.event.to_owned(),
            field: field.to_string(),
        }
    }

    fn other(&self, action: Option<String>) -> HostEvent {
        HostEvent::Other {
            event: self.event.to_owned(),
            action,
        }
    }

    fn repo(&self, repository: &Repository) -> Result<RepoName, BadPayload> {
        let name = repository.full_name.parse();
        name.map_err(|error| self.field(error))
    }

    fn commit(&self, sha: &str) -> Result<CommitSha, BadPayload> {
        sha.parse().map_err(|error| self.field(error))
    }

    fn push(&self) -> Result<HostEvent, BadPayload> {
        let push: Push = self.read()?;
        let repo = self.repo(&push.repository)?;
        let split = push
            .name
            .strip_prefix("refs/")
            .and_then(|r| r.split_once('/'));
        let Some((kind, Ok(name))) = split.map(|(kind, name)| (kind, name.parse::<GitRef>()))
        else {
            return Ok(self.other(None));
        };
        // Of a deletion the commit is all zeros.
        match (kind, push.deleted) {
            ("heads", true) => Ok(HostEvent::BranchDeleted { repo, branch: name }),
            ("tags", true) => Ok(HostEvent::TagDeleted { repo, tag: name }),
            ("heads", false) => Ok(HostEvent::Push {
                repo,
                branch: name,
                after: self.commit(&push.after)?,
                // Who has no account, such as a deploy key, is nobody.
                by: push.sender.and_then(|sender| sender.login.parse().ok()),
            }),
            ("tags", false) => Ok(HostEvent::Tagged {
                repo,
                tag: name,
                after: self.commit(&push.after)?,
            }),
            _ => Ok(self.other(None)),
        }
    }

    fn delete(&self, action: Option<String>) -> Result<HostEvent, BadPayload> {
        let delete: Delete = self.read()?;
        let repo = self.repo(&delete.repository)?;
        let Ok(name) = delete.name.parse::<GitRef>() else {
            return Ok(self.other(action));
        };
        match delete.ref_type.as_str() {
            "branch" => Ok(HostEvent::BranchDeleted { repo, branch: name }),
            "tag" => Ok(HostEvent::TagDeleted { repo, tag: name }),
            _ => Ok(self.other(action)),
        }
    }

    fn pull_request(&self) -> Result<HostEvent, BadPayload> {
        let request: PullRequest = self.read()?;
        let head = request.pull_request.head;
        Ok(HostEvent::PullRequest {
            repo: self.repo(&request.repository)?,
            number: request.number,
            change: match request.action.as_str() {
                "opened" | "reopened" => PullRequestChange::Opened,
                "synchronize" => PullRequestChange::Updated,
                "closed" => PullRequestChange::Closed,
                _ => PullRequestChange::Other,
            },
            head: self.commit(&head.sha)?,
            head_repo: head.repo.map(|repo| self.repo(&repo)).transpose()?,
        })
    }

    fn installation(&self) -> Result<HostEvent, BadPayload> {
        let installation: Installation = self.read()?;
        let account = installation.installation.account;
        Ok(HostEvent::Installation {
            account: account.and_then(|account| account.login.parse().ok()),
            change: match installation.action.as_str() {
                "created" => InstallationChange::Created,
                "deleted" => InstallationChange::Deleted,
                "suspend" => InstallationChange::Suspended,
                "unsuspend" => InstallationChange::Unsuspended,
                _ => InstallationChange::Changed,
            },
        })
    }

    fn repository(&self) -> Result<HostEvent, BadPayload> {
        let changed: RepositoryChanged = self.read()?;
        let to = self.repo(&changed.repository)?;
        let (owner, name) = to.as_str().split_once('/').unwrap_or_default();
        let from = match changed.action.as_str() {
            "deleted" => return Ok(HostEvent::RepositoryDeleted { repo: to }),
            "renamed" => {
                let old = changed.changes.repository;
                old.map(|old| format!("{owner}/{}", old.name.from))
            }
            "transferred" => {
                let old = changed.changes.owner.map(|owner| owner.from);
                let old = old.and_then(|from| from.organization.or(from.user));
                old.map(|old| format!("{}/{name}", old.login))
            }
            _ => return Ok(self.other(Some(changed.action))),
        };
        let from = from.ok_or_else(|| self.field("`changes` does not say what it was before"))?;
        let from = from.parse().map_err(|error| self.field(error))?;
        Ok(HostEvent::RepositoryRenamed { from, to })
    }

    /// Somebody may not be any more in what they were in. Whoever came is looked at when they call.
    fn membership(&self, action: Option<String>) -> Result<HostEvent, BadPayload> {
        // `member` is about one repository, which is nothing to us; of a repository of a person's there is no more.
        if self.event == "member" {
            return Ok(self.other(action));
        }
        let changed: InOrganisation = self.read()?;
        let Some(named) = changed.organization.as_ref().and_then(named) else {
            return Ok(self.other(action));
        };
        let departure = match (self.event, action.as_deref().unwrap_or_default()) {
            ("organization", "member_removed") | ("membership", "removed") => {
                let person = changed.member.or(changed.membership.and_then(|m| m.user));
                let who = match (person, changed.team) {
                    (Some(account), _) => a_person(&account),
                    (None, Some(team)) => a_team(&named, &team),
                    (None, None) => Whose::Everybody,
                };
                Departure::from(named, who)
            }
            ("organization", "deleted") => Departure::from(named, Whose::Everybody),
            ("organization", "renamed") => {
                let was = changed.changes.get("login").and_then(|it| it.get("from"));
                let was = was.and_then(Value::as_str).and_then(|it| it.parse().ok());
                Departure::from(was.unwrap_or(named), Whose::Everybody)
            }
            ("team", "deleted") => {
                let who = changed.team.map(|team| a_team(&named, &team));
                Departure::from(named, who.unwrap_or(Whose::Everybody))
            }
            ("team", "edited") if !is_harmless(&changed.changes) => {
                Departure::from(named, Whose::Everybody)
            }
            _ => return Ok(self.other(action)),
        };
        Ok(HostEvent::Departed(departure))
    }
}

fn named(account: &Account) -> Option<Login> {
    account.login.parse().ok()
}

fn is_harmless(changes: &Map<String, Value>) -> bool {
    !changes.is_empty() && changes.keys().all(|it| HARMLESS.contains(&it.as_str()))
}

fn a_person(account: &Account) -> Whose {
    let id = (account.id != 0).then_some(AccountId(account.id));
    match (id, named(account)) {
        (None, None) => Whose::Everybody,
        (id, login) => Whose::Person { id, login },
    }
}

/// Whoever is in it, as far as that can be said of those who are remembered: not of a team below another, for they are in
/// that as well.
fn a_team(organisation: &Login, team: &Team) -> Whose {
    let slug = team.slug.as_deref().filter(|_| team.parent.is_none());
    let team = slug.and_then(|slug| TeamName::new(organisation.clone(), slug).ok());
    team.map_or(Whose::Everybody, Whose::Team)
}

//! What is on this GitHub: accounts, organisations, tokens, repositories.

use crate::{fake::Clock, git::Repository};
use domain::{Login, Membership, RepoName, Timestamp};
use ports::Clock as _;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// How long an installation's token lives.
pub(super) const INSTALLATION_TOKEN_LIVES: Duration = Duration::from_secs(3600);

pub(super) struct World {
    pub(super) clock: Arc<Clock>,
    pub(super) base: String,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    last_id: u64,
    pub(super) accounts: BTreeMap<Login, Account>,
    pub(super) organisations: BTreeMap<Login, Organisation>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) app: Option<App>,
    pub(super) installations: BTreeMap<u64, Installation>,
    pub(super) repos: BTreeMap<u64, Repo>,
    /// Names that repositories had before.
    pub(super) renamed: BTreeMap<RepoName, u64>,
    pub(super) oauth: super::oauth::State,
    pub(super) weather: super::weather::State,
    pub(super) requests: Vec<Request>,
    pub(super) deliveries: Vec<super::delivery::Delivery>,
}

/// A call that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    pub status: u16,
}

pub(super) struct Account {
    pub(super) id: u64,
    /// As its owner spells it.
    pub(super) spelled: String,
    pub(super) name: Option<String>,
    pub(super) kind: &'static str,
}

#[derive(Default)]
pub(super) struct Organisation {
    pub(super) members: BTreeMap<Login, Membership>,
    /// Who manages its bills, and is not among its members.
    pub(super) billing: BTreeSet<Login>,
    pub(super) teams: BTreeMap<String, Team>,
    /// Tokens need a single sign-on that they have not had.
    pub(super) closed: bool,
}

#[derive(Default)]
pub(super) struct Team {
    pub(super) id: u64,
    pub(super) parent: Option<String>,
    pub(super) members: BTreeMap<Login, Membership>,
}

pub(super) struct Token {
    pub(super) bearer: Bearer,
    pub(super) until: Option<Timestamp>,
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bearer {
    Person(Login),
    Installation(u64),
}

pub(super) struct App {
    pub(super) id: u64,
    pub(super) client_id: String,
    pub(super) public_key: Vec<u8>,
}

pub(super) struct Installation {
    pub(super) account: Login,
    pub(super) suspended: bool,
}

/// Names of checks, each with the number of the App that has to report it, if it has to be one.
pub(super) type Required = BTreeSet<(String, Option<i64>)>;

pub(super) struct Repo {
    pub(super) name: RepoName,
    pub(super) git: Repository,
    pub(super) default_branch: String,
    pub(super) private: bool,
    /// Its owner has the plan without rulesets for private repositories.
    pub(super) free: bool,
    /// By branch: what its protection requires, and what rulesets do.
    pub(super) protection: BTreeMap<String, Required>,
    pub(super) rules: BTreeMap<String, Required>,
    pub(super) protected_tags: BTreeSet<String>,
    /// Oldest first, each with its commit.
    pub(super) statuses: Vec<(String, Value)>,
    pub(super) check_runs: Vec<(String, Value)>,
    pub(super) deployments: Vec<Value>,
    /// By deployment.
    pub(super) deployment_statuses: Vec<(u64, Value)>,
    pub(super) hooks: BTreeMap<u64, Hook>,
}

pub(super) struct Hook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) content_type: String,
    pub(super) events: BTreeSet<String>,
    pub(super) active: bool,
    pub(super) last: Last,
}

/// What became of the last delivery of a hook.
#[derive(Clone, Copy)]
pub(super) enum Last {
    /// There was none.
    Unused,
    Answered(u16),
    /// Nobody answered.
    TimedOut,
}

impl World {
    pub(super) fn new(clock: Arc<Clock>, base: String) -> Self {
        Self {
            clock,
            base,
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        crate::fake::lock(&self.state)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        self.now().micros() / 1_000_000
    }
}

impl State {
    /// A number that nothing has yet.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        1000 + self.last_id
    }

    /// A repository by its name, and whether that is an old one.
    pub(super) fn find_repo(&self, name: &RepoName) -> Option<(u64, &Repo)> {
        let current = self.repos.iter().find(|(_, repo)| repo.name == *name);
        current.map(|(id, repo)| (*id, repo))
    }

    /// Whether somebody may see a repository, and whether they may write to it.
    pub(super) fn may(&self, bearer: &Bearer, repo: &Repo) -> (bool, bool) {
        let owner = owner(&repo.name);
        let theirs = match bearer {
            Bearer::Person(login) => {
                *login == owner
                    || self.organisations.get(&owner).is_some_and(|organisation| {
                        organisation.members.get(login) == Some(&Membership::Active)
                    })
            }
            Bearer::Installation(id) => self
                .installations
                .get(id)
                .is_some_and(|installation| installation.account == owner),
        };
        (theirs || !repo.private, theirs)
    }

    pub(super) fn simple_user(&self, login: &Login) -> Value {
        let account = self.accounts.get(login);
        serde_json::json!({
            "login": account.map_or(login.as_str(), |account| account.spelled.as_str()),
            "id": account.map_or(0, |account| account.id),
            "type": account.map_or("User", |account| account.kind),
        })
    }
}

/// The account that a repository belongs to.
pub(super) fn owner(repo: &RepoName) -> Login {
    let (owner, _) = repo.as_str().split_once('/').expect("owner/name");
    owner.parse().expect("an owner is an account")
}

/// The name of a repository within its account.
pub(super) fn short_name(repo: &RepoName) -> &str {
    repo.as_str().split_once('/').expect("owner/name").1
}

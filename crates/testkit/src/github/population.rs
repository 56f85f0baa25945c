//! What a test puts on its GitHub.

use super::{
    APP_ID, APP_KEY, CALLBACK, CLIENT_ID, CLIENT_SECRET, GitHub, oauth,
    world::{Account, App, Bearer, Installation, Organisation, Repo, State, Team, Token, World},
};
use crate::git::Repository;
use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    CheckState, CommitSha, Login, Membership, Person, RepoName, TeamName, people::AccountId,
};
use ring::{rsa::KeyPair, signature::KeyPair as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The App and the OAuth client, which are there from the beginning.
pub(super) fn found(world: &World) -> anyhow::Result<()> {
    let mut state = world.state();
    state.app = Some(App {
        id: APP_ID,
        client_id: CLIENT_ID.to_owned(),
        public_key: public_key(APP_KEY)?,
    });
    state.oauth.client = Some(oauth::Client {
        id: CLIENT_ID.to_owned(),
        secret: CLIENT_SECRET.to_owned(),
        callback: CALLBACK.to_owned(),
        device_flow: true,
    });
    Ok(())
}

fn public_key(pem: &str) -> anyhow::Result<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>())?;
    let pair = KeyPair::from_der(&der).map_err(|rejected| anyhow::anyhow!("{rejected}"))?;
    Ok(pair.public_key().as_ref().to_vec())
}

impl State {
    fn account(&mut self, spelled: &str, kind: &'static str, name: Option<&str>) -> Login {
        let login: Login = spelled.parse().expect("a login");
        let id = self.fresh_id();
        let account = Account {
            id,
            spelled: spelled.to_owned(),
            name: name.map(str::to_owned),
            kind,
        };
        let taken = self.accounts.insert(login.clone(), account);
        assert!(taken.is_none(), "{login} is there already");
        login
    }

    fn repo(&mut self, repo: &RepoName) -> &mut Repo {
        let id = self.find_repo(repo).map(|(id, _)| id);
        let repo = id.and_then(|id| self.repos.get_mut(&id));
        repo.expect("the repository is there")
    }

    fn organisation(&mut self, login: &Login) -> &mut Organisation {
        let found = self.organisations.get_mut(login);
        found.expect("the organisation is there")
    }
}

/// Accounts, organisations and teams.
///
/// # Panics
/// All of these where what is named is not there, is there already, or is no name.
impl GitHub {
    /// A person.
    pub fn person(&self, login: &str, name: Option<&str>) -> Person {
        let mut state = self.world.state();
        let login = state.account(login, "User", name);
        let id = AccountId(state.accounts[&login].id);
        let name = name.map(str::to_owned);
        Person { login, id, name }
    }

    /// A token of a person's.
    pub fn token(&self, person: &Login) -> SecretString {
        let mut state = self.world.state();
        let token = format!("ghp_{:036}", state.fresh_id());
        let bearer = Bearer::Person(person.clone());
        state.tokens.insert(
            token.clone(),
            Token {
                bearer,
                until: None,
            },
        );
        SecretString::from(token)
    }

    /// Revokes a token, whosever it is.
    pub fn revoke(&self, token: &SecretString) {
        self.world.state().tokens.remove(token.expose_secret());
    }

    /// Revokes every token of installations, as a change of the App's permissions does.
    pub fn revoke_installation_tokens(&self) {
        let is_persons = |_: &String, token: &mut Token| matches!(token.bearer, Bearer::Person(_));
        self.world.state().tokens.retain(is_persons);
    }

    /// An organisation, with nobody in it.
    pub fn organisation(&self, login: &str) -> Login {
        let mut state = self.world.state();
        let login = state.account(login, "Organization", None);
        state
            .organisations
            .insert(login.clone(), Organisation::default());
        login
    }

    /// Lets a person into an organisation, invites them, or takes them out, out of its teams too.
    pub fn member(&self, organisation: &Login, person: &Login, membership: Membership) {
        let mut state = self.world.state();
        let organisation = state.organisation(organisation);
        match membership {
            Membership::Active | Membership::Pending => {
                organisation.members.insert(person.clone(), membership);
            }
            Membership::Absent => {
                organisation.members.remove(person);
                for team in organisation.teams.values_mut() {
                    team.members.remove(person);
                }
            }
        }
    }

    /// Lets a person manage the bills of an organisation, which makes them no member.
    pub fn billing_manager(&self, organisation: &Login, person: &Login) {
        let mut state = self.world.state();
        let organisation = state.organisation(organisation);
        organisation.billing.insert(person.clone());
    }

    /// Asks tokens for a single sign-on that none of them has had.
    pub fn close(&self, organisation: &Login) {
        self.world.state().organisation(organisation).closed = true;
    }

    /// A team, perhaps below another of its organisation.
    pub fn team(&self, team: &TeamName, parent: Option<&TeamName>) {
        let mut state = self.world.state();
        let id = state.fresh_id();
        let made = Team {
            id,
            parent: parent.map(|parent| parent.slug().to_owned()),
            members: BTreeMap::new(),
        };
        let organisation = state.organisation(team.organisation());
        organisation.teams.insert(team.slug().to_owned(), made);
    }

    /// Lets a person into a team, invites them, or takes them out.
    pub fn team_member(&self, team: &TeamName, person: &Login, membership: Membership) {
        let mut state = self.world.state();
        let teams = &mut state.organisation(team.organisation()).teams;
        let team = teams.get_mut(team.slug()).expect("the team is there");
        match membership {
            Membership::Active | Membership::Pending => {
                team.members.insert(person.clone(), membership);
            }
            Membership::Absent => {
                team.members.remove(person);
            }
        }
    }

    /// Installs the App at an account.
    pub fn install(&self, account: &Login) {
        let mut state = self.world.state();
        let id = state.fresh_id();
        let installation = Installation {
            account: account.clone(),
            suspended: false,
        };
        state.installations.insert(id, installation);
    }

    /// Suspends the App at an account.
    pub fn suspend(&self, account: &Login) {
        let mut state = self.world.state();
        let mut installations = state.installations.values_mut();
        let found = installations.find(|one| one.account == *account);
        found.expect("it is installed there").suspended = true;
    }

    /// Takes the App away from an account.
    pub fn uninstall(&self, account: &Login) {
        let installations = &mut self.world.state().installations;
        installations.retain(|_, one| one.account != *account);
    }
}

/// Repositories.
///
/// # Panics
/// All of these where what is named is not there.
impl GitHub {
    /// A private repository, whose default branch is `main`. Commit to it through what is answered.
    ///
    /// # Errors
    /// Git failed, or the name is none.
    pub fn repository(&self, name: &str) -> anyhow::Result<Repository> {
        let name: RepoName = name.parse().context("owner/name")?;
        let mut state = self.world.state();
        ensure!(state.find_repo(&name).is_none(), "{name} is there already");
        let id = state.fresh_id();
        // By its number, which stays when it is renamed.
        let git = self.repositories.create(&format!("repositories/{id}"))?;
        let repo = Repo {
            name,
            git: git.clone(),
            default_branch: "main".to_owned(),
            private: true,
            free: false,
            protection: BTreeMap::new(),
            rules: BTreeMap::new(),
            protected_tags: BTreeSet::new(),
            statuses: Vec::new(),
            check_runs: Vec::new(),
            deployments: Vec::new(),
            deployment_statuses: Vec::new(),
            hooks: BTreeMap::new(),
        };
        state.repos.insert(id, repo);
        Ok(git)
    }

    /// Shows a repository to everybody.
    pub fn publish(&self, repo: &RepoName) {
        self.world.state().repo(repo).private = false;
    }

    /// Renames a repository, or gives it to another account. Its old name leads to it.
    pub fn rename(&self, repo: &RepoName, to: &RepoName) {
        let mut state = self.world.state();
        let id = state.find_repo(repo).map(|(id, _)| id);
        let id = id.expect("the repository is there");
        state.repo(repo).name = to.clone();
        state.renamed.remove(to);
        state.renamed.insert(repo.clone(), id);
    }

    /// Deletes a repository.
    pub fn delete(&self, repo: &RepoName) {
        self.world.state().repos.retain(|_, one| one.name != *repo);
    }

    /// Lets the protection of a branch require these checks.
    pub fn protect(&self, repo: &RepoName, branch: &str, contexts: &[&str]) {
        let contexts = contexts.iter().map(|&name| (name.to_owned(), None));
        let mut state = self.world.state();
        let protection = &mut state.repo(repo).protection;
        protection.insert(branch.to_owned(), contexts.collect());
    }

    /// Lets the protection of a branch require these checks, each from the App of that number, or from any: -1.
    pub fn protect_from(&self, repo: &RepoName, branch: &str, checks: &[(&str, i64)]) {
        let checks = checks
            .iter()
            .map(|&(name, app)| (name.to_owned(), Some(app)));
        let mut state = self.world.state();
        let protection = &mut state.repo(repo).protection;
        protection.insert(branch.to_owned(), checks.collect());
    }

    /// Lets a ruleset require these checks of a branch.
    pub fn rule(&self, repo: &RepoName, branch: &str, contexts: &[&str]) {
        let contexts = contexts.iter().map(|&name| (name.to_owned(), None));
        let mut state = self.world.state();
        let rules = &mut state.repo(repo).rules;
        rules.insert(branch.to_owned(), contexts.collect());
    }

    /// Lets a ruleset require these checks of a branch, each from the App of that number.
    pub fn rule_from(&self, repo: &RepoName, branch: &str, checks: &[(&str, i64)]) {
        let checks = checks
            .iter()
            .map(|&(name, app)| (name.to_owned(), Some(app)));
        let mut state = self.world.state();
        let rules = &mut state.repo(repo).rules;
        rules.insert(branch.to_owned(), checks.collect());
    }

    /// Gives the owner of a repository the plan that has no rulesets for private ones.
    pub fn downgrade(&self, repo: &RepoName) {
        self.world.state().repo(repo).free = true;
    }

    /// Forbids to make or move a tag.
    pub fn protect_tag(&self, repo: &RepoName, tag: &str) {
        let mut state = self.world.state();
        state.repo(repo).protected_tags.insert(tag.to_owned());
    }

    /// Somebody takes the hooks away that call an address.
    pub fn remove_hooks(&self, repo: &RepoName, address: &str) {
        let mut state = self.world.state();
        let hooks = &mut state.repo(repo).hooks;
        hooks.retain(|_, hook| hook.url != address);
    }

    /// Somebody lets the hooks that call an address tell of this alone.
    pub fn change_hooks(&self, repo: &RepoName, address: &str, event: &str) {
        let mut state = self.world.state();
        let hooks = state.repo(repo).hooks.values_mut();
        for hook in hooks.filter(|hook| hook.url == address) {
            hook.events = [event.to_owned()].into();
        }
    }

    /// Somebody reports a commit status.
    pub fn report_status(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        name: &str,
        check: CheckState,
    ) {
        let word = match check {
            CheckState::Pending => "pending",
            CheckState::Passed => "success",
            CheckState::Failed => "failure",
        };
        let status = json!({ "context": name, "state": word, "description": null });
        let mut state = self.world.state();
        let statuses = &mut state.repo(repo).statuses;
        statuses.push((commit.to_string(), status));
    }

    /// An App reports a check run, in GitHub's words: `queued`, `in_progress`, `completed`, and its conclusion.
    pub fn report_check(
        &self,
        repo: &RepoName,
        commit: &CommitSha,
        (app, name): (u64, &str),
        (status, conclusion): (&str, Option<&str>),
    ) {
        let app = json!({ "id": app });
        let run = json!({ "name": name, "status": status, "conclusion": conclusion, "app": app });
        let mut state = self.world.state();
        let runs = &mut state.repo(repo).check_runs;
        runs.push((commit.to_string(), run));
    }
}

//! People, organisations and teams in memory.

use super::{
    hours::{Hours, InTheWay},
    lock,
};
use async_trait::async_trait;
use domain::{AccountId, Login, Membership, Person, TeamName};
use ports::directory::Error;
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// Who is who.
#[derive(Default)]
pub struct Directory {
    state: Mutex<State>,
    hours: Arc<Hours>,
    questions: AtomicU64,
    /// Whether answers about teams are kept back.
    kept_back: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    tokens: BTreeMap<String, Person>,
    organisations: BTreeMap<Login, Organisation>,
    teams: BTreeMap<TeamName, Team>,
}

#[derive(Default)]
struct Organisation {
    members: BTreeMap<AccountId, Membership>,
    closed: bool,
}

#[derive(Default)]
struct Team {
    parent: Option<TeamName>,
    members: BTreeMap<AccountId, Membership>,
}

fn set(members: &mut BTreeMap<AccountId, Membership>, who: &Person, membership: Membership) {
    match membership {
        Membership::Active | Membership::Pending => {
            members.insert(who.id, membership);
        }
        Membership::Absent => {
            members.remove(&who.id);
        }
    }
}

impl Directory {
    /// Whether it answers.
    #[must_use]
    pub fn hours(&self) -> Arc<Hours> {
        Arc::clone(&self.hours)
    }

    /// How often it was asked anything.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::SeqCst)
    }

    /// From now on whoever asks for their teams waits for the answer, which is of the time when they asked.
    pub fn keep_back(&self) {
        self.kept_back.send_replace(true);
    }

    /// Whether somebody waits.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.kept_back.receiver_count() > 0
    }

    /// Gives the answers that were kept back.
    pub fn give(&self) {
        self.kept_back.send_replace(false);
    }

    /// Gives a person a token.
    pub fn token(&self, person: &Person, token: &SecretString) {
        let token = token.expose_secret().to_owned();
        lock(&self.state).tokens.insert(token, person.clone());
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &SecretString) {
        lock(&self.state).tokens.remove(token.expose_secret());
    }

    /// An organisation, where the server has a credential.
    pub fn organisation(&self, organisation: &Login) {
        let mut state = lock(&self.state);
        state.organisations.entry(organisation.clone()).or_default();
    }

    /// Keeps everybody's own token out of an organisation.
    pub fn close(&self, organisation: &Login) {
        let mut state = lock(&self.state);
        let found = state.organisations.entry(organisation.clone());
        found.or_default().closed = true;
    }

    /// Lets somebody in, invites them, or takes them out, out of the teams too.
    pub fn member(&self, organisation: &Login, person: &Person, membership: Membership) {
        let mut state = lock(&self.state);
        let found = state.organisations.entry(organisation.clone());
        set(&mut found.or_default().members, person, membership);
        if membership == Membership::Absent {
            let teams = state.teams.iter_mut();
            let theirs = teams.filter(|(team, _)| team.organisation() == organisation);
            theirs.for_each(|(_, team)| set(&mut team.members, person, membership));
        }
    }

    /// A team, perhaps below another.
    pub fn team(&self, team: &TeamName, parent: Option<&TeamName>) {
        let mut state = lock(&self.state);
        state.teams.entry(team.clone()).or_default().parent = parent.cloned();
    }

    /// Lets somebody into a team, invites them, or takes them out.
    pub fn team_member(&self, team: &TeamName, person: &Person, membership: Membership) {
        let mut state = lock(&self.state);
        let team = state.teams.entry(team.clone()).or_default();
        set(&mut team.members, person, membership);
    }

    fn pass(&self) -> Result<(), Error> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.hours.pass().map_err(|way| match way {
            InTheWay::Silence(detail) => Error::NotReachable { detail },
            InTheWay::Limit(until) => Error::RateLimited { until },
        })
    }
}

impl State {
    fn bearer(&self, token: &SecretString) -> Result<&Person, Error> {
        let found = self.tokens.get(token.expose_secret());
        found.ok_or(Error::BadToken)
    }

    fn teams_of(
        &self,
        token: &SecretString,
        organisations: &BTreeSet<Login>,
    ) -> Result<BTreeSet<TeamName>, Error> {
        let person = self.bearer(token)?;
        let is_open = |team: &TeamName| {
            let found = self.organisations.get(team.organisation());
            organisations.contains(team.organisation()) && found.is_some_and(|o| !o.closed)
        };
        let theirs = self.teams.iter().filter(|(name, team)| {
            is_open(name) && team.members.get(&person.id) == Some(&Membership::Active)
        });
        let all = theirs.flat_map(|(name, _)| self.upwards(name));
        Ok(all.cloned().collect())
    }

    /// A team, and those above it.
    fn upwards<'a>(&'a self, team: &'a TeamName) -> impl Iterator<Item = &'a TeamName> {
        std::iter::successors(Some(team), |team| self.teams.get(*team)?.parent.as_ref())
    }
}

#[async_trait]
impl ports::Directory for Directory {
    async fn identify(&self, token: &SecretString) -> Result<Person, Error> {
        self.pass()?;
        lock(&self.state).bearer(token).cloned()
    }

    async fn membership(
        &self,
        token: &SecretString,
        organisation: &Login,
    ) -> Result<Membership, Error> {
        self.pass()?;
        let state = lock(&self.state);
        let person = state.bearer(token)?;
        match state.organisations.get(organisation) {
            None => Ok(Membership::Absent),
            Some(found) if found.closed => Err(Error::Forbidden {
                detail: "the organisation wants a single sign-on".to_owned(),
            }),
            Some(found) => {
                let membership = found.members.get(&person.id).copied();
                Ok(membership.unwrap_or(Membership::Absent))
            }
        }
    }

    async fn teams(
        &self,
        token: &SecretString,
        organisations: &BTreeSet<Login>,
    ) -> Result<BTreeSet<TeamName>, Error> {
        self.pass()?;
        let answer = lock(&self.state).teams_of(token, organisations);
        // The sender lives as long as the directory.
        let given = self
            .kept_back
            .subscribe()
            .wait_for(|kept| !kept)
            .await
            .is_ok();
        debug_assert!(given);
        answer
    }

    async fn membership_of(
        &self,
        person: &Person,
        organisation: &Login,
    ) -> Result<Membership, Error> {
        self.pass()?;
        let state = lock(&self.state);
        let account = organisation.clone();
        let found = state.organisations.get(organisation);
        let members = &found.ok_or(Error::NoCredential { account })?.members;
        let membership = members.get(&person.id).copied();
        Ok(membership.unwrap_or(Membership::Absent))
    }

    async fn team_membership_of(
        &self,
        person: &Person,
        team: &TeamName,
    ) -> Result<Membership, Error> {
        let inside = self.membership_of(person, team.organisation()).await?;
        if !inside.is_active() {
            return Ok(Membership::Absent);
        }
        let state = lock(&self.state);
        let below = state.teams.iter();
        let below = below.filter(|(one, _)| state.upwards(one).any(|above| above == team));
        let memberships = below.filter_map(|(_, team)| team.members.get(&person.id).copied());
        Ok(memberships.min().unwrap_or(Membership::Absent))
    }
}

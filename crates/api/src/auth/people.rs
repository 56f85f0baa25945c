//! People: who bears a token of GitHub, and what they are in. Asked of GitHub, and remembered for minutes.
//!
//! **Invariant:** nobody is let in whom GitHub has not confirmed within `Times::cache`, or within `Times::grace` more
//! while GitHub does not answer. A token that GitHub does not know is never remembered as good.

mod memory;

use super::{Browsers, Devices, Session, departures::Departures};
use crate::{
    secret,
    status::{Refusal, Stranger},
};
use domain::{
    EventId, Login, Person,
    access::{Grant, Policy, Standing},
};
use memory::{Known, Memory};
use ports::{Directory, SignIn, directory, store::tokens::TokenHash};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};

/// The most questions about tokens that are not known yet, at once. Each is some calls to GitHub.
const NEWCOMERS_MAX: usize = 8;
/// The most questions about tokens that are known, at once: apart from the others, so that strangers do not keep those
/// out who are in.
const RENEWALS_MAX: usize = 16;
/// How soon GitHub is asked again when it did not answer, for each token.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// How long an answer of GitHub's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// For how long it is not asked again. 0 to 5 min.
    pub cache: Duration,
    /// For how much longer the answer counts while GitHub does not answer. 0: not at all.
    pub grace: Duration,
}

impl Times {
    /// The longest that somebody who has left stays in.
    pub const CACHE_MAX: Duration = Duration::from_secs(5 * 60);
    /// How long who was confirmed goes on while GitHub does not answer, unless it is said otherwise.
    pub const GRACE: Duration = Duration::from_secs(10 * 60);
}

impl Default for Times {
    fn default() -> Self {
        Self {
            cache: Self::CACHE_MAX,
            grace: Self::GRACE,
        }
    }
}

/// Somebody whom GitHub has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) person: Person,
    pub(crate) standing: Standing,
    /// Before GitHub was asked, so that who leaves meanwhile is out in time.
    pub(crate) at: Instant,
    /// Departures up to this event were known before GitHub was asked.
    pub(crate) as_of: EventId,
}

/// Who is let in by GitHub, and what they are granted.
pub struct People {
    directory: Arc<dyn Directory>,
    pub(crate) devices: Devices,
    pub(crate) browsers: Browsers,
    policy: Policy,
    times: Times,
    memory: Memory,
    newcomers: Semaphore,
    renewals: Semaphore,
    departures: Departures,
}

impl People {
    /// People as this directory knows them, with what this policy grants them. A time to cache above
    /// `Times::CACHE_MAX` counts as that.
    #[must_use]
    pub fn new(
        directory: Arc<dyn Directory>,
        sign_in: Arc<dyn SignIn>,
        policy: Policy,
        times: Times,
    ) -> Self {
        let times = Times {
            cache: times.cache.min(Times::CACHE_MAX),
            ..times
        };
        Self {
            directory,
            devices: Devices::new(Arc::clone(&sign_in)),
            browsers: Browsers::new(sign_in, None),
            policy,
            times,
            memory: Memory::default(),
            newcomers: Semaphore::new(NEWCOMERS_MAX),
            renewals: Semaphore::new(RENEWALS_MAX),
            departures: Departures::new(times.cache + times.grace),
        }
    }

    /// Lets them sign in by a browser as well, which comes back to this address.
    #[must_use]
    pub fn coming_back_to(mut self, redirect: String) -> Self {
        self.browsers = self.browsers.coming_back_to(redirect);
        self
    }

    /// Whether somebody has been let in with this token lately.
    pub(crate) fn knows(&self, hash: &TokenHash) -> bool {
        matches!(self.memory.get(hash), Some(Known::Good { .. }))
    }

    pub(super) const fn departures(&self) -> &Departures {
        &self.departures
    }

    /// Whether somebody may have left since GitHub said this of them.
    fn may_have_left(&self, confirmed: &Confirmed) -> bool {
        let (person, standing) = (&confirmed.person, &confirmed.standing);
        self.departures.concern(person, standing, confirmed.as_of)
    }

    pub(crate) const fn times(&self) -> Times {
        self.times
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What somebody is granted.
    pub(crate) fn grants_of(&self, standing: &Standing) -> Vec<Grant> {
        self.policy.grants_of(standing)
    }

    /// Somebody who has called lately, by their name.
    pub(crate) fn lately(&self, login: &Login) -> Option<Arc<Confirmed>> {
        let good_for = self.times.cache + self.times.grace;
        let found = self.memory.by_login(login)?;
        (found.at.elapsed() < good_for && !self.may_have_left(&found)).then_some(found)
    }

    /// Who bears this token, asked now.
    ///
    /// # Errors
    /// As `bearer`.
    pub(crate) async fn again(&self, token: &str) -> Result<Arc<Confirmed>, Refusal> {
        // The semaphores are never closed.
        let _turn = self.renewals.acquire().await.map_err(|_| Refusal::Broken)?;
        let token_hash = secret::hash(token);
        self.ask(token_hash, &SecretString::from(token.to_owned()))
            .await
    }

    /// What a person is in now, asked with the server's own credential. None: GitHub does not answer.
    ///
    /// # Errors
    /// `SessionNotRenewed`.
    pub(crate) async fn standing_of(&self, person: &Person) -> Result<Option<Confirmed>, Refusal> {
        match self.look(person).await? {
            Ok(confirmed) => Ok(Some(confirmed)),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, login = %person.login, "GitHub does not answer; a session goes on within its grace");
                Ok(None)
            }
            Err(error) => Err(Stranger::SessionNotRenewed(error).into()),
        }
    }

    /// A session as it counts now. Of whoever may have left since it was confirmed GitHub is asked again; while that does
    /// not answer, nothing is confirmed of them.
    ///
    /// # Errors
    /// `GitHubSilent`, `SessionNotRenewed`.
    pub(super) async fn session_now(&self, session: Session) -> Result<Session, Refusal> {
        let (person, standing) = (&session.person, &session.standing);
        if !self.departures.concern(person, standing, session.as_of) {
            return Ok(session);
        }
        let lately = self.memory.asked_again(person.id).filter(|confirmed| {
            confirmed.at.elapsed() < self.times.cache && !self.may_have_left(confirmed)
        });
        let confirmed = match lately {
            Some(confirmed) => confirmed,
            None => match self.look(person).await? {
                Ok(confirmed) => self.memory.is_as(confirmed),
                Err(error) if error.is_transient() => {
                    return Err(Stranger::GitHubSilent(error).into());
                }
                Err(error) => return Err(Stranger::SessionNotRenewed(error).into()),
            },
        };
        Ok(Session {
            standing: confirmed.standing.clone(),
            as_of: confirmed.as_of,
            ..session
        })
    }

    async fn look(&self, person: &Person) -> Result<Result<Confirmed, directory::Error>, Refusal> {
        // The semaphores are never closed.
        let _turn = self.renewals.acquire().await.map_err(|_| Refusal::Broken)?;
        let (at, as_of) = (Instant::now(), self.departures.as_of());
        let standing = self.look_up(person).await;
        Ok(standing.map(|standing| Confirmed {
            person: person.clone(),
            standing,
            at,
            as_of,
        }))
    }

    async fn look_up(&self, person: &Person) -> Result<Standing, directory::Error> {
        let mut standing = Standing::default();
        for organisation in self.policy.organisations() {
            let membership = self.directory.membership_of(person, organisation).await?;
            if membership.is_active() {
                standing.organisations.insert(organisation.clone());
            }
        }
        for team in self.policy.teams() {
            if !standing.organisations.contains(team.organisation()) {
                continue;
            }
            let membership = self.directory.team_membership_of(person, team).await?;
            if membership.is_active() {
                standing.teams.insert(team.clone());
            }
        }
        Ok(standing)
    }

    /// Who bears this token.
    ///
    /// # Errors
    /// `GitHubTokenUnknown`, `GitHubForbids`, `GitHubSilent`, `TooManyStrangers`.
    pub(crate) async fn bearer(&self, token: &str) -> Result<Arc<Confirmed>, Refusal> {
        let hash = secret::hash(token);
        if let Some(answer) = self.remembered(&hash) {
            return answer;
        }
        let queue = match self.memory.get(&hash) {
            Some(Known::Good { .. }) => &self.renewals,
            Some(Known::Bad { .. }) | None => &self.newcomers,
        };
        // The semaphores are never closed.
        let _turn = queue.acquire().await.map_err(|_| Refusal::Broken)?;
        // Whoever came at the same time with the same token may have asked meanwhile.
        if let Some(answer) = self.remembered(&hash) {
            return answer;
        }
        self.ask(hash, &SecretString::from(token.to_owned())).await
    }

    /// What is known without asking. None: ask.
    fn remembered(&self, hash: &TokenHash) -> Option<Result<Arc<Confirmed>, Refusal>> {
        match self.memory.get(hash)? {
            Known::Good { confirmed, .. } if self.may_have_left(&confirmed) => None,
            Known::Good { confirmed, asked } => {
                let age = confirmed.at.elapsed();
                let lately_in_vain = age < self.times.cache + self.times.grace
                    && asked > confirmed.at
                    && asked.elapsed() < ASK_AGAIN;
                (age < self.times.cache || lately_in_vain).then_some(Ok(confirmed))
            }
            Known::Bad { until } => {
                (Instant::now() < until).then(|| Err(Stranger::GitHubTokenUnknown.into()))
            }
        }
    }

    async fn ask(&self, hash: TokenHash, token: &SecretString) -> Result<Arc<Confirmed>, Refusal> {
        let before = self.memory.get(&hash);
        let is_known = matches!(before, Some(Known::Good { .. }));
        if !is_known && !self.memory.may_try_a_stranger() {
            return Err(Stranger::TooManyStrangers.into());
        }
        match self.confirm(token).await {
            Ok(confirmed) => {
                let confirmed = Arc::new(confirmed);
                self.memory.is_good(hash, Arc::clone(&confirmed));
                Ok(confirmed)
            }
            Err(error) if error.is_transient() => match before {
                Some(Known::Good { confirmed, .. })
                    if confirmed.at.elapsed() < self.times.cache + self.times.grace
                        && !self.may_have_left(&confirmed) =>
                {
                    tracing::warn!(%error, login = %confirmed.person.login, "GitHub does not answer; who was confirmed lately goes on");
                    self.memory.asked_in_vain(&hash);
                    Ok(confirmed)
                }
                Some(_) | None => Err(Stranger::GitHubSilent(error).into()),
            },
            Err(directory::Error::BadToken) => {
                self.memory.is_bad(hash);
                Err(Stranger::GitHubTokenUnknown.into())
            }
            Err(error) => {
                self.memory.forget(&hash);
                Err(Stranger::GitHubForbids(error).into())
            }
        }
    }

    /// Asks who it is, and what they are in. An organisation that the token may not see is one that they are not in,
    /// unless they would be in none then: they are told why.
    async fn confirm(&self, token: &SecretString) -> Result<Confirmed, directory::Error> {
        let (at, as_of) = (Instant::now(), self.departures.as_of());
        let person = self.directory.identify(token).await?;
        let mut standing = Standing::default();
        let mut forbidden = None;
        for organisation in self.policy.organisations() {
            match self.directory.membership(token, organisation).await {
                Ok(membership) if membership.is_active() => {
                    standing.organisations.insert(organisation.clone());
                }
                Ok(_) => {}
                Err(error @ directory::Error::Forbidden { .. }) => forbidden = Some(error),
                Err(error) => return Err(error),
            }
        }
        match forbidden {
            Some(error) if standing.organisations.is_empty() => return Err(error),
            Some(_) | None => {}
        }
        if !standing.organisations.is_empty() {
            let teams = self.directory.teams(token, &standing.organisations);
            standing.teams = teams.await?;
        }
        Ok(Confirmed {
            person,
            standing,
            at,
            as_of,
        })
    }
}

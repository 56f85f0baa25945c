//! Who calls: the bearer of a token of ours, looked up by its hash, or of one of GitHub's.

mod browsers;
mod departures;
mod devices;
mod people;
mod seen;
mod sessions;

pub(crate) use browsers::{Begun, Browsers, Came, LIVES as SIGN_IN_LIVES};
pub(crate) use devices::Devices;
pub(crate) use people::Confirmed;
pub use people::{People, Times};
use seen::Seen;
pub(crate) use sessions::{Session, Sessions, Wanted};

use crate::{
    secret,
    status::{Refusal, Stranger},
};
use controller::Deps;
use domain::{
    EventId, Timestamp,
    access::{Grant, Grantee, Place, Scope, decide},
    audit::Proof,
    token::{Role, Token},
};
use ports::{
    Clock, Store,
    store::{Origin, audit::Asked, events::EventFilter, tokens::TokenHash},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The most tokens that are remembered. There are few; an attacker's guesses are never remembered.
const CACHED_MAX: usize = 1000;
/// How exactly the last use of a token is noted.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// How GitHub's tokens of people begin. One that was made before they had a beginning is 40 hexadecimal digits.
const GITHUBS: [&str; 4] = ["ghp_", "gho_", "ghu_", "github_pat_"];
/// The longest token of GitHub's.
const GITHUBS_MAX: usize = 255;

/// Who makes a call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) grants: Arc<[Grant]>,
    /// With which they have shown it. None: a token of ours, of which nobody else is asked.
    pub(crate) bearing: Option<SecretString>,
}

/// How a caller has shown who they are.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    Token(Token),
    Person(Arc<Confirmed>),
    Session(Arc<Session>),
}

impl Caller {
    /// Whoever bears this token.
    pub(crate) fn bearing(token: Token) -> Self {
        let grant = Grant {
            to: Grantee::Token(token.name.clone()),
            role: token.role,
            scope: Scope::EVERYTHING,
        };
        Self {
            grants: Arc::from([grant]),
            bearing: None,
            who: Who::Token(token),
        }
    }

    /// As events and requests know them. No token has such a name as people have.
    pub(crate) fn actor(&self) -> String {
        match &self.who {
            Who::Token(token) => token.name.clone(),
            Who::Person(confirmed) => format!("{PEOPLE}{}", confirmed.person.login),
            Who::Session(session) => format!("{PEOPLE}{}", session.person.login),
        }
    }

    /// What the audit log says of whoever makes this call.
    pub(crate) fn origin(&self, method: &str) -> Origin {
        let (proof, credential) = match &self.who {
            Who::Token(token) => (Proof::Token, token.id.to_string()),
            Who::Person(confirmed) => (Proof::GitHub, confirmed.person.id.to_string()),
            Who::Session(session) => (Proof::Session, session.id.clone()),
        };
        Origin::Asked(Arc::new(Asked {
            proof,
            credential,
            action: method.to_owned(),
            request: secret::random_id(),
        }))
    }

    /// May do what takes this role, wherever that is.
    pub(crate) fn may_everywhere(&self, role: Role) -> bool {
        decide(&self.grants, role, &Place::EVERYWHERE).is_ok()
    }

    /// For how long they count as who they are. None: as long as they like.
    pub(crate) fn good_for(&self, now: Timestamp, times: Option<Times>) -> Option<Duration> {
        let times = times.unwrap_or_default();
        match &self.who {
            Who::Token(_) => None,
            Who::Person(confirmed) => {
                let age = confirmed.at.elapsed();
                let fresh = times.cache.checked_sub(age);
                // Older ones are let in while GitHub does not answer.
                Some(fresh.unwrap_or_else(|| (times.cache + times.grace).saturating_sub(age)))
            }
            Who::Session(session) => Some(session.expires_at.since(now)),
        }
    }

    /// The role of a token of ours, which it has everywhere.
    pub(crate) fn token_role(&self) -> Option<Role> {
        match &self.who {
            Who::Token(token) => Some(token.role),
            Who::Person(_) | Who::Session(_) => None,
        }
    }
}

/// Before the name of a person, where names of tokens stand too.
pub(crate) const PEOPLE: &str = domain::people::AS_ACTOR;

/// Looks tokens up, and remembers those that are known until an event tells of a change of any token.
pub(crate) struct Authenticator {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    people: Option<Arc<People>>,
    sessions: Arc<Sessions>,
    cache: Mutex<Cache>,
    seen: Seen,
}

#[derive(Default)]
struct Cache {
    tokens: BTreeMap<TokenHash, Token>,
    /// Those that were there once, whatever became of them: as many as tokens at most.
    seen: BTreeSet<TokenHash>,
    /// The events up to this one are known not to have changed what is here.
    checked: Option<EventId>,
}

impl Authenticator {
    pub(crate) fn new(deps: &Deps, people: Option<Arc<People>>, sessions: Arc<Sessions>) -> Self {
        Self {
            store: Arc::clone(&deps.store),
            clock: Arc::clone(&deps.clock),
            people,
            sessions,
            cache: Mutex::default(),
            seen: Seen::default(),
        }
    }

    /// The caller who bears what an `authorization` header says.
    ///
    /// # Errors
    /// `TokenMissing`, `TokenUnknown`, `TokenExpired`, `TokenRevoked`, those of people, and those of the database.
    pub(crate) async fn caller(&self, header: Option<&str>) -> Result<Caller, Refusal> {
        let secret = header.and_then(bearer).ok_or(Stranger::TokenMissing)?;
        self.bearer_of(secret).await
    }

    /// A caller whom GitHub vouches for, as they are now.
    ///
    /// # Errors
    /// As `caller`.
    pub(crate) async fn again(&self, caller: &Caller) -> Result<Caller, Refusal> {
        match &caller.bearing {
            Some(secret) => self.bearer_of(secret.expose_secret()).await,
            None => Ok(caller.clone()),
        }
    }

    async fn bearer_of(&self, secret: &str) -> Result<Caller, Refusal> {
        let bearing = || Some(SecretString::from(secret));
        match &self.people {
            Some(people) if is_githubs(secret) => {
                self.hear(people.departures()).await?;
                let confirmed = people.bearer(secret).await?;
                let grants = people.grants_of(&confirmed.standing);
                self.see(&confirmed.person, &confirmed.standing, &grants)
                    .await;
                Ok(Caller {
                    grants: grants.into(),
                    bearing: bearing(),
                    who: Who::Person(confirmed),
                })
            }
            Some(people) if sessions::is_sessions(secret) => {
                let session = self.sessions.bearer(secret).await?;
                self.hear(people.departures()).await?;
                let session = people.session_now(session).await?;
                let grants = people.grants_of(&session.standing);
                self.see(&session.person, &session.standing, &grants).await;
                Ok(Caller {
                    grants: grants.into(),
                    bearing: bearing(),
                    who: Who::Session(Arc::new(session)),
                })
            }
            Some(_) | None => self.bearer_of_ours(secret).await,
        }
    }

    /// Whether this is no guess: it was somebody's, or it takes no question to the database or to GitHub to tell that it
    /// is nobody's.
    pub(crate) fn remembers(&self, header: Option<&str>) -> bool {
        let Some(secret) = header.and_then(bearer) else {
            return true;
        };
        if sessions::is_sessions(secret) {
            // Its signature tells.
            return true;
        }
        let hash = secret::hash(secret);
        let is_known = |people: &Arc<People>| people.knows(&hash);
        self.cache().seen.contains(&hash) || self.people.as_ref().is_some_and(is_known)
    }

    async fn bearer_of_ours(&self, secret: &str) -> Result<Caller, Refusal> {
        let hash = secret::hash(secret);
        let as_of = self.forget_what_changed().await?;
        let known = self.cache().tokens.get(&hash).cloned();
        let token = match known {
            Some(token) => token,
            None => {
                let found = self.store.find_token(&hash).await?;
                let token = found.ok_or(Stranger::TokenUnknown)?;
                self.remember(hash, token.clone(), as_of);
                token
            }
        };
        let now = self.clock.now();
        if token.revoked_at.is_some() {
            return Err(Stranger::TokenRevoked { name: token.name }.into());
        }
        if !token.is_good(now) {
            return Err(Stranger::TokenExpired { name: token.name }.into());
        }
        self.touch(hash, &token, now, as_of).await;
        Ok(Caller::bearing(token))
    }

    /// Empties the cache when an event since the last look tells of a token, and answers up to which event that is so.
    /// Without new events it costs nothing.
    async fn forget_what_changed(&self) -> Result<EventId, Refusal> {
        let newest = *self.store.newest_event().borrow();
        let checked = self.cache().checked;
        if checked == Some(newest) {
            return Ok(newest);
        }
        let changed = match checked {
            Some(checked) => {
                let of_tokens = EventFilter {
                    kind: Some("token".to_owned()),
                    ..EventFilter::default()
                };
                let events = self.store.events_after(checked, &of_tokens, 1).await?;
                !events.is_empty()
            }
            None => true,
        };
        let mut cache = self.cache();
        if changed {
            cache.tokens.clear();
        }
        cache.checked = cache.checked.max(Some(newest));
        Ok(newest)
    }

    /// Remembers what was read as of an event, unless the cache knows later ones: the token may have changed since.
    fn remember(&self, hash: TokenHash, token: Token, as_of: EventId) {
        let mut cache = self.cache();
        if cache.checked != Some(as_of) {
            return;
        }
        if cache.tokens.len() >= CACHED_MAX {
            cache.tokens.clear();
        }
        if cache.seen.len() >= CACHED_MAX {
            cache.seen.clear();
        }
        cache.seen.insert(hash);
        cache.tokens.insert(hash, token);
    }

    /// Notes the use, once a minute. That it cannot be noted is no reason to refuse a call.
    async fn touch(&self, hash: TokenHash, token: &Token, now: Timestamp, as_of: EventId) {
        let noted = token
            .last_used_at
            .is_some_and(|at| now.since(at) < TOUCH_EVERY);
        if noted {
            return;
        }
        let mut used = token.clone();
        used.last_used_at = Some(now);
        self.remember(hash, used, as_of);
        if let Err(error) = self.store.touch_token(token.id, now).await {
            tracing::debug!(token = %token.id, %error, "its use is not noted");
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call bears.
pub(crate) fn borne(metadata: &tonic::metadata::MetadataMap) -> Option<&str> {
    let header = metadata.get("authorization")?.to_str().ok()?;
    bearer(header)
}

/// The secret of `Bearer …`. The scheme's case does not matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, secret) = header.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// Whether GitHub is asked about it. Nothing of ours looks so.
fn is_githubs(secret: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let of_old = secret.len() == 40 && secret.bytes().all(|b| b.is_ascii_hexdigit());
    let of_now = GITHUBS.iter().any(|prefix| secret.starts_with(prefix));
    secret.len() <= GITHUBS_MAX && secret.bytes().all(plain) && (of_old || of_now)
}

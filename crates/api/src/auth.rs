//! Who calls: the bearer token, looked up by its hash.

use crate::{
    secret,
    status::{Refusal, Stranger},
};
use domain::{
    EventId, Timestamp,
    token::{Role, Token},
};
use ports::{
    Clock, Store,
    store::{events::EventFilter, tokens::TokenHash},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The most tokens that are remembered. There are few; an attacker's guesses are never remembered.
const CACHED_MAX: usize = 1000;
/// How exactly the last use of a token is noted.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// Who makes a call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Token,
}

impl Caller {
    /// May see the values of variables.
    pub(crate) fn reads_secrets(&self) -> bool {
        self.token.role >= Role::Deployer
    }
}

/// Looks tokens up, and remembers those that are known until an event tells of a change of any token.
pub(crate) struct Authenticator {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    tokens: BTreeMap<TokenHash, Token>,
    /// The events up to this one are known not to have changed what is here.
    checked: Option<EventId>,
}

impl Authenticator {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            cache: Mutex::default(),
        }
    }

    /// The caller who bears what an `authorization` header says.
    ///
    /// # Errors
    /// `TokenMissing`, `TokenUnknown`, `TokenExpired`, `TokenRevoked`, and those of the database.
    pub(crate) async fn caller(&self, header: Option<&str>) -> Result<Caller, Refusal> {
        let secret = header.and_then(bearer).ok_or(Stranger::TokenMissing)?;
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
        Ok(Caller { token })
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

/// The secret of `Bearer …`. The scheme's case does not matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, secret) = header.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

//! What is remembered of tokens, by their hash: never a token.

use super::Confirmed;
use domain::{AccountId, Login};
use ports::store::tokens::TokenHash;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The most tokens that are remembered, each some hundred bytes.
const KNOWN_MAX: usize = 10_000;
/// How long a token that GitHub does not know is refused without asking again.
const BAD_FOR: Duration = Duration::from_secs(60);
/// How many tokens that are not known yet GitHub is asked about in a minute: as many people as begin their day at once,
/// and few enough that guesses do not use up the server's welcome there.
const STRANGERS_A_MINUTE: u32 = 120;
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) enum Known {
    Good {
        confirmed: Arc<Confirmed>,
        /// When GitHub was asked last, whether it answered or not.
        asked: Instant,
    },
    Bad {
        until: Instant,
    },
}

#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<TokenHash, Known>,
    /// Those whose sessions go on though they might have left: what they are in since.
    asked_again: BTreeMap<AccountId, Arc<Confirmed>>,
    /// Since when strangers are counted, and how many there were.
    strangers: Option<(Instant, u32)>,
}

impl Memory {
    pub(super) fn get(&self, hash: &TokenHash) -> Option<Known> {
        self.state().known.get(hash).cloned()
    }

    pub(super) fn by_login(&self, login: &Login) -> Option<Arc<Confirmed>> {
        let state = self.state();
        let good = state.known.values().filter_map(|known| match known {
            Known::Good { confirmed, .. } => Some(confirmed),
            Known::Bad { .. } => None,
        });
        let theirs = good.filter(|confirmed| confirmed.person.login == *login);
        theirs.max_by_key(|confirmed| confirmed.at).cloned()
    }

    pub(super) fn is_good(&self, hash: TokenHash, confirmed: Arc<Confirmed>) {
        let asked = confirmed.at;
        self.put(hash, Known::Good { confirmed, asked });
    }

    pub(super) fn is_bad(&self, hash: TokenHash) {
        let until = Instant::now() + BAD_FOR;
        self.put(hash, Known::Bad { until });
    }

    pub(super) fn asked_in_vain(&self, hash: &TokenHash) {
        if let Some(Known::Good { asked, .. }) = self.state().known.get_mut(hash) {
            *asked = Instant::now();
        }
    }

    pub(super) fn forget(&self, hash: &TokenHash) {
        self.state().known.remove(hash);
    }

    pub(super) fn asked_again(&self, account: AccountId) -> Option<Arc<Confirmed>> {
        self.state().asked_again.get(&account).cloned()
    }

    pub(super) fn is_as(&self, confirmed: Confirmed) -> Arc<Confirmed> {
        let confirmed = Arc::new(confirmed);
        let again = &mut self.state().asked_again;
        if again.len() >= KNOWN_MAX {
            again.clear();
        }
        again.insert(confirmed.person.id, Arc::clone(&confirmed));
        confirmed
    }

    /// Counts one more token that is not known yet; false when there were too many.
    pub(super) fn may_try_a_stranger(&self) -> bool {
        let mut state = self.state();
        let (since, count) = match state.strangers {
            Some((since, count)) if since.elapsed() < MINUTE => (since, count),
            Some(_) | None => (Instant::now(), 0),
        };
        state.strangers = Some((since, count.saturating_add(1)));
        count < STRANGERS_A_MINUTE
    }

    fn put(&self, hash: TokenHash, known: Known) {
        let mut state = self.state();
        if state.known.len() >= KNOWN_MAX {
            let now = Instant::now();
            state.known.retain(|_, known| match known {
                Known::Good { .. } => true,
                Known::Bad { until } => now < *until,
            });
        }
        if state.known.len() >= KNOWN_MAX {
            state.known.clear();
        }
        state.known.insert(hash, known);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

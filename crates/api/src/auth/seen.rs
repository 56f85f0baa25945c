//! Who has called lately, for the list of users.

use super::Authenticator;
use domain::{
    AccountId, Person, Timestamp,
    access::{Grant, Standing},
    people::KnownPerson,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How exactly it is noted when somebody was seen last.
const EVERY: Duration = Duration::from_secs(60);
/// Of how many it is remembered that they were noted.
const REMEMBERED_MAX: usize = 10_000;

/// When each was noted last.
#[derive(Default)]
pub(super) struct Seen(Mutex<BTreeMap<AccountId, Timestamp>>);

impl Seen {
    /// Whether it is time to note them again.
    fn is_due(&self, account: AccountId, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&account).is_some_and(|at| now.since(*at) < EVERY) {
            return false;
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(account, now);
        true
    }
}

impl Authenticator {
    /// Notes that somebody calls, once a minute. That it cannot be noted is no reason to refuse a call.
    pub(super) async fn see(&self, person: &Person, standing: &Standing, grants: &[Grant]) {
        let now = self.clock.now();
        if !self.seen.is_due(person.id, now) {
            return;
        }
        let seen = KnownPerson {
            person: person.clone(),
            role: grants.iter().map(|grant| grant.role).max(),
            teams: standing.teams.iter().cloned().collect(),
            first_seen_at: now,
            last_seen_at: now,
        };
        if let Err(error) = self.store.see_person(&seen).await {
            tracing::debug!(login = %person.login, %error, "that they were seen is not noted");
        }
    }
}

//! Observing all instances at the cost of one list, most of the time.
//!
//! The list is cheap (2 ms for 100) and says little; an inspection of each is dear (27 ms for 100). What an inspection
//! told is told again while nothing can have changed since. **Invariant:** it is told again only when the list says that
//! the container has been in its state for longer than the inspection is old: whatever started or ended since would be
//! younger than that. So no restart goes unseen, and nothing needs to run in between. What the list does not show (a
//! restart policy that somebody changes by hand, a node's clock that jumps forward) is seen within `FRESH`.

use super::observe::{Inspected, Listed};
use crate::{docker::Inner, failure::Failure, labels, query::Query};
use domain::ObservedInstance;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How old an inspection may be.
const FRESH: Duration = Duration::from_secs(30);
/// How many inspections are under way at once.
const AT_ONCE: usize = 16;

/// What inspections told, by the container's id.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    seen: Mutex<BTreeMap<String, Sighting>>,
    /// Counts our own acts that the list does not show, so that what was read before one is not told after it.
    era: AtomicU64,
}

#[derive(Debug, Clone)]
struct Sighting {
    mark: Mark,
    /// None: the list and the inspection saw different things, so it is not told again.
    read_at: Option<Instant>,
    era: u64,
    /// None: not an instance, whatever its labels say of the Installation.
    instance: Option<ObservedInstance>,
}

/// What the list says that is worth a new inspection when it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    names: Vec<String>,
    state: String,
    /// What stands in parentheses: health, or the exit code.
    detail: String,
}

impl Sightings {
    /// All must be looked at again: something was done that the list does not show.
    pub(crate) fn forget(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    fn known(&self, listed: &Listed) -> Option<Sighting> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let sighting = seen.get(&listed.id)?;
        let age = sighting.read_at?.elapsed();
        let usable = age < FRESH
            && age < least_age(listed)
            && sighting.era == self.era()
            && sighting.mark == mark(listed);
        usable.then(|| sighting.clone())
    }

    fn keep(&self, all: BTreeMap<String, Sighting>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

fn mark(listed: &Listed) -> Mark {
    let detail = listed
        .status
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let detail = detail.map_or("", |(detail, _)| detail);
    Mark {
        names: listed.names.clone(),
        state: listed.state.clone(),
        detail: detail.trim_start_matches("health: ").to_owned(),
    }
}

/// How long it has been in its state at the least, from `Up 12 seconds`, `Exited (1) 3 hours ago`. Seconds are told
/// rounded down. Only those two states are told with an age.
fn least_age(listed: &Listed) -> Duration {
    let age = match listed.state.as_str() {
        "running" => listed.status.strip_prefix("Up "),
        "exited" => listed.status.split_once(") ").map(|(_, age)| age),
        _ => None,
    };
    let mut words = age.unwrap_or_default().split(' ');
    let seconds = match (words.next(), words.next()) {
        (Some("Less"), _) => 0,
        // `About a minute`, `About an hour`.
        (Some("About"), _) => 60,
        (Some(number), Some("second" | "seconds")) => number.parse().unwrap_or(0),
        (Some(number), Some(_)) => number.parse().map_or(0, |number: u64| number * 60),
        _ => 0,
    };
    Duration::from_secs(seconds)
}

impl Inner {
    /// All instances of this Installation.
    pub(super) async fn observe(&self) -> Result<Vec<ObservedInstance>, Failure> {
        let era = self.sightings.era();
        let filters = serde_json::json!({"label": [labels::filter(self.installation)]});
        let query = Query::default()
            .with("all", "1")
            .with_json("filters", &filters);
        let listed: Vec<Listed> = self.engine.get(&query.of("/containers/json")).await?;
        let all: BTreeMap<String, Sighting> = stream::iter(listed)
            .map(|listed| self.sight(listed, era))
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|found| async { Ok(found) })
            .try_collect()
            .await?;
        let instances = all
            .values()
            .filter_map(|sighting| sighting.instance.clone())
            .collect();
        self.sightings.keep(all);
        Ok(instances)
    }

    async fn sight(&self, listed: Listed, era: u64) -> Result<Option<(String, Sighting)>, Failure> {
        if let Some(known) = self.sightings.known(&listed) {
            return Ok(Some((listed.id, known)));
        }
        let read_at = Instant::now();
        let path = format!("/containers/{}/json", listed.id);
        let inspected: Inspected = match self.engine.get(&path).await {
            Ok(inspected) => inspected,
            // It went since the list was made.
            Err(failure) if failure.is_missing() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let mark = mark(&listed);
        let agrees = inspected.agrees_with(&mark.state, &mark.detail);
        let instance = inspected.instance(&self.settings.node);
        if instance.is_none() {
            tracing::debug!(handle = listed.id, "bears our label and is not an instance");
        }
        let sighting = Sighting {
            mark,
            read_at: agrees.then_some(read_at),
            era,
            instance,
        };
        Ok(Some((listed.id, sighting)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(state: &str, status: &str) -> Listed {
        Listed {
            state: state.to_owned(),
            status: status.to_owned(),
            ..Listed::default()
        }
    }

    #[test]
    fn the_age_of_a_state_is_read_as_its_least() {
        for (state, status, want) in [
            ("running", "Up Less than a second", 0),
            ("running", "Up 1 second", 1),
            ("running", "Up 59 seconds (healthy)", 59),
            ("running", "Up About a minute", 60),
            ("running", "Up 2 minutes (health: starting)", 120),
            ("running", "Up About an hour", 60),
            ("exited", "Exited (137) 4 seconds ago", 4),
            ("exited", "Exited (0) Less than a second ago", 0),
            ("restarting", "Restarting (1) 2 minutes ago", 0),
            ("paused", "Up 2 hours (Paused)", 0),
            ("created", "Created", 0),
            ("running", "of tomorrow", 0),
        ] {
            let age = least_age(&listed(state, status));
            assert_eq!(age, Duration::from_secs(want), "{status}");
        }
        assert!(least_age(&listed("running", "Up 3 weeks (unhealthy)")) > FRESH);
    }

    #[test]
    fn health_and_exit_code_are_a_reason_to_look_again() {
        let one = mark(&listed("running", "Up 3 days (healthy)"));
        assert_eq!(one, mark(&listed("running", "Up 4 days (healthy)")));
        assert_ne!(one, mark(&listed("running", "Up 4 days (unhealthy)")));
    }

    /// A sighting that was read just now, and what the list says a minute into it.
    fn seen() -> (Sightings, Listed) {
        let listed = Listed {
            id: "c0ffee".to_owned(),
            ..listed("running", "Up About a minute")
        };
        let sightings = Sightings::default();
        let sighting = Sighting {
            mark: mark(&listed),
            read_at: Some(Instant::now()),
            era: sightings.era(),
            instance: None,
        };
        sightings.keep([(listed.id.clone(), sighting)].into());
        (sightings, listed)
    }

    #[test]
    fn what_cannot_have_changed_is_not_looked_at_again() {
        let (sightings, listed) = seen();
        assert!(sightings.known(&listed).is_some());
        let another = Listed {
            id: "decaf".to_owned(),
            ..listed
        };
        assert!(sightings.known(&another).is_none());
    }

    #[test]
    fn what_may_have_changed_is_looked_at_again() {
        let (sightings, listed) = seen();
        for (why, now) in [
            (
                "it was restarted",
                self::listed("running", "Up Less than a second"),
            ),
            (
                "it ended",
                self::listed("exited", "Exited (1) About a minute ago"),
            ),
            (
                "its check fails",
                self::listed("running", "Up 2 minutes (unhealthy)"),
            ),
        ] {
            let now = Listed {
                id: listed.id.clone(),
                ..now
            };
            assert!(sightings.known(&now).is_none(), "{why}");
        }
        let renamed = Listed {
            id: listed.id.clone(),
            names: vec!["/another".to_owned()],
            ..self::listed("running", "Up 2 minutes")
        };
        assert!(
            sightings.known(&renamed).is_none(),
            "it is called otherwise"
        );
        sightings.forget();
        assert!(sightings.known(&listed).is_none(), "we have changed it");
    }
}

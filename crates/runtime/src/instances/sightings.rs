//! Observing all instances at the cost of one list, most of the time.
//!
//! The list is cheap (2 ms for 100) and says little; an inspection of each is dear (27 ms for 100). What an inspection
//! told is told again while nothing can have changed since. **Invariant:** an entry is at most `FRESH` old, and is used
//! only when the list says that the container has been in its state for a minute or more: whatever started or ended
//! since the inspection would be younger than that. So no restart goes unseen, and nothing needs to run in between.
//! A restart policy that somebody else changes by hand is seen within `FRESH`.

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

/// How old an inspection may be. Below a minute, the unit in which the list tells the age of what is older than that.
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
    read_at: Instant,
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
        let usable = is_settled(listed)
            && sighting.era == self.era()
            && sighting.read_at.elapsed() < FRESH
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
    Mark {
        names: listed.names.clone(),
        state: listed.state.clone(),
        detail: detail.map_or_else(String::new, |(detail, _)| detail.to_owned()),
    }
}

/// Whether it has been in its state for a minute or more: the words then count in minutes or larger units. Only those
/// two states are told with an age.
fn is_settled(listed: &Listed) -> bool {
    matches!(listed.state.as_str(), "running" | "exited")
        && ["minute", "hour", "day", "week", "month", "year"]
            .iter()
            .any(|unit| listed.status.contains(unit))
        && !listed.status.contains("health: starting")
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
        let instance = inspected.instance(&self.settings.node);
        if instance.is_none() {
            tracing::debug!(handle = listed.id, "bears our label and is not an instance");
        }
        let sighting = Sighting {
            mark: mark(&listed),
            read_at,
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
    fn only_what_is_older_than_a_minute_is_settled() {
        for (state, status, want) in [
            ("running", "Up Less than a second", false),
            ("running", "Up 59 seconds (healthy)", false),
            ("running", "Up About a minute", true),
            ("running", "Up 3 days (unhealthy)", true),
            ("running", "Up 2 minutes (health: starting)", false),
            ("running", "Up 2 hours (Paused)", true),
            ("exited", "Exited (137) 4 seconds ago", false),
            ("exited", "Exited (0) 2 weeks ago", true),
            ("restarting", "Restarting (1) 2 minutes ago", false),
            ("created", "Created", false),
        ] {
            assert_eq!(is_settled(&listed(state, status)), want, "{status}");
        }
    }

    #[test]
    fn health_and_exit_code_are_a_reason_to_look_again() {
        let one = mark(&listed("running", "Up 3 days (healthy)"));
        assert_eq!(one, mark(&listed("running", "Up 4 days (healthy)")));
        assert_ne!(one, mark(&listed("running", "Up 4 days (unhealthy)")));
    }
}

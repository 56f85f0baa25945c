//! The last events, in memory.

use super::{EventView, Taken};
use domain::EventId;
use ports::store::events::EventFilter;
use std::{collections::VecDeque, sync::Arc};

/// How many events are kept: what 20 instances that start tell of fits many times over, in about half a megabyte.
pub(super) const KEPT: usize = 1_000;

/// The last events. **Invariant:** every event after `floor` and up to `tip` is here, in order of id.
#[derive(Debug)]
pub(super) struct Ring {
    floor: EventId,
    tip: EventId,
    events: VecDeque<Arc<EventView>>,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            floor: EventId::new(0),
            tip: EventId::new(0),
            events: VecDeque::new(),
        }
    }
}

impl Ring {
    pub(super) const fn tip(&self) -> EventId {
        self.tip
    }

    /// Takes up the events after the tip, which reach to a new one. The oldest go.
    pub(super) fn push(&mut self, events: Vec<Arc<EventView>>, tip: EventId) {
        self.events.extend(events);
        while self.events.len() > KEPT
            && let Some(oldest) = self.events.pop_front()
        {
            self.floor = oldest.event.id;
        }
        self.tip = tip;
    }

    /// Goes on from here. What is older has to be read elsewhere.
    pub(super) fn skip_to(&mut self, tip: EventId) {
        self.events.clear();
        self.floor = tip;
        self.tip = tip;
    }

    /// At most so many events after a cursor. None: some of them may not be here.
    pub(super) fn after(
        &self,
        cursor: EventId,
        filter: &EventFilter,
        limit: usize,
    ) -> Option<Taken> {
        if cursor < self.floor {
            return None;
        }
        let from = self.events.partition_point(|view| view.event.id <= cursor);
        let later = self.events.range(from..);
        let events: Vec<_> = later
            .filter(|view| filter.passes(&view.event))
            .take(limit)
            .cloned()
            .collect();
        let up_to = match events.last() {
            Some(last) if events.len() == limit => last.event.id,
            Some(_) | None => self.tip.max(cursor),
        };
        Some(Taken { events, up_to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Event, Timestamp};

    fn event(id: i64, kind: &str) -> Arc<EventView> {
        Arc::new(EventView {
            event: Event {
                id: EventId::new(id),
                at: Timestamp::EPOCH,
                kind: kind.to_owned(),
                actor: "ada".to_owned(),
                subject: "x-1".to_owned(),
                app: None,
                environment: None,
                message: String::new(),
                facts: [].into(),
            },
            app: String::new(),
            environment: String::new(),
        })
    }

    /// Ids rise, and some were taken back with their transaction.
    fn filled(count: i64) -> Ring {
        let mut ring = Ring::default();
        for id in (1..=count).map(|number| number * 2) {
            let kind = if id % 4 == 0 {
                "app.created"
            } else {
                "deploy.created"
            };
            ring.push(vec![event(id, kind)], EventId::new(id));
        }
        ring
    }

    fn taken(ring: &Ring, cursor: i64, kind: &str, limit: usize) -> Option<(Vec<i64>, i64)> {
        let filter = EventFilter {
            kind: (!kind.is_empty()).then(|| kind.to_owned()),
            ..EventFilter::default()
        };
        let taken = ring.after(EventId::new(cursor), &filter, limit)?;
        let ids = taken.events.iter().map(|view| view.event.id.number());
        Some((ids.collect(), taken.up_to.number()))
    }

    #[test]
    fn what_comes_after_a_cursor_is_taken_once() {
        let ring = filled(4);
        for (why, cursor, kind, limit, want) in [
            ("from the beginning", 0, "", 9, (vec![2, 4, 6, 8], 8)),
            ("no more than asked for", 0, "", 2, (vec![2, 4], 4)),
            ("and on from there", 4, "", 9, (vec![6, 8], 8)),
            ("between two", 5, "", 9, (vec![6, 8], 8)),
            (
                "what does not pass is behind it too",
                0,
                "app",
                9,
                (vec![4, 8], 8),
            ),
            ("also where nothing passes", 0, "token", 9, (vec![], 8)),
            ("nothing is new", 8, "", 9, (vec![], 8)),
            ("it knows more than there is", 11, "", 9, (vec![], 11)),
        ] {
            assert_eq!(taken(&ring, cursor, kind, limit), Some(want), "{why}");
        }
    }

    #[test]
    fn the_oldest_go_and_are_not_said_to_be_here() {
        let kept = i64::try_from(KEPT).unwrap();
        let ring = filled(kept + 3);
        assert_eq!(ring.events.len(), KEPT);
        assert_eq!(taken(&ring, 5, "", 1), None, "6 is not here any more");
        assert_eq!(taken(&ring, 6, "", 1), Some((vec![8], 8)));
    }

    #[test]
    fn what_was_skipped_has_to_be_read_elsewhere() {
        let mut ring = filled(3);
        ring.skip_to(EventId::new(9));
        assert_eq!(taken(&ring, 8, "", 9), None);
        assert_eq!(taken(&ring, 9, "", 9), Some((vec![], 9)));
    }
}

//! What was known when a server set out to do something.

use crate::world::at_once;
use domain::{Intent, IntentKind};
use ports::{Store, store::events::EventFilter};
use testkit::fake::node::Standing;

/// Whether it was on record that it serves when a server set out to stop it: a step may wait its turn, and was decided
/// without what has begun to serve meanwhile.
pub(crate) fn was_known_to_serve(store: &dyn Store, target: &Standing) -> bool {
    let Some(seen) = &target.observed else {
        return false;
    };
    let intents = at_once(store.standing_intents()).unwrap_or_default();
    let is_stop =
        |intent: &&Intent| intent.instance == seen.instance && intent.kind == IntentKind::Stop;
    let Some(stop) = intents.iter().find(is_stop) else {
        return true;
    };
    let filter = EventFilter {
        subject: Some(seen.instance.to_string()),
        kind: Some("instance.healthy".to_owned()),
        ..EventFilter::default()
    };
    let told = at_once(store.latest_events(None, &filter, 100)).unwrap_or_default();
    told.iter().any(|event| event.at <= stop.opened_at)
}

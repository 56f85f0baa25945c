//! Events.

use super::time;
use controller::usecases::events::EventView;
use proto::v1;

pub(crate) fn wire(view: EventView) -> v1::Event {
    let event = view.event;
    v1::Event {
        id: event.id.to_string(),
        time: Some(time::wire(event.at)),
        kind: event.kind,
        actor: event.actor,
        subject: event.subject,
        app: view.app,
        environment: view.environment,
        message: event.message,
        attributes: event.facts,
    }
}

//! Events.

use super::time;
use controller::usecases::events::EventView;
use proto::v1;

pub(crate) fn wire(view: &EventView) -> v1::Event {
    let event = &view.event;
    v1::Event {
        id: event.id.to_string(),
        time: Some(time::wire(event.at)),
        kind: event.kind.clone(),
        actor: event.actor.clone(),
        subject: event.subject.clone(),
        app: view.app.clone(),
        environment: view.environment.clone(),
        message: event.message.clone(),
        attributes: event.facts.clone(),
    }
}

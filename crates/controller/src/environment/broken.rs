//! Steps that broke off by a panic, which is a defect: what they said, and what is told of it.

use super::effects::Told;
use domain::{InstanceId, NodeName, Timestamp};
use ports::store::{events::NewEvent, intents::Entry};
use std::{any::Any, collections::BTreeMap};

/// How much of a panic's words is told: a sentence, not a dump.
const WORDS_MAX: usize = 300;

/// What a panic said.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    words.chars().take(WORDS_MAX).collect()
}

/// The event of a step that broke off.
pub(super) fn event(
    instance: InstanceId,
    node: &NodeName,
    told: &Told,
    what: &str,
    at: Timestamp,
) -> Entry {
    let message = format!(
        "{} of {} {instance} on {node} broke off, which is a defect: {what}; it is tried again",
        told.action, told.worker
    );
    Entry::Event(NewEvent {
        at,
        kind: "instance.step_broke".to_owned(),
        actor: "jockey".to_owned(),
        subject: instance.to_string(),
        app: Some(told.app),
        environment: Some(told.environment),
        message,
        facts: BTreeMap::from([
            ("step".to_owned(), told.action.to_owned()),
            ("deploy".to_owned(), told.deploy.to_string()),
            ("node".to_owned(), node.to_string()),
            ("worker".to_owned(), told.worker.to_string()),
        ]),
    })
}

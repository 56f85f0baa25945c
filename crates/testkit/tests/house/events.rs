//! What is told is on the list of the kinds of events, and nothing else is.

use crate::workspace::{read, rust_files};
use domain::event::{is_of, kinds};
use std::collections::BTreeSet;

/// Kinds that are put together where they are told: of a state, or of one word and another.
const COMPOSED: &[&str] = &[
    "exec.ended",
    "exec.started",
    "hook.active",
    "hook.failed",
    "hook.removed",
    "hook.unmade",
    "instance.crash_loop",
    "instance.crash_loop_over",
    "instance.healthy",
    "instance.unhealthy",
    "people.departed",
    "run.ended",
    "run.started",
    "worker.crash_loop",
    "worker.crash_loop_over",
];

/// What begins as kinds of events do, and is none: kinds of jobs, and fields of requests.
const OTHERS: &[&str] = &[
    "config.put_back",
    "token.expire_time",
    "token.name",
    "webhook.channel",
    "webhook.deliver",
    "webhook.events",
    "webhook.fields",
    "webhook.secret",
    "webhook.sender",
    "webhook.url",
];

#[test]
fn each_kind_of_event_is_listed_and_told() {
    let listed: BTreeSet<String> = kinds().collect();
    let begins_alike = |text: &str| {
        let (word, _) = text.split_once('.').unwrap_or_default();
        !OTHERS.contains(&text) && listed.iter().any(|kind| is_of(kind, word))
    };
    let mut told: BTreeSet<String> = COMPOSED.iter().map(|&kind| kind.to_owned()).collect();
    for path in rust_files() {
        let is_table = path.starts_with("crates/store/src/tables");
        if !is_table && !path.starts_with("crates/controller/src") {
            continue;
        }
        let text = read(&path).unwrap_or_default();
        // A table tells of nothing else in two words.
        let found = text.split('"').filter(|part| is_dotted(part));
        told.extend(
            found
                .filter(|part| is_table || begins_alike(part))
                .map(str::to_owned),
        );
    }
    assert_eq!(told, listed, "told is on the left, listed on the right");
}

/// Two words of small letters, with a dot in between.
fn is_dotted(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    text.split_once('.')
        .is_some_and(|(word, rest)| is_word(word) && is_word(rest))
}

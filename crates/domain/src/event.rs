//! Events: what happened, who did it, when and why. Written in the transaction of what they tell.

use crate::{AppId, EnvironmentId, EventId, Timestamp};
use std::collections::BTreeMap;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Rises with each event; a cursor into the stream.
    pub id: EventId,
    pub at: Timestamp,
    /// A stable dotted word: `deploy.deployed`, `instance.started`, `app.created`.
    pub kind: String,
    /// Who did it: a token's name, or `jockey`.
    pub actor: String,
    /// What it happened to, as its id prints: `dep-42`, `ins-4h8s2k9q0xzt`.
    pub subject: String,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    /// A sentence for people. Never a secret.
    pub message: String,
    /// Facts for programs. Never a secret.
    pub facts: BTreeMap<String, String>,
}

/// Every kind of event that is told: the word before the dot, and those after it, in order. The tests of the house compare
/// them with what is told.
const KINDS: &[(&str, &str)] = &[
    (
        "app",
        "created deleted not_deployed repository_gone updated",
    ),
    ("build", "cancelled completed failed requested"),
    ("config", "changed not_put_back"),
    (
        "deploy",
        "adopted building cancelled created deployed deploying failed stopped",
    ),
    ("environment", "created deleted updated"),
    ("exec", "ended started"),
    ("hook", "active changed failed removed unmade"),
    (
        "instance",
        "crash_loop crash_loop_over given_up healthy lapsed started step_broke stopped unhealthy vanished",
    ),
    (
        "node",
        "changed cordoned draining given_up joined removed serving token_created",
    ),
    ("people", "departed"),
    ("reconcile", "completed failed previewed started"),
    ("run", "ended started"),
    ("session", "revoked"),
    ("stack", "created deleted"),
    ("token", "created revoked updated"),
    ("webhook", "created deleted tested updated"),
    (
        "worker",
        "crash_loop crash_loop_over created deleted rescaled restarted updated",
    ),
];

/// A text that is neither a kind of event nor the word before the dot of some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no kind of event; known are: {like}")]
pub struct UnknownKind {
    /// What was given.
    pub text: String,
    /// What would have been understood, and is like it.
    pub like: String,
}

/// Every kind of event that there is, in order.
pub fn kinds() -> impl Iterator<Item = String> {
    KINDS.iter().flat_map(|(word, verbs)| {
        let verbs = verbs.split(' ');
        verbs.map(move |verb| format!("{word}.{verb}"))
    })
}

/// Whether a kind is the one that is asked for, or below it: `deploy` stands for every `deploy.…`.
#[must_use]
pub fn is_of(kind: &str, asked: &str) -> bool {
    let rest = kind.strip_prefix(asked);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Refuses what nothing that happens would be of.
///
/// # Errors
/// `UnknownKind`, with those that are like it.
pub fn expect_kind(text: &str) -> Result<(), UnknownKind> {
    if kinds().any(|kind| is_of(&kind, text)) {
        return Ok(());
    }
    Err(UnknownKind {
        text: text.to_owned(),
        like: like(text).join(", "),
    })
}

/// All that begins with the same word, or else ends with the same one; or else the words that begin alike, or all words.
fn like(text: &str) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let first = parts.next().unwrap_or_default();
    let last = parts.next_back().unwrap_or(first);
    let ends = format!(".{last}");
    let begun: Vec<String> = kinds().filter(|kind| is_of(kind, first)).collect();
    let ended: Vec<String> = kinds().filter(|kind| kind.ends_with(&ends)).collect();
    let words = || KINDS.iter().map(|(word, _)| *word);
    let alike = |word: &&str| word.starts_with(first) || first.starts_with(*word);
    let near = words().filter(alike).filter(|_| !first.is_empty());
    let near: Vec<String> = near.map(str::to_owned).collect();
    let found = [begun, ended, near];
    let found = found.into_iter().find(|found| !found.is_empty());
    found.unwrap_or_else(|| words().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_order_and_each_is_listed_once() {
        let listed: Vec<String> = kinds().collect();
        assert!(listed.is_sorted_by(|a, b| a < b), "{listed:?}");
    }

    #[test]
    fn what_is_no_kind_is_answered_with_what_is_like_it() {
        let words = "app, build, config, deploy, environment, exec, hook, instance, node, people, reconcile, run, session, \
             stack, token, webhook, worker";
        let builds = "build.cancelled, build.completed, build.failed, build.requested";
        let failed = "build.failed, deploy.failed, hook.failed, reconcile.failed";
        for (text, want) in [
            ("deploy", None),
            ("instance.crash_loop", None),
            ("", Some(words)),
            ("nonsense", Some(words)),
            ("a.b.c", Some("app")),
            ("build.", Some(builds)),
            ("Build", Some(builds)),
            ("build.fail", Some(builds)),
            ("failed", Some(failed)),
            ("biuld.failed", Some(failed)),
            ("builds", Some("build")),
        ] {
            let known = expect_kind(text).err().map(|unknown| unknown.like);
            assert_eq!(known.as_deref(), want, "{text}");
        }
    }
}

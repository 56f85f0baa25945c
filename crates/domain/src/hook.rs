//! What webhooks are told: in the words and colours that the original Jockey had, for whoever reads them already.

use crate::{Event, event::is_of};
use std::{collections::BTreeMap, fmt, ops::Deref};

crate::words! {
    /// How a webhook wants to be spoken to.
    HookKind {
        /// A form: `message`, `color`, `from_name`, and fields of its own.
        Generic => "generic",
        /// A message for a channel of Slack's, or of what speaks like it.
        Slack => "slack",
    }
}

/// Further fields of a webhook's form, by name. A value may be a secret, such as a token of the receiver's: `Debug` shows
/// names alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FormFields(BTreeMap<String, String>);

impl From<BTreeMap<String, String>> for FormFields {
    fn from(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }
}

impl<const N: usize> From<[(String, String); N]> for FormFields {
    fn from(fields: [(String, String); N]) -> Self {
        Self(fields.into())
    }
}

impl Deref for FormFields {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for FormFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|name| (name, "***")))
            .finish()
    }
}

/// What a webhook is told of unless it says otherwise: what the original told.
pub const USUAL: &[&str] = &[
    "build.completed",
    "build.failed",
    "deploy.deployed",
    "deploy.failed",
    "instance.started",
    "instance.stopped",
    "config.changed",
];

/// The most kinds that one webhook asks for.
pub const KINDS_MAX: usize = 50;

/// Whether one who asks for these kinds is told of an event of this kind. A part before a dot stands for all below it;
/// none are the usual ones.
#[must_use]
pub fn wants(kinds: &[String], kind: &str) -> bool {
    if kinds.is_empty() {
        return USUAL.contains(&kind);
    }
    kinds.iter().any(|wanted| is_of(kind, wanted))
}

/// What is known of an event besides itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    pub app: Option<String>,
    pub environment: Option<String>,
    /// Its commit, whole.
    pub commit: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Where the instance's node is.
    pub address: Option<String>,
    /// What whoever did it calls themselves.
    pub person: Option<String>,
}

/// A sentence for people, its colour and its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub color: &'static str,
    /// None: nobody in particular.
    pub from: Option<&'static str>,
}

const GREEN: &str = "#00ff00";
const RED: &str = "#ff0000";
const GREY: &str = "#cccccc";
const CYAN: &str = "#00ffff";
/// How much of a reason is told, in characters.
const REASON_MAX: usize = 255;
/// How much of a commit is told, in characters.
const COMMIT: usize = 10;

/// What is told of an event.
#[must_use]
pub fn notice(event: &Event, around: &Around) -> Notice {
    let app = around.app.as_deref().unwrap_or("an app");
    let commit: String = match &around.commit {
        Some(commit) => commit.chars().take(COMMIT).collect(),
        None => "unknown".to_owned(),
    };
    let number = |text: &str| text.rsplit('-').next().unwrap_or_default().to_owned();
    let reason: String = around
        .reason
        .as_deref()
        .unwrap_or(&event.message)
        .chars()
        .take(REASON_MAX)
        .collect();
    let of = |noun: &str, end: &str| {
        format!("{noun} {} for {app}:{commit} {end}", number(&event.subject))
    };
    let fact = |name: &str| event.facts.get(name).map_or("", String::as_str);
    let (text, color, from) = match event.kind.as_str() {
        "build.completed" => (of("Build", "COMPLETED"), GREEN, Some("jockey build")),
        "build.failed" => (
            of("Build", &format!("FAILED: {reason}")),
            RED,
            Some("jockey build"),
        ),
        "deploy.deployed" => (of("Deploy", "DEPLOYED"), GREEN, Some("jockey deploy")),
        "deploy.failed" => (
            of("Deploy", &format!("FAILED: {reason}")),
            RED,
            Some("jockey deploy"),
        ),
        "instance.started" => {
            let place = around.address.as_deref().unwrap_or(fact("node"));
            let text = format!(
                "{app} container {}:{commit} started on {place}",
                fact("worker")
            );
            (text, GREEN, Some("Jockey"))
        }
        "instance.stopped" => {
            let text = format!("{app} deploy {}:{commit} stopped", number(fact("deploy")));
            (text, GREY, Some("jockey deploy"))
        }
        "config.changed" => {
            let who = match (&around.person, event.actor.as_str()) {
                (Some(name), _) => name,
                (None, "jockey") => "Jockey",
                (None, name) => name,
            };
            let environment = around.environment.as_deref().unwrap_or("every environment");
            let whose = around.app.as_ref().map_or_else(
                || environment.to_owned(),
                |app| format!("{app}:{environment}"),
            );
            (
                format!("ConfigSet for {whose} changed by {who}"),
                CYAN,
                None,
            )
        }
        _ => other(event, around),
    };
    Notice { text, color, from }
}

/// What the original had no words for.
fn other(event: &Event, around: &Around) -> (String, &'static str, Option<&'static str>) {
    let kind = event.kind.as_str();
    let color = match kind.rsplit('.').next() {
        Some("failed" | "crash_loop" | "unhealthy" | "vanished") => RED,
        Some("completed" | "deployed" | "healthy" | "crash_loop_over") => GREEN,
        Some(_) | None => GREY,
    };
    let place = match (&around.app, &around.environment) {
        (Some(app), Some(environment)) => format!("{app}:{environment}: "),
        (Some(one), None) | (None, Some(one)) => format!("{one}: "),
        (None, None) => String::new(),
    };
    let text = format!("{place}{kind}: {}", event.message);
    (text, color, Some("Jockey"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value_of_a_field() {
        let fields = FormFields::from([("token".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{fields:?}"), r#"{"token": "***"}"#);
    }
    use crate::{EventId, Timestamp};

    fn event(kind: &str, subject: &str, message: &str) -> Event {
        Event {
            id: EventId::new(1),
            at: Timestamp::EPOCH,
            kind: kind.to_owned(),
            actor: "github:ada".to_owned(),
            subject: subject.to_owned(),
            app: None,
            environment: None,
            message: message.to_owned(),
            facts: [("worker", "web"), ("node", "node-a"), ("deploy", "dep-12")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    #[test]
    fn what_is_told_reads_as_it_always_did() {
        let around = Around {
            app: Some("shop".to_owned()),
            environment: Some("production".to_owned()),
            commit: Some("678d49f786ba777441ee9106c1be390048c539ac".to_owned()),
            reason: Some("no".repeat(200)),
            address: Some("10.0.0.7".to_owned()),
            person: Some("Ada Lovelace".to_owned()),
        };
        let long = "no".repeat(200)[..255].to_owned();
        for (kind, subject, want) in [
            (
                "build.completed",
                "bld-31",
                "Build 31 for shop:678d49f786 COMPLETED #00ff00 jockey build".to_owned(),
            ),
            (
                "build.failed",
                "bld-31",
                format!("Build 31 for shop:678d49f786 FAILED: {long} #ff0000 jockey build"),
            ),
            (
                "deploy.deployed",
                "dep-12",
                "Deploy 12 for shop:678d49f786 DEPLOYED #00ff00 jockey deploy".to_owned(),
            ),
            (
                "deploy.failed",
                "dep-12",
                format!("Deploy 12 for shop:678d49f786 FAILED: {long} #ff0000 jockey deploy"),
            ),
            (
                "instance.started",
                "ins-1",
                "shop container web:678d49f786 started on 10.0.0.7 #00ff00 Jockey".to_owned(),
            ),
            (
                "instance.stopped",
                "ins-1",
                "shop deploy 12:678d49f786 stopped #cccccc jockey deploy".to_owned(),
            ),
            (
                "config.changed",
                "cfg-1",
                "ConfigSet for shop:production changed by Ada Lovelace #00ffff -".to_owned(),
            ),
            (
                "worker.rescaled",
                "wrk-1",
                "shop:production: worker.rescaled: from 1 to 2 #cccccc Jockey".to_owned(),
            ),
            (
                "worker.crash_loop",
                "wrk-1",
                "shop:production: worker.crash_loop: from 1 to 2 #ff0000 Jockey".to_owned(),
            ),
        ] {
            let told = notice(&event(kind, subject, "from 1 to 2"), &around);
            let got = format!("{} {} {}", told.text, told.color, told.from.unwrap_or("-"));
            assert_eq!(got, want);
        }
    }

    #[test]
    fn who_says_no_name_is_told_as_events_know_them() {
        for (actor, want) in [
            ("github:ada", "changed by github:ada"),
            ("ci", "changed by ci"),
            ("jockey", "changed by Jockey"),
        ] {
            let event = Event {
                actor: actor.to_owned(),
                ..event("config.changed", "cfg-1", "")
            };
            let told = notice(&event, &Around::default());
            assert!(told.text.ends_with(want), "{}", told.text);
        }
    }

    #[test]
    fn kinds_are_chosen_by_name_or_by_family() {
        let kinds = |list: &[&str]| list.iter().map(|&kind| kind.to_owned()).collect::<Vec<_>>();
        for (list, kind, want) in [
            (&[][..], "deploy.failed", true),
            (&[], "deploy.created", false),
            (&["deploy"], "deploy.created", true),
            (&["deploy"], "deployment.created", false),
            (&["build.failed", "app"], "app.created", true),
            (&["build.failed"], "build.completed", false),
        ] {
            assert_eq!(wants(&kinds(list), kind), want, "{list:?} {kind}");
        }
    }
}

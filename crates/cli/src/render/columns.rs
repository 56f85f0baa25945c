//! Which columns a list of each kind of message has.

use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use proto::v1;
use time::OffsetDateTime;

use super::{Named, Table, detail, dynamic};
use crate::{clock, words};

/// A message that lists are made of.
pub(crate) trait Listed: Named {
    /// Header and field, the latter with dots into messages inside. A time is shown by its age.
    const COLUMNS: &'static [(&'static str, &'static str)];
}

macro_rules! listed {
    ($($message:ident: $($header:literal = $path:literal),+;)*) => {
        $(
            impl Named for v1::$message {
                const NAME: &'static str = concat!("jockey.v1.", stringify!($message));
            }

            impl Listed for v1::$message {
                const COLUMNS: &'static [(&'static str, &'static str)] = &[$(($header, $path)),+];
            }
        )*

        /// Every kind, for the test that looks its columns up.
        #[cfg(test)]
        const ALL: &[(&str, &[(&str, &str)])] = &[$((v1::$message::NAME, v1::$message::COLUMNS)),*];
    };
}

listed! {
    App: "NAME" = "name", "ID" = "id", "REPO" = "repo", "STACK" = "stack", "AGE" = "create_time";
    AuditEntry: "ID" = "id", "AGE" = "time", "ACTOR" = "actor", "ACTION" = "action",
        "OBJECT" = "object", "APP" = "app", "ENVIRONMENT" = "environment", "MESSAGE" = "message";
    Build: "ID" = "id", "APP" = "app", "REF" = "ref", "COMMIT" = "commit", "STATE" = "state",
        "STRATEGY" = "strategy", "BUILDER" = "builder.image", "AGE" = "create_time", "REASON" = "reason";
    ConfigSet: "ENVIRONMENT" = "environment", "STACK" = "stack", "APP" = "app",
        "VERSION" = "version", "AUTHOR" = "author", "AGE" = "create_time";
    ConfigSetVersion: "VERSION" = "version", "ID" = "version_id", "AUTHOR" = "author",
        "AGE" = "create_time", "CHANGE" = "summary";
    Deploy: "ID" = "id", "APP" = "app", "ENVIRONMENT" = "environment", "STATE" = "state",
        "CAUSE" = "cause", "COMMIT" = "commit", "RELEASE" = "release", "AUTHOR" = "author",
        "AGE" = "create_time", "REASON" = "reason";
    DiskUsage: "KIND" = "kind", "SIZE" = "size_bytes", "NODE" = "node", "APP" = "app",
        "SUBJECT" = "subject", "HELD BY" = "held_by", "AGE" = "create_time";
    Environment: "NAME" = "name", "ID" = "id", "SERVICE NAMES" = "service_name_template",
        "AGE" = "create_time";
    Event: "ID" = "id", "AGE" = "time", "KIND" = "kind", "ACTOR" = "actor", "SUBJECT" = "subject",
        "MESSAGE" = "message";
    Instance: "WORKER" = "worker", "INSTANCE" = "id", "NODE" = "node", "ADDRESS" = "address",
        "STATE" = "state", "HEALTH" = "health.state", "SINCE" = "health.since",
        "AGE" = "create_time", "DEPLOY" = "deploy", "COMMIT" = "commit";
    Node: "NAME" = "name", "ADDRESS" = "address", "STATE" = "state", "DUTY" = "duty",
        "INSTANCES" = "instances", "MEMORY" = "capacity.memory_bytes";
    Release: "ID" = "id", "APP" = "app", "ENVIRONMENT" = "environment", "COMMIT" = "commit",
        "BUILD" = "build", "DEPLOYABLE" = "deployable", "AGE" = "create_time", "REASON" = "reason";
    Run: "ID" = "id", "APP" = "app", "ENVIRONMENT" = "environment", "COMMAND" = "command",
        "INSTANCE" = "instance", "NODE" = "node", "AUTHOR" = "author", "AGE" = "create_time",
        "EXIT" = "end.exit_code", "REASON" = "end.reason";
    Stack: "NAME" = "name", "ID" = "id", "AGE" = "create_time";
    Token: "NAME" = "name", "ID" = "id", "ROLE" = "role", "EXPIRES" = "expire_time",
        "LAST USED" = "last_use_time", "REVOKED" = "revoke_time", "AGE" = "create_time";
    User: "LOGIN" = "login", "NAME" = "name", "ROLE" = "role", "TEAMS" = "teams",
        "LAST SEEN" = "last_seen_time", "FIRST SEEN" = "first_seen_time";
    Version: "ID" = "id", "AGE" = "create_time", "AUTHOR" = "author", "KIND" = "kind",
        "OBJECT" = "object", "ENVIRONMENT" = "environment", "MESSAGE" = "message";
    Webhook: "ID" = "id", "APP" = "app", "KIND" = "kind", "URL" = "url", "SIGNED" = "is_signed",
        "DISABLED" = "disabled", "EVENTS" = "events", "AGE" = "create_time";
    WebhookDelivery: "ID" = "id", "DELIVERY" = "delivery", "STATE" = "state",
        "ATTEMPTS" = "attempts", "AGE" = "create_time", "NEXT" = "next_attempt_time",
        "LAST ERROR" = "last_error";
    Worker: "NAME" = "name", "APP" = "app", "ENVIRONMENT" = "environment", "SCALE" = "scale",
        "PORT" = "port", "SOURCE" = "source", "AGE" = "create_time";
}

macro_rules! named {
    ($($message:ident),*) => {
        $(impl Named for v1::$message {
            const NAME: &'static str = concat!("jockey.v1.", stringify!($message));
        })*
    };
}

named!(Reconcile, Settings);

/// A list as a table.
pub(crate) fn table<M: Listed>(items: &[M], now: OffsetDateTime) -> Table {
    let mut table = Table::new(M::COLUMNS.iter().map(|(header, _)| *header));
    for item in items {
        let message = dynamic::dynamic(item);
        table.row(M::COLUMNS.iter().map(|(_, path)| cell(&message, path, now)));
    }
    table
}

/// One field as a cell.
fn cell(message: &DynamicMessage, path: &str, now: OffsetDateTime) -> String {
    let text = match path.split_once('.') {
        Some((outer, inner)) => message
            .get_field_by_name(outer)
            .and_then(|value| value.as_message().map(|message| cell(message, inner, now))),
        None => message
            .descriptor()
            .get_field_by_name(path)
            .and_then(|field| {
                if field.supports_presence() && !message.has_field(&field) {
                    return None;
                }
                let value = message.get_field(&field);
                match value.as_ref() {
                    Value::List(values) => values
                        .iter()
                        .map(|value| detail::single(&field, value, now))
                        .collect::<Option<Vec<_>>>()
                        .map(|values| first_of(&values)),
                    Value::Message(inner) => moment(inner, now),
                    Value::String(text) => Some(words::short(text).to_owned()),
                    value => detail::single(&field, value, now),
                }
            }),
    };
    match text {
        Some(text) if !text.is_empty() => text,
        _ => words::NOTHING.to_owned(),
    }
}

/// The first of several, and how many there are besides.
fn first_of(values: &[String]) -> String {
    match values {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// A time as its age, or as what is left until then.
fn moment(message: &DynamicMessage, now: OffsetDateTime) -> Option<String> {
    let time = clock::from_wire(&message.transcode_to().ok()?)?;
    Some(if time > now + time::Duration::minutes(1) {
        format!("in {}", words::age(now, time))
    } else {
        words::age(time, now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_field_of_its_message() {
        let pool = prost_reflect::DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
        for (name, columns) in ALL {
            for (_, path) in *columns {
                let mut message = pool.get_message_by_name(name);
                for part in path.split('.') {
                    let field = message.and_then(|message| message.get_field_by_name(part));
                    let field = field.unwrap_or_else(|| panic!("{name} has no {path}"));
                    message = field.kind().as_message().cloned();
                }
            }
        }
    }

    #[test]
    fn a_list_is_a_table_without_lines() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::hours(5);
        let deploys = [
            v1::Deploy {
                id: "dep-1".to_owned(),
                app: "sample".to_owned(),
                environment: "development".to_owned(),
                state: v1::DeployState::Deployed.into(),
                cause: v1::DeployCause::Commit.into(),
                commit: "678d49f000000000000000000000000000000000".to_owned(),
                create_time: Some(prost_types::Timestamp {
                    seconds: 7200,
                    nanos: 0,
                }),
                ..v1::Deploy::default()
            },
            v1::Deploy {
                id: "dep-2".to_owned(),
                ..v1::Deploy::default()
            },
        ];
        insta::assert_snapshot!(table(&deploys, now), @r#"
ID      APP      ENVIRONMENT   STATE      CAUSE    COMMIT    RELEASE   AUTHOR   AGE   REASON
dep-1   sample   development   deployed   commit   678d49f   -         -        3h    -
dep-2   -        -             -          -        -         -         -        -     -
"#);
    }
}

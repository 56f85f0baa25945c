//! One message with all that it says, for people: a field a line, nothing where there is nothing.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{clock, words};

/// Spaces by which a message inside another is indented.
const INDENT: usize = 2;

/// The fields that are set, in the order of the API.
pub(crate) fn of(message: &DynamicMessage, now: OffsetDateTime) -> String {
    let mut text = String::new();
    write_fields(&mut text, message, 0, now);
    text
}

fn write_fields(text: &mut String, message: &DynamicMessage, indent: usize, now: OffsetDateTime) {
    for (field, value) in message.fields() {
        let name = field.name().replace('_', " ");
        write_value(text, &name, &field, value, indent, now);
    }
}

fn write_value(
    text: &mut String,
    name: &str,
    field: &FieldDescriptor,
    value: &Value,
    indent: usize,
    now: OffsetDateTime,
) {
    match value {
        Value::List(values) => {
            let singles: Option<Vec<String>> = values
                .iter()
                .map(|value| single(field, value, now))
                .collect();
            match singles {
                Some(singles) if field.name() != "log_tail" => {
                    line(text, indent, name, &singles.join(", "))
                }
                Some(lines) => {
                    line(text, indent, name, "");
                    for each in lines {
                        let _ = writeln!(text, "{:width$}{each}", "", width = indent + INDENT);
                    }
                }
                None => {
                    for each in values {
                        write_value(text, name, field, each, indent, now);
                    }
                }
            }
        }
        Value::Map(values) => {
            line(text, indent, name, "");
            let mut entries: Vec<_> = values.iter().collect();
            entries.sort_by_key(|(key, _)| map_key(key));
            for (key, value) in entries {
                let value = single(field, value, now).unwrap_or_default();
                line(text, indent + INDENT, &map_key(key), &value);
            }
        }
        Value::Message(inner) if single(field, value, now).is_none() => {
            line(text, indent, name, "");
            write_fields(text, inner, indent + INDENT, now);
        }
        value => {
            if let Some(value) = single(field, value, now) {
                line(text, indent, name, &value);
            }
        }
    }
}

fn line(text: &mut String, indent: usize, name: &str, value: &str) {
    let _ = writeln!(
        text,
        "{}",
        format!("{:indent$}{name}: {value}", "").trim_end()
    );
}

fn map_key(key: &MapKey) -> String {
    key.as_str().unwrap_or_default().to_owned()
}

/// A value that fits into one line or cell; `None` for a message that does not.
pub(crate) fn single(
    field: &FieldDescriptor,
    value: &Value,
    now: OffsetDateTime,
) -> Option<String> {
    Some(match value {
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::I32(number) => number.to_string(),
        Value::I64(number) if field.name().ends_with("_bytes") => words::size(*number),
        Value::I64(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(descriptor) => descriptor.get_value(*number).map_or_else(
                || number.to_string(),
                |value| words::word(descriptor.name(), value.name()),
            ),
            _ => number.to_string(),
        },
        Value::Message(message) => match message.descriptor().full_name() {
            "google.protobuf.Timestamp" => {
                let time = clock::from_wire(&message.transcode_to().ok()?)?;
                let text = time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()?;
                format!("{text} ({} ago)", words::age(time, now))
            }
            "google.protobuf.Duration" => {
                let duration: prost_types::Duration = message.transcode_to().ok()?;
                seconds(&duration)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// A duration in seconds, without needless zeros: `90s`, `0.5s`.
fn seconds(duration: &prost_types::Duration) -> String {
    let millis = duration.nanos / 1_000_000;
    if millis == 0 {
        return format!("{}s", duration.seconds);
    }
    let fraction = format!("{millis:03}");
    format!("{}.{}s", duration.seconds, fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::dynamic;
    use proto::v1;

    #[test]
    fn only_what_is_set_is_shown_and_what_is_inside_is_indented() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(90);
        let worker = v1::Worker {
            id: "wrk-1".to_owned(),
            name: "web".to_owned(),
            command: Some(v1::Command {
                kind: Some(v1::command::Kind::Argv(v1::Argv {
                    args: vec!["/app/web".to_owned(), "--fast".to_owned()],
                })),
            }),
            port: Some(8888),
            resources: Some(v1::Resources {
                memory_bytes: 64 << 20,
                cpu_millis: 250,
            }),
            drain: Some(prost_types::Duration {
                seconds: 1,
                nanos: 500_000_000,
            }),
            source: v1::WorkerSource::JockeyToml.into(),
            create_time: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            ports: [("metrics".to_owned(), 9100)].into(),
            ..v1::Worker::default()
        };
        insta::assert_snapshot!(of(&dynamic::dynamic(&worker), now), @r#"
id: wrk-1
name: web
command:
  argv:
    args: /app/web, --fast
port: 8888
resources:
  memory bytes: 64.0 MiB
  cpu millis: 250
drain: 1.5s
source: jockey-toml
create time: 1970-01-01T00:00:00Z (1h ago)
ports:
  metrics: 9100
"#);
    }
}

//! Messages as JSON, by the shapes that their protos give: see `proto/jockey/legacy/v1/options.proto`.

use super::PACKAGE;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MapKey, Value,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const TIMESTAMP: &str = "google.protobuf.Timestamp";
/// UTC with milliseconds, as the original had it.
const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The options by which messages are shown.
#[derive(Debug, Clone)]
pub(super) struct Shapes {
    shape: ExtensionDescriptor,
    spread: ExtensionDescriptor,
    hidden: ExtensionDescriptor,
    as_json: ExtensionDescriptor,
}

/// One message, shown.
struct Shown<'a> {
    shapes: &'a Shapes,
    message: &'a DynamicMessage,
}

/// One value of a field, shown.
struct ShownValue<'a> {
    shapes: &'a Shapes,
    value: &'a Value,
}

impl Shapes {
    /// None: these descriptors have no such options.
    pub(super) fn of(pool: &DescriptorPool) -> Option<Self> {
        let named = |name: &str| pool.get_extension_by_name(&format!("{PACKAGE}.{name}"));
        Some(Self {
            shape: named("shape")?,
            spread: named("spread")?,
            hidden: named("hidden")?,
            as_json: named("as_json")?,
        })
    }

    /// The JSON of a message, on one line.
    pub(super) fn json(&self, message: &DynamicMessage) -> String {
        let shown = Shown {
            shapes: self,
            message,
        };
        serde_json::to_string(&shown).expect("keys are texts")
    }

    /// The JSON of each element of the one list that a message of a stream has, and the list's name.
    pub(super) fn elements(&self, message: &DynamicMessage) -> (String, Vec<String>) {
        let descriptor = message.descriptor();
        let mut lists = descriptor.fields().filter(FieldDescriptor::is_list);
        let Some(field) = lists.next() else {
            return (String::new(), Vec::new());
        };
        let list = message.get_field(&field);
        let elements = list.as_list().unwrap_or_default().iter();
        let json = |value| {
            let shown = ShownValue {
                shapes: self,
                value,
            };
            serde_json::to_string(&shown).expect("keys are texts")
        };
        (field.name().to_owned(), elements.map(json).collect())
    }

    fn shape(&self, message: &DynamicMessage) -> (Option<String>, bool) {
        let options = message.descriptor().options();
        if !options.has_extension(&self.shape) {
            return (None, false);
        }
        let shape = options.get_extension(&self.shape);
        let of = |name: &str| {
            let value = shape.as_message()?.get_field_by_name(name)?;
            Some(value.into_owned())
        };
        let named = of("object_type").and_then(|it| it.as_str().map(str::to_owned));
        let shows_null = of("shows_null").and_then(|it| it.as_bool());
        (
            named.filter(|name| !name.is_empty()),
            shows_null.unwrap_or(false),
        )
    }

    fn says(&self, option: &ExtensionDescriptor, field: &FieldDescriptor) -> bool {
        let options = field.options();
        options.has_extension(option) && options.get_extension(option).as_bool() == Some(true)
    }
}

use prost_reflect::ReflectMessage as _;

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (object_type, shows_null) = self.shapes.shape(self.message);
        let mut map = to.serialize_map(None)?;
        if let Some(object_type) = object_type {
            map.serialize_entry("object_type", &object_type)?;
        }
        let descriptor = self.message.descriptor();
        let mut fields: Vec<_> = descriptor.fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        for field in fields {
            if self.shapes.says(&self.shapes.hidden, &field) {
                continue;
            }
            if field.supports_presence() && !self.message.has_field(&field) {
                if shows_null {
                    map.serialize_entry(field.name(), &None::<()>)?;
                }
                continue;
            }
            let value = self.message.get_field(&field);
            if self.shapes.says(&self.shapes.spread, &field) {
                for (key, value) in sorted(&value) {
                    // No key is there twice: what is called as another field gives way to that one, whose shape clients
                    // know.
                    let named = descriptor.get_field_by_name(key);
                    if named.is_some_and(|own| own != field) {
                        continue;
                    }
                    let shapes = self.shapes;
                    map.serialize_entry(key, &ShownValue { shapes, value })?;
                }
                continue;
            }
            if self.shapes.says(&self.shapes.as_json, &field) {
                map.serialize_entry(field.name(), &said(&value))?;
                continue;
            }
            let shown = ShownValue {
                shapes: self.shapes,
                value: &value,
            };
            map.serialize_entry(field.name(), &shown)?;
        }
        map.end()
    }
}

impl Serialize for ShownValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let shapes = self.shapes;
        match self.value {
            Value::Bool(truth) => to.serialize_bool(*truth),
            Value::I32(number) => to.serialize_i32(*number),
            Value::I64(number) => to.serialize_i64(*number),
            Value::U32(number) => to.serialize_u32(*number),
            Value::U64(number) => to.serialize_u64(*number),
            Value::String(text) => to.serialize_str(text),
            Value::Message(message) if message.descriptor().full_name() == TIMESTAMP => {
                to.serialize_str(&in_words(message))
            }
            Value::Message(message) => Shown { shapes, message }.serialize(to),
            Value::List(list) => {
                to.collect_seq(list.iter().map(|value| ShownValue { shapes, value }))
            }
            Value::Map(_) => {
                let entries = sorted(self.value).into_iter();
                to.collect_map(entries.map(|(key, value)| (key, ShownValue { shapes, value })))
            }
            // The legacy messages have none of these.
            Value::F32(_) | Value::F64(_) | Value::Bytes(_) | Value::EnumNumber(_) => {
                to.serialize_unit()
            }
        }
    }
}

/// The entries of a map whose texts are JSON, each as what it says. A text that is none is shown as a text.
fn said(map: &Value) -> BTreeMap<&str, Box<RawValue>> {
    let entries = sorted(map).into_iter();
    let said = entries.map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        let json = RawValue::from_string(text.to_owned());
        let json = json.or_else(|_| serde_json::value::to_raw_value(text));
        (key, json.expect("a text has its JSON"))
    });
    said.collect()
}

/// The entries of a map, in order of key.
fn sorted(value: &Value) -> BTreeMap<&str, &Value> {
    let entries = value.as_map().into_iter().flatten();
    entries
        .filter_map(|(key, value)| match key {
            MapKey::String(key) => Some((key.as_str(), value)),
            MapKey::Bool(_) | MapKey::I32(_) | MapKey::I64(_) | MapKey::U32(_) | MapKey::U64(_) => {
                None
            }
        })
        .collect()
}

fn in_words(timestamp: &DynamicMessage) -> String {
    let number = |name: &str| {
        let value = timestamp.get_field_by_name(name);
        let value = value.as_deref();
        value.and_then(|it| it.as_i64().or_else(|| it.as_i32().map(i64::from)))
    };
    let (seconds, nanos) = (number("seconds"), number("nanos"));
    let nanos = i128::from(seconds.unwrap_or(0)) * 1_000_000_000 + i128::from(nanos.unwrap_or(0));
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let text = at.ok().and_then(|at| at.format(MILLIS).ok());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use proto::legacy::v1;

    #[track_caller]
    fn check(message: &impl Message, name: &str, want: &str) {
        let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
        let shapes = Shapes::of(&pool).unwrap();
        let descriptor = pool
            .get_message_by_name(&format!("{PACKAGE}.{name}"))
            .unwrap();
        let bytes = message.encode_to_vec();
        let message = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
        assert_eq!(shapes.json(&message), want);
    }

    fn app() -> v1::App {
        v1::App {
            id: "1".to_owned(),
            name: "shop".to_owned(),
            repo: "acme/shop".to_owned(),
            subscribe_to_github_webhook: false,
        }
    }

    #[test]
    fn an_object_begins_with_its_type_and_shows_what_is_false() {
        let answer = v1::GetAppResponse { data: Some(app()) };
        let want = r#"{"data":{"object_type":"app","id":"1","name":"shop","repo":"acme/shop","subscribe_to_github_webhook":false}}"#;
        check(&answer, "GetAppResponse", want);
    }

    #[test]
    fn a_sparse_object_leaves_out_what_is_not_there() {
        let build = v1::Build {
            id: "31".to_owned(),
            r#ref: "main".to_owned(),
            state: "in_progress".to_owned(),
            created_at: Some(prost_types::Timestamp {
                seconds: 1_430_236_679,
                nanos: 120_999_999,
            }),
            container_host: "one".to_owned(),
            container_id: "bld-31".to_owned(),
            ..v1::Build::default()
        };
        let want = r#"{"object_type":"build","id":"31","ref":"main","state":"in_progress","created_at":"2015-04-28T15:57:59.120Z","container_host":"one","container_id":"bld-31"}"#;
        check(&build, "Build", want);
    }

    #[test]
    fn a_whole_object_shows_null() {
        let reconcile = v1::Reconcile {
            state: "preview".to_owned(),
            ..v1::Reconcile::default()
        };
        let want = r#"{"object_type":"reconcile","id":null,"environment":null,"app":null,"state":"preview","callback_url":null,"plan":[],"created_at":null,"updated_at":null,"completed_at":null,"container_id":null,"container_host":null}"#;
        check(&reconcile, "Reconcile", want);
    }

    #[test]
    fn texts_that_are_json_are_shown_as_what_they_say() {
        let config = [("A", "3"), ("B", "\"3\""), ("C", "true"), ("D", "1e400")];
        let config = config.map(|(key, json)| (key.to_owned(), json.to_owned()));
        let set = v1::ConfigSet {
            id: "7".to_owned(),
            config: config.into(),
            config_command_line_args: String::new(),
            app: None,
            environment: None,
        };
        let want = r#"{"object_type":"config_set","id":"7","config":{"A":3,"B":"3","C":true,"D":1e400},"config_command_line_args":""}"#;
        check(&set, "ConfigSet", want);
    }

    #[test]
    fn maps_stand_beside_fields_or_in_objects_of_their_own_and_what_is_hidden_is_not_shown() {
        let found = v1::EnvironmentSanity {
            stuck_deploys: vec![12],
            stack_status: [("api".to_owned(), true)].into(),
            status: "NOT OK".to_owned(),
            ..v1::EnvironmentSanity::default()
        };
        let answer = v1::GetSanityResponse {
            data: Some(v1::Sanity {
                environments: [("production".to_owned(), found)].into(),
                stuck_builds: vec![31],
            }),
            well: true,
        };
        let want = r#"{"data":{"production":{"reconcile_plan":[],"stuck_deploys":[12],"stuck_reconciles":[],"stack_status":{"api":true},"status":"NOT OK"},"stuck_builds":[31]}}"#;
        check(&answer, "GetSanityResponse", want);
    }

    #[test]
    fn what_is_called_as_another_field_is_not_shown_beside_it() {
        let well = v1::EnvironmentSanity {
            status: "OK".to_owned(),
            ..v1::EnvironmentSanity::default()
        };
        // The map is no key itself, so that its name is free.
        let called = ["environments", "stuck_builds"];
        let answer = v1::Sanity {
            environments: called.map(|name| (name.to_owned(), well.clone())).into(),
            stuck_builds: vec![31],
        };
        let want = r#"{"environments":{"reconcile_plan":[],"stuck_deploys":[],"stuck_reconciles":[],"stack_status":{},"status":"OK"},"stuck_builds":[31]}"#;
        check(&answer, "Sanity", want);
    }
}

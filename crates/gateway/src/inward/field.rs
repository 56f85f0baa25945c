//! One field, given as text in a path, a query or a header.

use crate::refusal::Refusal;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use serde::de::{IntoDeserializer, value::StrDeserializer};

/// Sets the field that `path` leads to, such as `values.name`. Names may be those of JSON or of the proto. A repeated
/// field gets one more element.
///
/// # Errors
/// When there is no such field, it cannot be that text, or it is already something else.
pub(super) fn set(message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), Refusal> {
    let (names, last) = match path.rsplit_once('.') {
        Some((names, last)) => (Some(names), last),
        None => (None, path),
    };
    let mut holder = message;
    for name in names.into_iter().flat_map(|names| names.split('.')) {
        let field = known(&holder.descriptor(), name, path)?;
        if !matches!(field.kind(), Kind::Message(_)) || field.is_list() || field.is_map() {
            return Err(Refusal::field(path, format!("`{name}` has no fields")));
        }
        holder = holder
            .get_field_mut(&field)
            .as_message_mut()
            .ok_or_else(|| Refusal::field(path, format!("`{name}` has no fields")))?;
    }
    let field = known(&holder.descriptor(), last, path)?;
    if field.is_map() {
        return Err(Refusal::field(
            path,
            format!("`{path}` is a map; give it in the body"),
        ));
    }
    let value = parsed(&field.kind(), text)
        .map_err(|problem| Refusal::field(path, format!("`{path}` {problem}")))?;
    if field.is_list() {
        if let Some(list) = holder.get_field_mut(&field).as_list_mut() {
            list.push(value);
        }
        return Ok(());
    }
    if holder.has_field(&field) && *holder.get_field(&field) != value {
        return Err(Refusal::field(
            path,
            format!("`{path}` is given twice, and not as the same"),
        ));
    }
    let others = field.containing_oneof().into_iter();
    let others = others.flat_map(|one| one.fields().collect::<Vec<_>>());
    if let Some(other) = { others }.find(|other| *other != field && holder.has_field(other)) {
        let other = other.json_name();
        return Err(Refusal::field(
            path,
            format!("`{path}` and `{other}` exclude each other"),
        ));
    }
    holder.set_field(&field, value);
    Ok(())
}

fn known(message: &MessageDescriptor, name: &str, path: &str) -> Result<FieldDescriptor, Refusal> {
    message
        .get_field_by_json_name(name)
        .or_else(|| message.get_field_by_name(name))
        .ok_or_else(|| Refusal::field(path, format!("there is no field `{name}` here")))
}

/// A value of one kind, from its text; else what it should have been.
fn parsed(kind: &Kind, text: &str) -> Result<Value, String> {
    const INTEGER: &str = "is a whole number";
    const NUMBER: &str = "is a number";
    fn number<T: std::str::FromStr>(
        text: &str,
        what: &str,
        value: fn(T) -> Value,
    ) -> Result<Value, String> {
        let parsed = text.parse().map(value);
        parsed.map_err(|_| format!("{what}, and `{text}` is none in its range"))
    }
    match kind {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => text
            .parse()
            .map(Value::Bool)
            .map_err(|_| format!("is `true` or `false`, not `{text}`")),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => number(text, INTEGER, Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => number(text, INTEGER, Value::I64),
        Kind::Uint32 | Kind::Fixed32 => number(text, INTEGER, Value::U32),
        Kind::Uint64 | Kind::Fixed64 => number(text, INTEGER, Value::U64),
        Kind::Float => number(text, NUMBER, Value::F32),
        Kind::Double => number(text, NUMBER, Value::F64),
        Kind::Enum(kind) => enumerated(kind, text),
        Kind::Bytes => Err("is bytes; give it in the body".to_owned()),
        Kind::Message(kind) => well_known(kind, text),
    }
}

/// By name or number.
fn enumerated(kind: &EnumDescriptor, text: &str) -> Result<Value, String> {
    let by_number = || kind.get_value(text.parse().ok()?);
    let value = kind.get_value_by_name(text).or_else(by_number);
    value
        .map(|value| Value::EnumNumber(value.number()))
        .ok_or_else(|| {
            let names: Vec<_> = kind.values().map(|one| one.name().to_owned()).collect();
            format!("is one of {}, not `{text}`", names.join(", "))
        })
}

/// Messages that canonical JSON writes as one text: times, durations, masks and wrapped scalars.
fn well_known(kind: &MessageDescriptor, text: &str) -> Result<Value, String> {
    let form = match kind.full_name() {
        "google.protobuf.Timestamp" => "is a time such as 2026-01-31T08:00:00Z",
        "google.protobuf.Duration" => "is a time in seconds such as 90s or 0.5s",
        "google.protobuf.FieldMask" => "is names of fields in camel case, with commas between them",
        "google.protobuf.StringValue" => "is a text",
        "google.protobuf.Int32Value" | "google.protobuf.UInt32Value" => "is a whole number",
        "google.protobuf.Int64Value" | "google.protobuf.UInt64Value" => "is a whole number",
        _ => return Err("has fields: give one of those, as in `name.field=`".to_owned()),
    };
    let text_of: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    DynamicMessage::deserialize(kind.clone(), text_of)
        .map(Value::Message)
        .map_err(|_| format!("{form}, not `{text}`"))
}

//! JSON Schemas of messages and enums, as canonical proto JSON writes them.

use super::parameters::is_one_text;
use crate::comments::Comments;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// The schemas that the calls need, made when they are first named.
pub(crate) struct Schemas<'a> {
    comments: &'a Comments,
    made: Map<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(comments: &'a Comments) -> Self {
        Self {
            comments,
            made: Map::new(),
        }
    }

    /// Every schema that was named, and that of errors.
    pub(crate) fn with_problem(mut self) -> Map<String, Value> {
        self.made.insert("Problem".to_owned(), problem());
        self.made
    }

    /// A reference to the schema of a message.
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Value {
        let name = local_name(message.full_name(), message.package_name());
        if !self.made.contains_key(&name) {
            // Before its fields, which may be of its own kind.
            self.made.insert(name.clone(), Value::Null);
            let schema = self.object(message, |_| true);
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The schema of a message with some of its fields.
    pub(crate) fn object(
        &mut self,
        message: &MessageDescriptor,
        is_in: impl Fn(&FieldDescriptor) -> bool,
    ) -> Value {
        let mut properties = Map::new();
        for field in message.fields().filter(|field| is_in(field)) {
            properties.insert(field.json_name().to_owned(), self.field(&field));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        describe(&mut schema, self.comments.on(message));
        schema
    }

    /// The schema of a field.
    pub(crate) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let value = entry.map_entry_value_field();
                json!({"type": "object", "additionalProperties": self.value(&value.kind())})
            }
            kind if field.is_list() => json!({"type": "array", "items": self.value(&kind)}),
            kind => self.value(&kind),
        };
        describe(&mut schema, self.comments.on(field));
        if self.comments.is_set_by_server(field) {
            schema["readOnly"] = true.into();
        }
        schema
    }

    /// The schema of one value.
    fn value(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({"type": "string"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "uint32", "minimum": 0})
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"})
            }
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(kind) => self.enumeration(kind),
            Kind::Message(message) if is_one_text(message) => one_text(message.full_name()),
            Kind::Message(message) => self.message(message),
        }
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Value {
        let name = local_name(kind.full_name(), kind.package_name());
        if !self.made.contains_key(&name) {
            let values: Vec<_> = kind.values().map(|one| one.name().to_owned()).collect();
            let mut text = self.comments.on(kind).to_owned();
            for one in kind.values() {
                text.push_str(&format!("\n- `{}`: {}", one.name(), self.comments.on(&one)));
            }
            let schema = json!({"type": "string", "enum": values, "description": text});
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

/// `jockey.v1.App` as `App`.
fn local_name(full_name: &str, package: &str) -> String {
    let local = full_name.strip_prefix(package).unwrap_or(full_name);
    local.trim_start_matches('.').to_owned()
}

fn describe(schema: &mut Value, text: &str) {
    if !text.is_empty() {
        schema["description"] = text.into();
    }
}

fn one_text(full_name: &str) -> Value {
    match full_name {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => {
            json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["90s", "0.5s"]})
        }
        _ => json!({
            "type": "string",
            "pattern": "^[a-zA-Z0-9.]+(,[a-zA-Z0-9.]+)*$",
            "examples": ["name,updateTime"],
        }),
    }
}

/// As RFC 9457 has it, with what is Jockey's own.
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a call was not carried out (RFC 9457).",
        "required": ["type", "title", "status", "detail", "reason"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "The reason as a URI.",
                "examples": ["urn:jockey:problem:UNKNOWN_APP"],
            },
            "title": {"type": "string", "description": "The reason in words."},
            "status": {"type": "integer", "description": "The status of the response."},
            "detail": {
                "type": "string",
                "description": "What is wrong with this call, and what to do next.",
            },
            "reason": {
                "type": "string",
                "description": "The reason: stable, for programs.",
                "examples": ["UNKNOWN_APP"],
            },
            "advice": {"type": "string", "description": "What to do next."},
            "violations": {
                "type": "array",
                "description": "The fields that cannot be as they are.",
                "items": {
                    "type": "object",
                    "required": ["field", "description"],
                    "properties": {
                        "field": {"type": "string"},
                        "description": {"type": "string"},
                    },
                },
            },
            "metadata": {
                "type": "object",
                "description": "Further facts, by name.",
                "additionalProperties": {"type": "string"},
            },
        },
    })
}

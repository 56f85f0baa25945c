//! What a call takes besides its body: variables of the path, query and headers.

use crate::{
    annotations::{Binding, Body},
    comments::Comments,
    table::Route,
    template::Segment,
};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use std::fmt::Write as _;

/// Fields that a header or a query says, whatever else the body holds.
const REQUEST_ID: &str = "request_id";
const ETAG: &str = "etag";
const DRY_RUN: &str = "dry_run";

/// Where a parameter is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One parameter of a call.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The field that it fills.
    pub(crate) field: FieldDescriptor,
}

/// The parameters of a call, in the order of path, query and headers.
pub(crate) fn parameters(route: &Route<Binding>, comments: &Comments) -> Vec<Parameter> {
    let input = route.target.descriptor().input();
    let mut found: Vec<_> = route
        .template
        .variables()
        .filter_map(|path| {
            let field = field_at(&input, path)?;
            Some(Parameter {
                place: Place::Path,
                name: json_name(&input, path),
                description: comments.on(&field).to_owned(),
                field,
            })
        })
        .collect();
    if let Some(raw) = &route.target.raw {
        // How the body is written is said with the body.
        let passed = raw.headers().iter();
        let passed = passed.filter(|(name, _)| name != http::header::CONTENT_TYPE);
        found.extend(passed.map(|(name, field)| Parameter {
            place: Place::Header,
            name: name.to_string(),
            description: comments.on(field).to_owned(),
            field: field.clone(),
        }));
        return found;
    }
    for field in input.fields() {
        let in_path = route.template.variables().any(|name| name == field.name());
        let in_header = [REQUEST_ID, ETAG].contains(&field.name());
        let in_body = match &route.target.body {
            Body::None => false,
            Body::Whole => field.name() != DRY_RUN,
            Body::Field(body) => *body == field,
        };
        if !in_path && !in_header && !in_body {
            in_query(&field, String::new(), comments, &mut found);
        }
    }
    headers(route, &input, comments, &mut found);
    found
}

/// A field as query parameters: one, or one for each of its own fields.
fn in_query(
    field: &FieldDescriptor,
    holder: String,
    comments: &Comments,
    found: &mut Vec<Parameter>,
) {
    let name = holder + field.json_name();
    match field.kind() {
        Kind::Message(message) if !is_one_text(&message) => {
            // Depth is bounded: what is nested twice is given in a body.
            if !field.is_list() && !field.is_map() && !name.contains('.') {
                for inner in message.fields() {
                    in_query(&inner, format!("{name}."), comments, found);
                }
            }
        }
        _ => found.push(Parameter {
            place: Place::Query,
            name,
            description: comments.on(field).to_owned(),
            field: field.clone(),
        }),
    }
}

fn headers(
    route: &Route<Binding>,
    input: &MessageDescriptor,
    comments: &Comments,
    found: &mut Vec<Parameter>,
) {
    let mut header = |name: &str, field: Option<FieldDescriptor>, more: &str| {
        if let Some(field) = field {
            found.push(Parameter {
                place: Place::Header,
                name: name.to_owned(),
                description: format!("{}{more}", comments.on(&field)),
                field,
            });
        }
    };
    header("Idempotency-Key", input.get_field_by_name(REQUEST_ID), "");
    let quoted = " In quotes, as the ETag of an answer has it.";
    header("If-Match", input.get_field_by_name(ETAG), quoted);
    let resume = route.target.resume.as_ref();
    let seen = " The id of a server-sent event.";
    header("Last-Event-ID", resume.map(|it| it.request.clone()), seen);
}

/// Whether canonical JSON writes a message as one text.
pub(crate) fn is_one_text(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

/// The path of a route with the names that JSON has for fields.
pub(crate) fn json_path(route: &Route<Binding>) -> String {
    let input = route.target.descriptor().input();
    let mut path = String::new();
    for segment in route.template.segments() {
        let written = match segment {
            Segment::Literal(text) => write!(path, "/{text}"),
            Segment::Variable(name) => write!(path, "/{{{}}}", json_name(&input, name)),
        };
        written.expect("a String takes what is written");
    }
    if let Some(verb) = route.template.verb() {
        path.push(':');
        path.push_str(verb);
    }
    path
}

fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => message.get_field_by_name(path),
        Some((first, rest)) => {
            let field = message.get_field_by_name(first)?;
            field_at(field.kind().as_message()?, rest)
        }
    }
}

fn json_name(message: &MessageDescriptor, path: &str) -> String {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let Some(field) = message.get_field_by_name(first) else {
        return path.to_owned();
    };
    match (rest, field.kind().as_message()) {
        (Some(rest), Some(inner)) => format!("{}.{}", field.json_name(), json_name(inner, rest)),
        (Some(_) | None, _) => field.json_name().to_owned(),
    }
}

//! Examples of calls.

use crate::{annotations::Binding, comments::Comments, openapi::json_path, table::Route};
use http::Method;
use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value};

/// A command that makes the call, with names in capitals where a value belongs.
pub(super) fn curl(
    route: &Route<Binding>,
    body: &[FieldDescriptor],
    comments: &Comments,
) -> String {
    let path = json_path(route);
    let path: String = path
        .split_inclusive(['{', '}'])
        .map(|piece| match piece.strip_suffix('}') {
            Some(name) => name.to_ascii_uppercase(),
            None => piece.trim_end_matches('{').to_owned(),
        })
        .collect();
    let mut command = String::from("curl ");
    if route.verb != Method::GET && (route.verb != Method::POST || body.is_empty()) {
        command.push_str(&format!("-X {} ", route.verb));
    }
    command.push_str(&format!(
        "\"$JOCKEY_URL{path}\" \\\n  -H \"authorization: Bearer $JOCKEY_TOKEN\""
    ));
    if !body.is_empty() {
        let fields = plain(body, comments).map(|field| {
            let name = field.json_name();
            (name.to_owned(), Value::from(name.to_ascii_uppercase()))
        });
        let json = Value::Object(fields.collect::<Map<_, _>>());
        command.push_str(&format!(
            " \\\n  -H 'content-type: application/json' \\\n  -d '{json}'"
        ));
    }
    command
}

/// A body to begin with: every text empty, which is as if it were not given.
pub(super) fn body(fields: &[FieldDescriptor], comments: &Comments) -> String {
    let fields = plain(fields, comments)
        .map(|field| (field.json_name().to_owned(), Value::from("")))
        .collect::<Map<_, _>>();
    serde_json::to_string_pretty(&fields).expect("texts by name are JSON")
}

/// Texts that a caller gives and that are nothing when they are empty.
fn plain(fields: &[FieldDescriptor], comments: &Comments) -> impl Iterator<Item = FieldDescriptor> {
    /// What headers say.
    const IN_HEADERS: [&str; 2] = ["request_id", "etag"];
    fields
        .iter()
        .filter(move |field| {
            matches!(field.kind(), Kind::String)
                && !field.is_list()
                && !field.supports_presence()
                && !IN_HEADERS.contains(&field.name())
                && !comments.is_set_by_server(field)
        })
        .cloned()
        .collect::<Vec<_>>()
        .into_iter()
}

//! One call of the document.

use super::{Parameter, Place, Schemas, parameters};
use crate::{
    annotations::{Binding, Body},
    comments::{Comments, first_sentence},
    outward,
    table::Route,
};
use prost_reflect::ServiceDescriptor;
use serde_json::{Value, json};

/// What the calls of a service are listed under: `App` for `AppService`.
pub(crate) fn tag(service: &ServiceDescriptor) -> &str {
    service.name().trim_end_matches("Service")
}

pub(super) fn operation(
    id: &str,
    route: &Route<Binding>,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
) -> Value {
    let rpc = route.target.descriptor();
    let text = comments.on(rpc);
    let parameters: Vec<_> = parameters(route, comments)
        .iter()
        .map(|one| parameter(one, schemas))
        .collect();
    let mut operation = json!({
        "operationId": id,
        "tags": [tag(rpc.parent_service())],
        "summary": first_sentence(text),
        "description": text,
        "responses": {
            "200": answer(route, schemas),
            "default": {"$ref": "#/components/responses/Problem"},
        },
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body(route, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn parameter(one: &Parameter, schemas: &mut Schemas<'_>) -> Value {
    let mut schema = schemas.field(&one.field);
    // It is said of the parameter, and a request may always give it.
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("description");
        schema.remove("readOnly");
    }
    if one.place == Place::Path {
        schema["minLength"] = 1.into();
    }
    json!({
        "name": one.name,
        "in": one.place.name(),
        "required": one.place == Place::Path,
        "description": one.description,
        "schema": schema,
    })
}

fn body(route: &Route<Binding>, schemas: &mut Schemas<'_>) -> Option<Value> {
    let input = route.target.descriptor().input();
    if route.target.raw.is_some() {
        let schema = json!({"type": "object"});
        return Some(json!({"content": {outward::JSON: {"schema": schema}}}));
    }
    let schema = match &route.target.body {
        Body::None => return None,
        // What the path says need not be said again.
        Body::Whole => schemas.object(&input, |field| {
            route.template.variables().all(|name| name != field.name())
        }),
        Body::Field(field) => schemas.field(field),
    };
    Some(json!({"content": {outward::JSON: {"schema": schema}}}))
}

fn answer(route: &Route<Binding>, schemas: &mut Schemas<'_>) -> Value {
    let rpc = route.target.descriptor();
    let schema = schemas.message(&rpc.output());
    if rpc.is_server_streaming() {
        return json!({
            "description": "A message a line as it comes, or server-sent events. When the stream breaks, the last line \
                is an object with `error`; events end with `end` or `error`.",
            "content": {
                outward::LINES: {"schema": schema},
                outward::EVENT_STREAM: {"schema": {"type": "string"}},
            },
        });
    }
    let mut answer = json!({
        "description": "It is so.",
        "content": {outward::JSON: {"schema": schema}},
    });
    if rpc
        .output()
        .fields()
        .any(|field| outward::is_versioned(&field))
    {
        answer["headers"] = json!({
            "ETag": {
                "description": "Changes with every change of the entity; give it back as If-Match.",
                "schema": {"type": "string"},
            },
        });
    }
    answer
}

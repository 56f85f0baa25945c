//! The OpenAPI 3.1 document of the API, made from the same descriptors as its routes.

mod operation;
mod parameters;
mod schemas;

use crate::{annotations::Binding, comments::Comments, problem, table::Table};
use prost_reflect::DescriptorPool;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(crate) use operation::tag;
pub(crate) use parameters::{Parameter, Place, json_path, parameters};
use schemas::Schemas;

/// The name of the way to prove who calls.
const TOKEN: &str = "token";

/// Every call of a table as an OpenAPI document. The same descriptors give the same text.
pub(crate) fn document(pool: &DescriptorPool, table: &Table<Binding>) -> Value {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::new(&comments);
    let mut paths: Map<String, Value> = Map::new();
    let mut services = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for route in table.routes() {
        let rpc = route.target.descriptor();
        services.insert(rpc.parent_service().full_name().to_owned());
        // A second path of the same RPC is another operation.
        let mut id = rpc.name().to_owned();
        while !seen.insert(id.clone()) {
            id.push_str("Too");
        }
        let operation = operation::operation(&id, route, &comments, &mut schemas);
        let path = paths.entry(json_path(route)).or_insert_with(|| json!({}));
        path[route.verb.as_str().to_ascii_lowercase()] = operation;
    }
    let tags: Vec<_> = services
        .iter()
        .filter_map(|name| pool.get_service_by_name(name))
        .map(|service| {
            json!({"name": operation::tag(&service), "description": comments.on(&service)})
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Jockey",
            "version": "v1",
            "summary": "From a commit to healthy containers.",
            "description": "The same calls as over gRPC, on the same port. Bodies are canonical proto JSON: 64-bit \
                integers are strings, times RFC 3339, durations seconds with an `s`. Unknown fields are refused.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{TOKEN: []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.with_problem(),
            "responses": {"Problem": problem_response()},
            "securitySchemes": {
                TOKEN: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that `jockey tokens create` has made.",
                },
            },
        },
    })
}

fn problem_response() -> Value {
    json!({
        "description": "The call was not carried out, and why.",
        "headers": {
            "Retry-After": {
                "description": "Seconds after which the same call may be asked again.",
                "schema": {"type": "integer", "minimum": 0},
            },
        },
        "content": {
            problem::CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    })
}

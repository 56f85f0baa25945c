//! Each RPC has an HTTP call that stands for it, and only one RPC has it.

use crate::api::{assert_none, methods, pool};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use std::collections::BTreeMap;

/// One HTTP call of an RPC.
struct Route {
    verb: String,
    path: String,
    body: String,
}

#[test]
fn every_rpc_has_an_http_call_of_its_own_under_v1() {
    let pool = pool();
    let mut owners = BTreeMap::new();
    let mut complaints = Vec::new();
    for method in methods(&pool) {
        let routes = routes(&pool, &method);
        if routes.is_empty() != crate::api::is_two_way(&method) {
            complaints.push(format!(
                "{} has {} http annotations",
                method.full_name(),
                routes.len()
            ));
        }
        for route in routes {
            if !route.path.starts_with("/v1/") {
                complaints.push(format!("{} is not under /v1", route.path));
            }
            let shape = format!("{} {}", route.verb, without_names(&route.path));
            if let Some(other) = owners.insert(shape, method.full_name().to_owned()) {
                complaints.push(format!("{} and {other} share a path", method.full_name()));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn every_name_in_a_path_and_every_body_is_a_field_of_the_request() {
    let pool = pool();
    assert_none(methods(&pool).flat_map(|method| {
        let input = method.input();
        let fields = routes(&pool, &method).into_iter().flat_map(|route| {
            let mut fields = names(&route.path);
            fields.extend(Some(route.body).filter(|body| !body.is_empty() && body != "*"));
            fields
        });
        fields
            .filter(|field| input.get_field_by_name(field).is_none())
            .map(|field| format!("{} has no field {field}", input.name()))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn only_calls_that_read_are_gets() {
    let pool = pool();
    assert_none(methods(&pool).flat_map(|method| {
        let mutates = crate::api::mutates(&method)
            || crate::api::signs_in(&method)
            || crate::api::is_told(&method);
        routes(&pool, &method)
            .into_iter()
            .filter(|route| (route.verb == "get") == mutates)
            .map(|route| format!("{} {} of {}", route.verb, route.path, method.full_name()))
            .collect::<Vec<_>>()
    }));
}

/// The HTTP calls of an RPC, further bindings included.
fn routes(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<Route> {
    let http = pool.get_extension_by_name("google.api.http").unwrap();
    let options = method.options();
    if !options.has_extension(&http) {
        return Vec::new();
    }
    let rule = options.get_extension(&http);
    let rule = rule.as_message().unwrap();
    let further = rule.get_field_by_name("additional_bindings").unwrap();
    let further = further
        .as_list()
        .unwrap()
        .iter()
        .filter_map(|rule| rule.as_message());
    std::iter::once(rule).chain(further).map(route).collect()
}

fn route(rule: &DynamicMessage) -> Route {
    let text = |name: &str| {
        rule.get_field_by_name(name)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let verb = ["get", "put", "post", "delete", "patch"]
        .into_iter()
        .find(|verb| !text(verb).is_empty())
        .unwrap();
    Route {
        verb: verb.to_owned(),
        path: text(verb),
        body: text("body"),
    }
}

/// The names in braces.
fn names(path: &str) -> Vec<String> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
        .collect()
}

/// The path with `{}` for each name in braces: two that differ in names alone are the same call.
fn without_names(path: &str) -> String {
    names(path).into_iter().fold(path.to_owned(), |path, name| {
        path.replace(&format!("{{{name}}}"), "{}")
    })
}

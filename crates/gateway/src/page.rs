//! One page that shows every call, made from the same descriptors. It needs nothing from elsewhere.

mod example;

use crate::{
    Settings,
    annotations::{Binding, Body},
    comments::{Comments, first_sentence},
    openapi::{Parameter, Place, json_path, parameters, tag},
    table::{Route, Table},
};
use maud::{DOCTYPE, Markup, html};
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, ServiceDescriptor};

/// Served beside the page: it loads nothing else.
pub(crate) const STYLE: &str = include_str!("page/page.css");
pub(crate) const SCRIPT: &str = include_str!("page/page.js");

/// The page.
pub(crate) fn page(pool: &DescriptorPool, table: &Table<Binding>, settings: &Settings) -> Markup {
    let comments = Comments::of(pool);
    let services: Vec<_> = pool
        .services()
        .map(|service| {
            let routes: Vec<_> = table
                .routes()
                .iter()
                .filter(|route| *route.target.descriptor().parent_service() == service)
                .collect();
            (service, routes)
        })
        .filter(|(_, routes)| !routes.is_empty())
        .collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Jockey API" }
                link rel="stylesheet" href="/v1/page.css";
                link rel="icon" href="data:,";
                script src="/v1/page.js" defer {}
            }
            body {
                nav { (contents(&services)) }
                main {
                    (introduction(settings))
                    @for (service, routes) in &services {
                        section {
                            h2 id=(tag(service)) { (tag(service)) }
                            @for paragraph in comments.on(service).lines() { p { (text(paragraph)) } }
                            @for route in routes { (operation(route, &comments)) }
                        }
                    }
                }
            }
        }
    }
}

fn contents(services: &[(ServiceDescriptor, Vec<&Route<Binding>>)]) -> Markup {
    html! {
        h1 { "Jockey API" }
        ul {
            @for (service, routes) in services {
                li {
                    a href={ "#" (tag(service)) } { (tag(service)) }
                    ul {
                        @for route in routes {
                            li { a href={ "#" (anchor(route)) } { (route.target.descriptor().name()) } }
                        }
                    }
                }
            }
        }
    }
}

fn introduction(settings: &Settings) -> Markup {
    html! {
        p {
            "Every call of Jockey as JSON over HTTP; the same calls are served over gRPC on the same port. Bodies are "
            "canonical proto JSON: 64-bit integers are strings, times RFC 3339, durations seconds with an "
            code { "s" } ". Errors are problem details with a stable " code { "reason" } ". "
            "The whole as OpenAPI: " a href="/v1/openapi.json" { "/v1/openapi.json" } "."
        }
        @if settings.signs_in {
            p #signed-in { a href="/login" { "Sign in with GitHub" } }
        }
        form #who {
            label {
                "Token, for the calls that you try here "
                input #token type="password" autocomplete="off" placeholder="jockey tokens create";
            }
            span { "It is kept until this tab is closed." }
        }
    }
}

fn operation(route: &Route<Binding>, comments: &Comments) -> Markup {
    let rpc = route.target.descriptor();
    let parameters = parameters(route, comments);
    let body = body_fields(route);
    let said = comments.on(rpc);
    html! {
        details.call id=(anchor(route)) {
            summary {
                code.verb.(route.verb.as_str().to_ascii_lowercase()) { (route.verb) }
                " " code.path { (json_path(route)) }
                " " span { (text(first_sentence(said))) }
            }
            // Not again what the summary has said.
            @if said.trim_end_matches('.') != first_sentence(said) {
                @for paragraph in said.lines() { p { (text(paragraph)) } }
            }
            @if !parameters.is_empty() { (parameter_table(&parameters)) }
            @if !body.is_empty() {
                h4 { "Body" }
                table {
                    @for field in &body {
                        tr {
                            th { code { (field.json_name()) } }
                            td { code { (type_of(field)) } }
                            td { (text(comments.on(field))) }
                        }
                    }
                }
            }
            p { "Answers with " code { (rpc.output().name()) } @if rpc.is_server_streaming() { ", one after another" } "." }
            h4 { "Example" }
            pre { (example::curl(route, &body, comments)) }
            (form(route, &parameters, &body, comments))
        }
    }
}

fn parameter_table(parameters: &[Parameter]) -> Markup {
    html! {
        h4 { "Parameters" }
        table {
            @for one in parameters {
                tr {
                    th { code { (one.name) } }
                    td { (one.place.name()) " " code { (type_of(&one.field)) } }
                    td { (text(&one.description)) }
                }
            }
        }
    }
}

/// What the script makes a request of.
fn form(
    route: &Route<Binding>,
    parameters: &[Parameter],
    body: &[FieldDescriptor],
    comments: &Comments,
) -> Markup {
    html! {
        form.try data-method=(route.verb) data-path=(json_path(route)) {
            h4 { "Try it" }
            @for one in parameters {
                label {
                    (one.name) " "
                    input name=(one.name) data-in=(one.place.name()) required[one.place == Place::Path];
                }
            }
            @if !body.is_empty() {
                textarea rows="6" { (example::body(body, comments)) }
            }
            button { "Send" }
            " " button.stop type="button" hidden { "Stop" }
            pre.answer hidden {}
        }
    }
}

/// The fields that the body of a call may hold.
fn body_fields(route: &Route<Binding>) -> Vec<FieldDescriptor> {
    match &route.target.body {
        Body::None => Vec::new(),
        Body::Whole => route
            .target
            .descriptor()
            .input()
            .fields()
            .filter(|field| route.template.variables().all(|name| name != field.name()))
            .collect(),
        Body::Field(field) => match field.kind().as_message() {
            Some(message) => message.fields().collect(),
            None => Vec::new(),
        },
    }
}

/// A second path of the same RPC has its own place.
fn anchor(route: &Route<Binding>) -> String {
    format!("{} {}", route.verb, json_path(route)).replace(['/', '{', '}', ' ', ':'], "-")
}

fn type_of(field: &FieldDescriptor) -> String {
    let one = match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            return format!(
                "map of {}",
                kind_name(&entry.map_entry_value_field().kind())
            );
        }
        kind => kind_name(&kind),
    };
    if field.is_list() {
        format!("list of {one}")
    } else {
        one
    }
}

fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.name().to_owned(),
        Kind::Enum(kind) => kind.name().to_owned(),
        scalar => format!("{scalar:?}"),
    }
}

/// Words of a comment, with code where it has backticks.
fn text(words: &str) -> Markup {
    html! {
        @for (at, piece) in words.split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

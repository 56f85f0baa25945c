//! Reads from the compiled descriptors which HTTP calls stand for which RPC.

use crate::{
    call::Rpc,
    raw::{self, BadRaw, Raw},
    table::{Route, Table},
    template::{BadTemplate, Template},
};
use http::Method;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MethodDescriptor,
};

/// The option that names the HTTP call of an RPC, and the one that says how its stream goes on after a break.
const HTTP: &str = "google.api.http";
const RESUME: &str = "jockey.v1.resume";

/// One HTTP call of an RPC.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) rpc: Rpc,
    pub(crate) body: Body,
    pub(crate) resume: Option<Resume>,
    /// Where the body goes as it came, with some headers.
    pub(crate) raw: Option<Raw>,
}

/// What the body of a request holds.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// There is none.
    None,
    /// The whole request.
    Whole,
    /// One field of it.
    Field(FieldDescriptor),
}

/// How a stream goes on after a break.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    /// The field of the request that takes a cursor.
    pub(crate) request: FieldDescriptor,
    /// Where the cursor of an answer is: names of fields, of which repeated ones count with their last element.
    pub(crate) cursor: Vec<String>,
}

/// Annotations that cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the descriptors do not hold together")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    #[error("{rpc}")]
    Template { rpc: String, source: BadTemplate },
    #[error("{rpc}: `{field}` is no field of {message}")]
    UnknownField {
        rpc: String,
        field: String,
        message: String,
    },
    #[error(transparent)]
    Raw(#[from] BadRaw),
    #[error("{rpc} has an http option without a method and path")]
    NoPattern { rpc: String },
}

impl Binding {
    /// What the descriptors say of its RPC.
    pub(crate) const fn descriptor(&self) -> &MethodDescriptor {
        self.rpc.descriptor()
    }

    /// A field that its service names, as it is written in its HTTP call: without the one that the body is, and with the
    /// names of JSON. What is no field stays as it is.
    pub(crate) fn as_written(&self, field: &str) -> String {
        let (mut kind, mut rest) = (Some(self.descriptor().input()), field);
        if let Body::Field(body) = &self.body
            && let Some(inside) = rest
                .strip_prefix(body.name())
                .and_then(|it| it.strip_prefix('.'))
        {
            (kind, rest) = (body.kind().as_message().cloned(), inside);
        }
        let mut written = Vec::new();
        for part in rest.split('.') {
            let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
            let field = kind.and_then(|kind| kind.get_field_by_name(name));
            written.push(match &field {
                Some(field) => format!("{}{index}", field.json_name()),
                None => part.to_owned(),
            });
            let inner = field
                .filter(|field| !field.is_map())
                .map(|field| field.kind());
            kind = inner.and_then(|kind| kind.as_message().cloned());
        }
        written.join(".")
    }
}

/// Every RPC that has an HTTP call, in all services of the descriptors.
pub(crate) fn table(pool: &DescriptorPool) -> Result<Table<Binding>, Error> {
    let Some(http) = pool.get_extension_by_name(HTTP) else {
        return Ok(Table::new(Vec::new()));
    };
    let resume = pool.get_extension_by_name(RESUME);
    let as_it_is = raw::option(pool);
    let mut routes = Vec::new();
    for service in pool.services() {
        for rpc in service.methods() {
            let options = rpc.options();
            if !options.has_extension(&http) {
                continue;
            }
            let resume = match &resume {
                Some(option) => resume_of(&rpc, &options, option)?,
                None => None,
            };
            let raw = Raw::of(as_it_is.as_ref(), &rpc)?;
            let rule = options.get_extension(&http);
            let rule = rule.as_message().expect("google.api.http is a message");
            for rule in with_further(rule) {
                routes.push(route(&rpc, &rule, (resume.clone(), raw.clone()))?);
            }
        }
    }
    Ok(Table::new(routes))
}

/// A rule and its `additional_bindings`.
fn with_further(rule: &DynamicMessage) -> Vec<DynamicMessage> {
    let further = rule.get_field_by_name("additional_bindings");
    let further = further.as_deref().and_then(|it| it.as_list());
    let further = further.unwrap_or_default().iter();
    std::iter::once(rule)
        .chain(further.filter_map(|rule| rule.as_message()))
        .cloned()
        .collect()
}

fn route(
    rpc: &MethodDescriptor,
    rule: &DynamicMessage,
    (resume, raw): (Option<Resume>, Option<Raw>),
) -> Result<Route<Binding>, Error> {
    let name = || rpc.full_name().to_owned();
    let (verb, path) = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ]
    .into_iter()
    .find_map(|(field, verb)| Some((verb, text(rule, field).filter(|it| !it.is_empty())?)))
    .ok_or_else(|| Error::NoPattern { rpc: name() })?;
    let template = Template::parse(&path).map_err(|source| Error::Template {
        rpc: name(),
        source,
    })?;
    for variable in template.variables() {
        let first = variable.split('.').next().unwrap_or_default();
        input_field(rpc, first)?;
    }
    let body = match text(rule, "body").as_deref() {
        None | Some("") => Body::None,
        Some("*") => Body::Whole,
        Some(field) => Body::Field(input_field(rpc, field)?),
    };
    let binding = Binding {
        rpc: Rpc::of(rpc.clone()),
        body,
        resume,
        raw,
    };
    Ok(Route {
        verb,
        template,
        target: binding,
    })
}

fn resume_of(
    rpc: &MethodDescriptor,
    options: &DynamicMessage,
    option: &ExtensionDescriptor,
) -> Result<Option<Resume>, Error> {
    if !options.has_extension(option) {
        return Ok(None);
    }
    let resume = options.get_extension(option);
    let resume = resume.as_message().expect("jockey.v1.resume is a message");
    let field = text(resume, "request_field").unwrap_or_default();
    let cursor = text(resume, "response_field").unwrap_or_default();
    Ok(Some(Resume {
        request: input_field(rpc, &field)?,
        cursor: cursor.split('.').map(str::to_owned).collect(),
    }))
}

fn input_field(rpc: &MethodDescriptor, field: &str) -> Result<FieldDescriptor, Error> {
    let input = rpc.input();
    input
        .get_field_by_name(field)
        .ok_or_else(|| Error::UnknownField {
            rpc: rpc.full_name().to_owned(),
            field: field.to_owned(),
            message: input.full_name().to_owned(),
        })
}

fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    message
        .get_field_by_name(field)?
        .as_str()
        .map(str::to_owned)
}

//! Errors as RFC 9457 has them: `application/problem+json`, with Jockey's reason.

mod status;

use crate::{annotations::Binding, refusal::Refusal};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proto::printable;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tonic::Status;
use tonic_types::StatusExt;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// Where in the details of a gRPC error its advice is.
const ADVICE: &str = "advice";

/// An answer that is an error.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    /// Says the reason as a URI.
    #[serde(rename = "type")]
    kind: String,
    /// The reason in words.
    title: String,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// What is wrong with this call, and what to do.
    detail: String,
    /// Stable, for programs.
    reason: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// The fields that cannot be as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation>,
    /// Further facts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip)]
    headers: HeaderMap,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize)]
struct Violation {
    field: String,
    description: String,
}

fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, reason: &str, detail: String) -> Self {
        let mut headers = HeaderMap::new();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Self {
            kind: format!("urn:jockey:problem:{reason}"),
            title: in_words(reason),
            status,
            detail,
            reason: reason.to_owned(),
            advice: None,
            violations: Vec::new(),
            metadata: BTreeMap::new(),
            headers,
        }
    }

    /// The same with its fields as they are written in the HTTP call.
    pub(crate) fn in_terms_of(mut self, binding: &Binding) -> Self {
        for violation in &mut self.violations {
            violation.field = binding.as_written(&violation.field);
        }
        self
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The text of the body.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a problem is texts and one number")
    }

    fn retry_after(&mut self, wait: Duration) {
        let seconds = whole_seconds(wait);
        self.headers.insert(header::RETRY_AFTER, seconds.into());
    }
}

/// A time in whole seconds, as `Retry-After` has it: never too early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<&Status> for Problem {
    fn from(told: &Status) -> Self {
        let details = told.get_error_details();
        let info = details.error_info();
        let reason = match info {
            Some(info) if !info.reason.is_empty() => info.reason.as_str(),
            Some(_) | None => status::name(told.code()),
        };
        let mut problem = Self::new(status::of(told.code()), reason, told.message().to_owned());
        problem.metadata = info
            .map(|info| info.metadata.clone().into_iter().collect())
            .unwrap_or_default();
        problem.advice = problem.metadata.remove(ADVICE);
        let violations = details.bad_request().into_iter();
        problem.violations = violations
            .flat_map(|request| &request.field_violations)
            .map(|one| Violation {
                field: one.field.clone(),
                description: one.description.clone(),
            })
            .collect();
        if let Some(wait) = details.retry_info().and_then(|info| info.retry_delay) {
            problem.retry_after(wait);
        }
        problem
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (status, reason, advice) = refusal.told();
        let detail = match advice {
            "" => refusal.to_string(),
            advice => format!("{refusal}; {advice}"),
        };
        let mut problem = Self::new(status, reason, printable(&detail).into_owned());
        problem.advice = Some(advice.to_owned()).filter(|advice| !advice.is_empty());
        if let Refusal::Field {
            field,
            problem: description,
        } = refusal
        {
            problem.violations.push(Violation {
                field: printable(field).into_owned(),
                description: printable(description).into_owned(),
            });
        }
        if let Some(wait) = refusal.retry_after() {
            problem.retry_after(wait);
        }
        if let Refusal::Method { allowed } = refusal {
            let allow = crate::refusal::allow(allowed);
            problem.headers.insert(header::ALLOW, allow);
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json() + "\n"));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response
    }
}

/// `UNKNOWN_APP` as `Unknown app`.
fn in_words(reason: &str) -> String {
    let words = reason.to_ascii_lowercase().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

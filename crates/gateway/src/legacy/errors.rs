//! Errors in the envelope of the original, and the status of each.

use super::answer;
use crate::{call::Failed, problem::whole_seconds, refusal::Refusal};
use axum::response::Response;
use http::{Method, StatusCode, header};
use proto::printable;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What is said to everybody whose token is missing or not good, whatever is wrong with it.
const STRANGER: &str = "could not authenticate your token";

/// An error, told.
#[derive(Debug)]
pub(super) struct Told {
    status: StatusCode,
    error: Error,
    retry_after: Option<Duration>,
}

#[derive(Debug, Serialize)]
struct Envelope<'a> {
    error: &'a Error,
}

#[derive(Debug, Serialize)]
struct Error {
    code: String,
    message: String,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<String, Vec<String>>,
}

impl Told {
    fn new(status: StatusCode, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self {
            status,
            error: Error {
                code: code.into(),
                message: printable(message.as_ref()).into_owned(),
                reasons: BTreeMap::new(),
            },
            retry_after: None,
        }
    }

    pub(super) fn bad_request(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// A method and path that stand for nothing.
    pub(super) fn no_route(method: &Method, path: &str) -> Self {
        let message = format!("No route matches [{method}] \"{path}\"");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// What the gateway itself refuses.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let (status, _, _) = refusal.told();
        let code = match refusal.retry_after() {
            Some(_) => "unavailable",
            None => "bad_request",
        };
        let mut told = Self::new(status, code, refusal.to_string());
        told.retry_after = refusal.retry_after();
        told
    }

    pub(super) fn response(&self) -> Response {
        let envelope = Envelope { error: &self.error };
        let json = serde_json::to_string(&envelope).expect("an error is texts");
        let mut response = answer::whole(self.status, json);
        if let Some(wait) = self.retry_after {
            let seconds = whole_seconds(wait).into();
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<Failed<Told>> for Told {
    fn from(failed: Failed<Told>) -> Self {
        match failed {
            Failed::Message(told) => told,
            Failed::Service(status) => status.into(),
        }
    }
}

impl From<Status> for Told {
    fn from(told: Status) -> Self {
        if told.code() == Code::Unauthenticated {
            return Self::new(StatusCode::FORBIDDEN, "not_authenticated", STRANGER);
        }
        let details = told.get_error_details();
        let reason = details.error_info().map_or("", |info| info.reason.as_str());
        let (status, code) = by_reason(reason).unwrap_or_else(|| by_code(told.code()));
        let mut error = Self::new(status, code, told.message());
        error.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        for one in details
            .bad_request()
            .into_iter()
            .flat_map(|it| &it.field_violations)
        {
            let problems = error.error.reasons.entry(one.field.clone()).or_default();
            problems.push(one.description.clone());
        }
        error
    }
}

/// The words that the legacy services have for their reasons.
fn by_reason(reason: &str) -> Option<(StatusCode, &'static str)> {
    Some(match reason {
        "BAD_REQUEST" => (StatusCode::BAD_REQUEST, "bad_request"),
        "NOT_FOUND" => (StatusCode::NOT_FOUND, "not_found"),
        "RECORD_INVALID" => (StatusCode::UNPROCESSABLE_ENTITY, "record_invalid"),
        "UNPROCESSABLE_ENTITY" => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable_entity"),
        "NOT_YET_IMPLEMENTED" => (StatusCode::UNPROCESSABLE_ENTITY, "not_yet_implemented"),
        "UNAUTHORIZED" => (StatusCode::UNAUTHORIZED, "unauthorized"),
        "MISSING_HEADER" => (StatusCode::UNPROCESSABLE_ENTITY, "missing_header"),
        "RESOURCE_LOCKED" => (StatusCode::LOCKED, "resource_locked"),
        "FORBIDDEN" => (StatusCode::FORBIDDEN, "forbidden"),
        "UNAVAILABLE" => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        "INTERNAL" => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        _ => return None,
    })
}

/// Of what stands before the services, and knows nothing of their words.
fn by_code(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Code::Unauthenticated => (StatusCode::FORBIDDEN, "not_authenticated"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "forbidden"),
        Code::InvalidArgument | Code::AlreadyExists | Code::OutOfRange => {
            (StatusCode::UNPROCESSABLE_ENTITY, "record_invalid")
        }
        Code::FailedPrecondition | Code::Aborted => {
            (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable_entity")
        }
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn status(code: Code, reason: &str) -> Status {
        let mut details =
            ErrorDetails::with_error_info(reason, "jockey", std::collections::HashMap::new());
        if reason == "RECORD_INVALID" {
            details.add_bad_request_violation("scale", "is not a number");
        }
        if reason == "TOO_MANY_CALLS" {
            details.set_retry_info(Some(Duration::from_millis(1500)));
        }
        Status::with_error_details(code, "so it is", details)
    }

    #[test]
    fn every_error_has_its_status_and_word() {
        for (code, reason, want, word) in [
            (Code::InvalidArgument, "BAD_REQUEST", 400, "bad_request"),
            (
                Code::Unauthenticated,
                "TOKEN_MISSING",
                403,
                "not_authenticated",
            ),
            (Code::PermissionDenied, "ROLE_TOO_LOW", 403, "forbidden"),
            (Code::NotFound, "NOT_FOUND", 404, "not_found"),
            (
                Code::InvalidArgument,
                "RECORD_INVALID",
                422,
                "record_invalid",
            ),
            (
                Code::FailedPrecondition,
                "UNPROCESSABLE_ENTITY",
                422,
                "unprocessable_entity",
            ),
            (
                Code::Unimplemented,
                "NOT_YET_IMPLEMENTED",
                422,
                "not_yet_implemented",
            ),
            (Code::Aborted, "RESOURCE_LOCKED", 423, "resource_locked"),
            (
                Code::ResourceExhausted,
                "TOO_MANY_CALLS",
                503,
                "unavailable",
            ),
            (Code::Unavailable, "UNAVAILABLE", 503, "unavailable"),
            (Code::Internal, "BROKEN", 500, "internal"),
        ] {
            let told = Told::from(status(code, reason));
            assert_eq!(
                (told.status.as_u16(), told.error.code.as_str()),
                (want, word)
            );
        }
    }

    #[test]
    fn when_to_come_again_is_told_where_it_is_known() {
        let wait = |code, reason| {
            let response = Told::from(status(code, reason)).response();
            let header = response.headers().get(header::RETRY_AFTER).cloned();
            header.map(|seconds| seconds.to_str().unwrap().to_owned())
        };
        let limited = wait(Code::ResourceExhausted, "TOO_MANY_CALLS");
        assert_eq!(limited.as_deref(), Some("2"), "never too early");
        assert_eq!(wait(Code::Unavailable, "UNAVAILABLE"), None);
    }

    #[test]
    fn the_envelope_has_reasons_only_where_there_are_some() {
        let json = |told: &Told| serde_json::to_value(Envelope { error: &told.error }).unwrap();
        let invalid = Told::from(status(Code::InvalidArgument, "RECORD_INVALID"));
        assert_eq!(
            json(&invalid),
            serde_json::json!({"error": {"code": "record_invalid", "message": "so it is",
                "reasons": {"scale": ["is not a number"]}}})
        );
        let stranger = Told::from(status(Code::Unauthenticated, "TOKEN_UNKNOWN"));
        assert_eq!(
            json(&stranger),
            serde_json::json!({"error": {"code": "not_authenticated", "message": STRANGER}})
        );
    }
}

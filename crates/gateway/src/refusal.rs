//! Why a request is answered by the gateway itself and not by a service.

use http::{HeaderValue, Method, StatusCode};
use std::time::Duration;

/// Why a request is not passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is nothing at {path}")]
    Path { path: String },
    #[error("this path takes {}", names(allowed))]
    Method { allowed: Vec<Method> },
    #[error("the body is larger than {most} bytes")]
    BodyTooLarge { most: usize },
    #[error("the body did not arrive within {seconds} s")]
    BodyTooSlow { seconds: u64 },
    #[error("too many bodies are under way")]
    TooManyBodies,
    #[error("the body broke off")]
    BodyBroken,
    #[error("this call takes no body")]
    BodyNotTaken,
    #[error("the body is `{given}`, not JSON")]
    NotJson { given: String },
    #[error("the body is not the JSON that was expected: {problem}")]
    Json { problem: String },
    /// A field, as the caller wrote it, that cannot be.
    #[error("{problem}")]
    Field { field: String, problem: String },
    #[error("a page of another site sent this with a sign-in of yours")]
    CrossSite,
    #[error("If-Match holds {problem}")]
    IfMatch { problem: &'static str },
}

impl Refusal {
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// After how long the same request may be answered, where waiting is all that it takes.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyBodies => Some(Duration::from_secs(1)),
            Self::Path { .. }
            | Self::CrossSite
            | Self::Method { .. }
            | Self::BodyTooLarge { .. }
            | Self::BodyTooSlow { .. }
            | Self::BodyBroken
            | Self::BodyNotTaken
            | Self::NotJson { .. }
            | Self::Json { .. }
            | Self::Field { .. }
            | Self::IfMatch { .. } => None,
        }
    }

    /// Status, reason and advice.
    pub(crate) const fn told(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Path { .. } => (
                StatusCode::NOT_FOUND,
                "UNKNOWN_PATH",
                "/v1/ lists every call",
            ),
            Self::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", ""),
            Self::BodyTooLarge { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "send less at once",
            ),
            Self::BodyTooSlow { .. } => (
                StatusCode::REQUEST_TIMEOUT,
                "BODY_TOO_SLOW",
                "send it again",
            ),
            Self::TooManyBodies => (
                StatusCode::SERVICE_UNAVAILABLE,
                "TOO_MANY_BODIES",
                "try again in a moment",
            ),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "BODY_BROKEN", "send it again"),
            Self::BodyNotTaken => (
                StatusCode::BAD_REQUEST,
                "BODY_NOT_TAKEN",
                "give its fields as query parameters",
            ),
            Self::NotJson { .. } => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NOT_JSON",
                "send JSON with `content-type: application/json`",
            ),
            Self::Json { .. } => (StatusCode::BAD_REQUEST, "INVALID_JSON", ""),
            Self::Field { .. } => (StatusCode::BAD_REQUEST, "INVALID_FIELD", ""),
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                "CROSS_SITE",
                "open the page of this server, or send a token as `authorization: Bearer …`",
            ),
            Self::IfMatch { .. } => (
                StatusCode::BAD_REQUEST,
                "INVALID_IF_MATCH",
                "send one entity tag, as an answer gave it in its ETag",
            ),
        }
    }
}

/// The value of an `Allow` header.
pub(crate) fn allow(methods: &[Method]) -> HeaderValue {
    format!("{}, OPTIONS", names(methods))
        .parse()
        .expect("methods are tokens")
}

fn names(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

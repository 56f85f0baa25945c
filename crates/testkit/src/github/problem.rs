//! Answers, good and bad, as GitHub gives them.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// What a handler ends with.
pub(super) type Reply = Result<Response, Problem>;

/// Where GitHub says that its errors are explained.
const EXPLAINED: &str = "https://docs.github.com/rest";

/// An error: status, `{"message", "documentation_url", "status"}`, and headers where the kind has some.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
    errors: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A 422 of the whole.
    pub(super) fn invalid(resource: &str, message: &str) -> Self {
        let errors = json!([{ "resource": resource, "code": "custom", "message": message }]);
        Self {
            errors: Some(errors),
            ..Self::unprocessable("Validation Failed")
        }
    }

    /// A 422 of one field.
    pub(super) fn invalid_field(resource: &str, field: &str, message: &str) -> Self {
        let mut problem = Self::invalid(resource, message);
        if let Some(errors) = &mut problem.errors {
            errors[0]["field"] = json!(field);
        }
        problem
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "message": self.message,
            "documentation_url": EXPLAINED,
            "status": self.status.as_u16().to_string(),
        });
        if let Some(errors) = self.errors {
            body["errors"] = errors;
        }
        let mut response = answer(self.status, &body);
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value).expect("headers of ours are text");
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        response
    }
}

/// JSON with a status.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

pub(super) fn ok(body: &Value) -> Response {
    answer(StatusCode::OK, body)
}

/// 204.
pub(super) fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

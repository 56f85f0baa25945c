//! How a call is refused.

use tonic_types::StatusExt;

/// A refusal in one line: code, reason, field where one is wrong, and the sentence.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> String {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let reason = details
        .error_info()
        .map_or("no reason", |info| &info.reason);
    let field = details
        .bad_request()
        .and_then(|bad| bad.field_violations.first())
        .map(|violation| format!(" [{}]", violation.field))
        .unwrap_or_default();
    format!("{:?} {reason}{field}: {}", status.code(), status.message())
}

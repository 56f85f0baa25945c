//! The only place that makes a `tonic::Status`: gRPC code, stable reason, and a sentence that says what to do next.

mod advice;
mod legacy;

use crate::permissions::Denied;
use controller::usecases;
use domain::token::Role;
use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every reason, as `google.rpc.ErrorInfo` has it.
const DOMAIN: &str = "jockey";

/// Where among the facts of a reason its advice is. The message ends with it as well.
const ADVICE: &str = "advice";

/// After how long what was too much may be asked again: calls are short, and a server starts in seconds.
const RETRY: Duration = Duration::from_secs(1);

/// Why a call is not answered as it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    UseCase(#[from] usecases::Error),
    /// A field of the request that cannot be.
    #[error("{problem}")]
    Field { field: String, problem: String },
    #[error(transparent)]
    Caller(#[from] Stranger),
    #[error("the request id `{0}` was used for another request")]
    RequestReused(String),
    #[error("the request `{id}` was carried out for {subject}, and its answer was lost")]
    AnswerLost { id: String, subject: String },
    #[error("too many calls are under way")]
    TooManyCalls,
    #[error("too many streams are open")]
    TooManyStreams,
    #[error("the call took longer than {0} s")]
    TookTooLong(u64),
    #[error("the server is stopping")]
    Stopping,
    /// A task of the server broke. A defect.
    #[error("the call broke off inside the server")]
    Broken,
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stranger {
    #[error("the call bears no token")]
    TokenMissing,
    #[error("the token is not known here")]
    TokenUnknown,
    #[error("the token {name} has expired")]
    TokenExpired { name: String },
    #[error("the token {name} was deleted")]
    TokenRevoked { name: String },
    #[error("a {role} may not call {method}")]
    RoleTooLow {
        method: String,
        role: Role,
        needs: Role,
    },
    #[error("nobody may call {method}")]
    NoSuchMethod { method: String },
}

impl Refusal {
    pub(crate) fn field(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.to_string(),
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Caller(match denied {
            Denied::RoleTooLow {
                method,
                role,
                needs,
            } => Stranger::RoleTooLow {
                method,
                role,
                needs,
            },
            Denied::NotInTable { method } => Stranger::NoSuchMethod { method },
        })
    }
}

impl From<ports::store::Error> for Refusal {
    fn from(error: ports::store::Error) -> Self {
        Self::UseCase(error.into())
    }
}

/// How a refusal is told.
struct Told {
    code: Code,
    reason: &'static str,
    advice: String,
}

const fn told(code: Code, reason: &'static str, advice: String) -> Told {
    Told {
        code,
        reason,
        advice,
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Told {
            code,
            reason,
            advice,
        } = tell(&refusal);
        if matches!(code, Code::Internal | Code::DataLoss) {
            tracing::error!(
                error = &refusal as &dyn std::error::Error,
                reason,
                "a call failed"
            );
        }
        let advised = (!advice.is_empty()).then(|| (ADVICE.to_owned(), shortened(&*advice)));
        let facts: HashMap<_, _> = advised.into_iter().collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, facts);
        if let Some(wait) = retry_after(&refusal) {
            details.set_retry_info(Some(wait));
        }
        if let Some((field, problem)) = field_of(&refusal) {
            details.add_bad_request_violation(field, shortened(problem));
        }
        let message = if advice.is_empty() {
            refusal.to_string()
        } else {
            format!("{refusal}; {advice}")
        };
        Self::with_error_details(code, shortened(message), details)
    }
}

/// A text that may quote what a caller sent, without its middle when it is long: its beginning says what is wrong, its end
/// what to do. It travels in headers, of which clients take 8 KiB in all.
fn shortened(text: impl Into<String>) -> String {
    const HEAD: usize = 700;
    const TAIL: usize = 300;
    let text = text.into();
    if text.len() <= HEAD + TAIL {
        return text;
    }
    let head = text.floor_char_boundary(HEAD);
    let tail = text.ceil_char_boundary(text.len() - TAIL);
    format!("{} … {}", &text[..head], &text[tail..])
}

fn tell(refusal: &Refusal) -> Told {
    let (code, reason, advice) = match refusal {
        Refusal::UseCase(error) => return advice::of_use_case(error),
        Refusal::Caller(stranger) => return of_caller(stranger),
        Refusal::Field { .. } => (Code::InvalidArgument, "INVALID_FIELD", ""),
        Refusal::RequestReused(_) => (
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            "take a fresh id for each request, and the same one only to repeat it as it was",
        ),
        Refusal::AnswerLost { .. } => (
            Code::Aborted,
            "ANSWER_LOST",
            "do not repeat it: look what became of it",
        ),
        Refusal::TooManyCalls => (
            Code::ResourceExhausted,
            "TOO_MANY_CALLS",
            "try again in a moment",
        ),
        Refusal::TooManyStreams => (
            Code::ResourceExhausted,
            "TOO_MANY_STREAMS",
            "close some that follow logs, events or deploys, or try again in a moment",
        ),
        Refusal::TookTooLong(_) => (
            Code::DeadlineExceeded,
            "TOOK_TOO_LONG",
            "what was begun goes on; look what became of it",
        ),
        Refusal::Stopping => (
            Code::Unavailable,
            "SERVER_STOPPING",
            "follow again in a moment; nothing is lost",
        ),
        Refusal::Broken => (
            Code::Internal,
            "BROKEN",
            "the log of the server says more; try again, and report it",
        ),
    };
    told(code, reason, advice.to_owned())
}

/// After how long the same call may be answered, where waiting is all that it takes.
fn retry_after(refusal: &Refusal) -> Option<Duration> {
    match refusal {
        Refusal::TooManyCalls
        | Refusal::TooManyStreams
        | Refusal::Stopping
        | Refusal::UseCase(usecases::Error::Store(ports::store::Error::Unavailable(_))) => {
            Some(RETRY)
        }
        Refusal::UseCase(_)
        | Refusal::Field { .. }
        | Refusal::Caller(_)
        | Refusal::RequestReused(_)
        | Refusal::AnswerLost { .. }
        | Refusal::TookTooLong(_)
        | Refusal::Broken => None,
    }
}

/// Who calls, and whether they may.
fn of_caller(stranger: &Stranger) -> Told {
    const ANOTHER: &str = "an admin makes another with `jockey tokens create`";
    let unauthenticated =
        |reason, advice: &str| told(Code::Unauthenticated, reason, advice.to_owned());
    match stranger {
        Stranger::TokenMissing => unauthenticated(
            "TOKEN_MISSING",
            "send one as `authorization: Bearer …`; `jockey` takes it from JOCKEY_TOKEN, `jockeyd token create` makes one",
        ),
        Stranger::TokenExpired { .. } => unauthenticated("TOKEN_EXPIRED", ANOTHER),
        Stranger::TokenRevoked { .. } => unauthenticated("TOKEN_REVOKED", ANOTHER),
        Stranger::RoleTooLow { needs, .. } => {
            let advice = format!(
                "it takes a {needs}; an admin makes such a token with `jockey tokens create`"
            );
            told(Code::PermissionDenied, "ROLE_TOO_LOW", advice)
        }
        Stranger::NoSuchMethod { .. } => told(
            Code::PermissionDenied,
            "METHOD_DENIED",
            "this server has no such call; ask its reflection service which it has".to_owned(),
        ),
        Stranger::TokenUnknown => unauthenticated(
            "TOKEN_UNKNOWN",
            "make sure that it was copied whole and is of this installation; `jockeyd token create` makes another",
        ),
    }
}

fn field_of(refusal: &Refusal) -> Option<(String, String)> {
    match refusal {
        Refusal::Field { field, problem } => Some((field.clone(), problem.clone())),
        Refusal::UseCase(usecases::Error::Invalid { field, problem }) => {
            Some(((*field).to_owned(), problem.clone()))
        }
        Refusal::UseCase(usecases::Error::Store(ports::store::Error::BadVariable(error))) => {
            Some(("set".to_owned(), error.to_string()))
        }
        Refusal::UseCase(_)
        | Refusal::Caller(_)
        | Refusal::RequestReused(_)
        | Refusal::AnswerLost { .. }
        | Refusal::TooManyCalls
        | Refusal::TooManyStreams
        | Refusal::TookTooLong(_)
        | Refusal::Stopping
        | Refusal::Broken => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_advice_and_when_to_come_back() {
        let details = Status::from(Refusal::TooManyCalls).get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.metadata[ADVICE], "try again in a moment");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(RETRY));

        let details = Status::from(Refusal::field("name", "is none")).get_error_details();
        assert!(details.error_info().unwrap().metadata.is_empty());
        assert!(details.retry_info().is_none(), "waiting does not mend it");
    }
}

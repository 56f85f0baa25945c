//! The only place that makes a `tonic::Status`: gRPC code, stable reason, and a sentence that says what to do next.

mod advice;
mod legacy;
mod resource;
mod strangers;

pub(crate) use strangers::Stranger;

use crate::{fields, permissions::Call};
use controller::usecases;
use github::webhook::{BadPayload, BadSignature};
use ports::sign_in;
use proto::printable;
use resource::resource_of;
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
    #[error(transparent)]
    SignIn(#[from] sign_in::Error),
    /// A delivery that anybody may have sent.
    #[error(transparent)]
    Signature(BadSignature),
    #[error(transparent)]
    Payload(BadPayload),
    #[error("a token of this installation is not exchanged")]
    NotAPerson,
    #[error("the call bears no token of a session")]
    NotASession,
    /// What an admin alone may ask.
    #[error("`{0}` is not known here")]
    UnknownPerson(String),
    #[error("the request id `{0}` was used for another request")]
    RequestReused(String),
    #[error("the request `{id}` was carried out for {subject}, and its answer was lost")]
    AnswerLost { id: String, subject: String },
    #[error("the request has more than {0} bytes")]
    RequestTooLarge(usize),
    #[error("too many calls are under way")]
    TooManyCalls,
    #[error("too many calls came of one caller")]
    TooManyOfOne { wait: Duration },
    #[error("too many streams are open")]
    TooManyStreams,
    #[error("the call took longer than {0} s")]
    TookTooLong(u64),
    #[error("the server is stopping")]
    Stopping,
    #[error("it is time to show again who follows")]
    ShowAgain,
    /// What strangers may keep open only for so many seconds.
    #[error("the stream has been open for {0} s")]
    OpenLong(u64),
    #[error("there is no service `{0}`")]
    UnknownService(String),
    /// A task of the server broke. A defect.
    #[error("the call broke off inside the server")]
    Broken,
}

impl Refusal {
    pub(crate) fn field(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.to_string(),
        }
    }

    /// The same, with its field as the caller of `Q` has written it.
    pub(crate) fn of<Q: Call>(self) -> Self {
        match field_of(&self) {
            Some((field, problem)) => Self::field(fields::as_asked(Q::METHOD, &field), problem),
            None => self,
        }
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
        let advised = (!advice.is_empty()).then(|| (ADVICE.to_owned(), fit(&advice)));
        let facts: HashMap<_, _> = advised.into_iter().collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, facts);
        if let Some(wait) = retry_after(&refusal) {
            details.set_retry_info(Some(wait));
        }
        if let Some((field, problem)) = field_of(&refusal) {
            details.add_bad_request_violation(fit(&field), fit(&problem));
        }
        if let Some((kind, which)) = resource_of(&refusal) {
            details.set_resource_info(kind, fit(&which), "", "");
        }
        let message = if advice.is_empty() {
            refusal.to_string()
        } else {
            format!("{refusal}; {advice}")
        };
        Self::with_error_details(code, fit(&message), details)
    }
}

/// A text that may quote what a caller sent, fit to be shown anywhere, and without its middle when it is long: its
/// beginning says what is wrong, its end what to do. It travels in headers, of which clients take 8 KiB in all.
fn fit(text: &str) -> String {
    const HEAD: usize = 700;
    const TAIL: usize = 300;
    let text = printable(text);
    if text.len() <= HEAD + TAIL {
        return text.into_owned();
    }
    let head = text.floor_char_boundary(HEAD);
    let tail = text.ceil_char_boundary(text.len() - TAIL);
    format!("{} … {}", &text[..head], &text[tail..])
}

/// Code, reason and advice.
type Words = (Code, &'static str, &'static str);

const NOT_A_PERSON: Words = (
    Code::FailedPrecondition,
    "NOT_A_PERSON",
    "send a token of GitHub's, or of a session",
);
const NOT_A_SESSION: Words = (
    Code::FailedPrecondition,
    "NOT_A_SESSION",
    "a token of this installation is ended with `jockey tokens revoke`, one of GitHub's at GitHub",
);
const UNKNOWN_PERSON: Words = (
    Code::NotFound,
    "UNKNOWN_PERSON",
    "name somebody who has called within the last minutes, a team as organisation/team, an organisation, or a token",
);
const TOO_MANY_OF_ONE: Words = (
    Code::ResourceExhausted,
    "TOO_MANY_OF_ONE",
    "ask less often, or follow what changes with a watch; the server's --call-rate says how much is let through",
);
const REQUEST_TOO_LARGE: Words = (
    Code::OutOfRange,
    "REQUEST_TOO_LARGE",
    "send less in one call, and one message only",
);
const TOO_MANY_STREAMS: Words = (
    Code::ResourceExhausted,
    "TOO_MANY_STREAMS",
    "close some that follow logs, events or deploys, or try again in a moment",
);

fn tell(refusal: &Refusal) -> Told {
    let (code, reason, advice) = match refusal {
        Refusal::UseCase(error) => return advice::of_use_case(error),
        Refusal::Caller(stranger) => return strangers::of_caller(stranger),
        Refusal::SignIn(error) => return strangers::of_sign_in(error),
        Refusal::Signature(error) => (
            Code::Unauthenticated,
            match error {
                BadSignature::Missing => "SIGNATURE_MISSING",
                BadSignature::Wrong => "SIGNATURE_WRONG",
                BadSignature::NoSecret => "NO_WEBHOOK_SECRET",
            },
            "give the hook and the server the same secret",
        ),
        Refusal::Payload(_) => (
            Code::InvalidArgument,
            "INVALID_DELIVERY",
            "see docs/github.md for what is sent",
        ),
        Refusal::NotAPerson => NOT_A_PERSON,
        Refusal::NotASession => NOT_A_SESSION,
        Refusal::UnknownPerson(_) => UNKNOWN_PERSON,
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
        Refusal::RequestTooLarge(_) => REQUEST_TOO_LARGE,
        Refusal::TooManyCalls => (
            Code::ResourceExhausted,
            "TOO_MANY_CALLS",
            "try again in a moment",
        ),
        Refusal::TooManyOfOne { .. } => TOO_MANY_OF_ONE,
        Refusal::TooManyStreams => TOO_MANY_STREAMS,
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
        Refusal::ShowAgain => (
            Code::Unavailable,
            "SHOW_AGAIN",
            "follow again; nothing is lost",
        ),
        Refusal::OpenLong(_) => (Code::Unavailable, "OPEN_LONG", "follow again in a moment"),
        Refusal::UnknownService(_) => (
            Code::NotFound,
            "UNKNOWN_SERVICE",
            "name one as `jockey.v1.AppService`, or none for the whole server",
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
        Refusal::TooManyOfOne { wait } | Refusal::Caller(Stranger::TooManyFailures { wait }) => {
            Some(*wait)
        }
        Refusal::TooManyCalls
        | Refusal::TooManyStreams
        | Refusal::Stopping
        | Refusal::ShowAgain
        | Refusal::OpenLong(_)
        | Refusal::SignIn(
            sign_in::Error::RateLimited { .. } | sign_in::Error::NotReachable { .. },
        )
        | Refusal::Caller(Stranger::GitHubSilent(_) | Stranger::TooManyStrangers)
        | Refusal::UseCase(usecases::Error::Store(ports::store::Error::Unavailable(_))) => {
            Some(RETRY)
        }
        Refusal::UseCase(_)
        | Refusal::Field { .. }
        | Refusal::Caller(_)
        | Refusal::SignIn(_)
        | Refusal::Signature(_)
        | Refusal::Payload(_)
        | Refusal::NotAPerson
        | Refusal::NotASession
        | Refusal::UnknownPerson(_)
        | Refusal::RequestReused(_)
        | Refusal::AnswerLost { .. }
        | Refusal::RequestTooLarge(_)
        | Refusal::TookTooLong(_)
        | Refusal::UnknownService(_)
        | Refusal::Broken => None,
    }
}

fn field_of(refusal: &Refusal) -> Option<(String, String)> {
    match refusal {
        Refusal::Field { field, problem } => Some((field.clone(), problem.clone())),
        Refusal::UseCase(usecases::Error::Invalid { field, problem }) => {
            Some(((*field).to_owned(), problem.clone()))
        }
        Refusal::UseCase(usecases::Error::InvalidItem {
            list,
            at,
            field,
            problem,
        }) => Some((format!("{list}[{at}].{field}"), problem.clone())),
        Refusal::UseCase(usecases::Error::Store(ports::store::Error::BadVariable(error))) => {
            Some(("set".to_owned(), error.to_string()))
        }
        Refusal::UseCase(_)
        | Refusal::Caller(_)
        | Refusal::SignIn(_)
        | Refusal::Signature(_)
        | Refusal::Payload(_)
        | Refusal::NotAPerson
        | Refusal::NotASession
        | Refusal::UnknownPerson(_)
        | Refusal::RequestReused(_)
        | Refusal::AnswerLost { .. }
        | Refusal::RequestTooLarge(_)
        | Refusal::TooManyCalls
        | Refusal::TooManyOfOne { .. }
        | Refusal::TooManyStreams
        | Refusal::TookTooLong(_)
        | Refusal::Stopping
        | Refusal::ShowAgain
        | Refusal::OpenLong(_)
        | Refusal::UnknownService(_)
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

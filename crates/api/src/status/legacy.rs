//! What the legacy services refuse. The reason is the word of the legacy API, in capitals, and the message stands alone:
//! old clients print nothing else.

use super::{DOMAIN, Refusal as Own, fit, tell};
use crate::legacy::refusal::{Flaw, Refusal};
use controller::usecases::{self, Kind};
use ports::{source, store};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let refusal = in_old_words(refusal);
        let (code, reason) = word(&refusal);
        if code == Code::Internal {
            tracing::error!(
                error = &refusal as &dyn std::error::Error,
                "a legacy call failed"
            );
        }
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        if let Refusal::Invalid(flaws) = &refusal {
            for flaw in flaws {
                details.add_bad_request_violation(flaw.field, fit(&flaw.problem));
            }
        }
        Self::with_error_details(code, fit(&refusal.to_string()), details)
    }
}

/// A refusal of a use case in the words that the legacy API has for it, where it has some.
fn in_old_words(refusal: Refusal) -> Refusal {
    let Refusal::Own(Own::UseCase(error)) = refusal else {
        return refusal;
    };
    match error {
        usecases::Error::Unknown { what, which } => Refusal::NotFound {
            what: called(what),
            which,
        },
        // All were meant, and there is none.
        usecases::Error::UnknownWorker {
            worker,
            app,
            environment,
        } if worker.is_empty() => Refusal::NoWorker { app, environment },
        usecases::Error::UnknownWorker { worker, .. } => Refusal::NotFound {
            what: "Worker",
            which: worker,
        },
        usecases::Error::NoPlace { .. } => Refusal::NoNode,
        error @ usecases::Error::HasInstances { .. } => Refusal::HasInstances(error.to_string()),
        usecases::Error::NameHeld { by, .. } => Flaw {
            field: "name",
            problem: format!("cannot be changed: {by}"),
        }
        .into(),
        usecases::Error::Invalid { field, problem }
        | usecases::Error::InvalidItem { field, problem, .. } => Flaw {
            field,
            problem: format!("is invalid: {problem}"),
        }
        .into(),
        usecases::Error::Store(store::Error::Exists { what, .. }) => taken(what).into(),
        usecases::Error::Store(error @ store::Error::ServiceNameTaken { .. }) => Flaw {
            field: "name",
            problem: format!("is not free: {error}"),
        }
        .into(),
        usecases::Error::Store(store::Error::BadVariable(error)) => Flaw {
            field: "config",
            problem: format!("is invalid: {error}"),
        }
        .into(),
        usecases::Error::Source(error @ source::Error::UnknownRef { .. }) => Flaw {
            field: "ref",
            problem: format!("is invalid: {error}"),
        }
        .into(),
        error @ (usecases::Error::StaleEtag { .. }
        | usecases::Error::NothingDeployed { .. }
        | usecases::Error::NothingEarlier { .. }
        | usecases::Error::NeverCurrent { .. }
        | usecases::Error::DeployOver { .. }
        | usecases::Error::BuildOver { .. }
        | usecases::Error::NoInstance { .. }
        | usecases::Error::InstanceNotRunning { .. }
        | usecases::Error::NotBuilt { .. }
        | usecases::Error::NoStack
        | usecases::Error::Forgotten { .. }
        | usecases::Error::EventAhead { .. }
        | usecases::Error::EventsForgotten { .. }
        | usecases::Error::NodeAnswers(_)
        | usecases::Error::NotAdoptable(_)
        | usecases::Error::NotVouched(_)
        | usecases::Error::Store(_)
        | usecases::Error::Source(_)
        | usecases::Error::World(_)) => Refusal::Own(Own::UseCase(error)),
    }
}

fn taken(what: &str) -> Flaw {
    let (field, problem) = match what {
        "an app of the repository" => ("repo", "has already been taken"),
        "a config set of" => ("environment and app", "not unique"),
        _ => ("name", "has already been taken"),
    };
    Flaw {
        field,
        problem: problem.to_owned(),
    }
}

/// The name that the original had for it.
const fn called(what: Kind) -> &'static str {
    match what {
        Kind::App | Kind::AppHook => "App",
        Kind::Environment => "Environment",
        Kind::Stack => "Stack",
        Kind::Worker => "Worker",
        Kind::ConfigSet => "ConfigSet",
        Kind::ConfigVersion => "ConfigVersion",
        Kind::Build => "Build",
        Kind::Release => "Release",
        Kind::Deploy => "Deploy",
        Kind::Reconcile => "Reconcile",
        Kind::Instance => "Instance",
        Kind::Node | Kind::JoinedNode => "Node",
        Kind::Pool => "Pool",
        Kind::Token => "Token",
        Kind::Version => "Version",
        Kind::User => "User",
        Kind::Webhook => "Webhook",
        Kind::Run => "Run",
    }
}

fn word(refusal: &Refusal) -> (Code, &'static str) {
    match refusal {
        Refusal::NotFound { .. } | Refusal::NoWorker { .. } => (Code::NotFound, "NOT_FOUND"),
        Refusal::Invalid(_) => (Code::InvalidArgument, "RECORD_INVALID"),
        Refusal::Missing(_) | Refusal::SortOrder(_) => (Code::InvalidArgument, "BAD_REQUEST"),
        Refusal::NoTarget | Refusal::HasInstances(_) => {
            (Code::FailedPrecondition, "UNPROCESSABLE_ENTITY")
        }
        Refusal::Locked(_) => (Code::Aborted, "RESOURCE_LOCKED"),
        Refusal::NoNode => (Code::Unavailable, "UNAVAILABLE"),
        // Not `Unauthenticated`: that is for who shows no token, and is told otherwise.
        Refusal::Unauthorized(_) => (Code::PermissionDenied, "UNAUTHORIZED"),
        Refusal::NoEvent => (Code::InvalidArgument, "MISSING_HEADER"),
        Refusal::NoSuchEvent(_) => (Code::Unimplemented, "NOT_YET_IMPLEMENTED"),
        Refusal::Own(own) => by_code(tell(own).code),
    }
}

fn by_code(code: Code) -> (Code, &'static str) {
    let reason = match code {
        Code::NotFound => "NOT_FOUND",
        Code::Unauthenticated => "NOT_AUTHENTICATED",
        Code::PermissionDenied => "FORBIDDEN",
        Code::InvalidArgument | Code::AlreadyExists | Code::OutOfRange => "RECORD_INVALID",
        Code::FailedPrecondition | Code::Aborted => "UNPROCESSABLE_ENTITY",
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => "UNAVAILABLE",
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => return (Code::Internal, "INTERNAL"),
    };
    (code, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_clients_are_told_in_old_words() {
        let usecase = |error| Refusal::Own(Own::UseCase(error));
        for (refusal, code, reason, message) in [
            (
                Refusal::NotFound {
                    what: "Deploy",
                    which: "99".to_owned(),
                },
                Code::NotFound,
                "NOT_FOUND",
                "Couldn't find Deploy with 'id'=99",
            ),
            (
                usecase(usecases::Error::Store(store::Error::Exists {
                    what: "an app",
                    which: "shop".to_owned(),
                })),
                Code::InvalidArgument,
                "RECORD_INVALID",
                "Validation failed: Name has already been taken",
            ),
            (
                usecase(usecases::Error::Store(store::Error::Exists {
                    what: "a config set of",
                    which: "shop in production".to_owned(),
                })),
                Code::InvalidArgument,
                "RECORD_INVALID",
                "Validation failed: environment and app not unique",
            ),
            (
                usecase(usecases::Error::HasInstances {
                    app: "shop".to_owned(),
                    instances: 3,
                }),
                Code::FailedPrecondition,
                "UNPROCESSABLE_ENTITY",
                "shop has 3 instances; scale it to 0 first, or say `force=true`, which stops them",
            ),
            (
                usecase(usecases::Error::UnknownWorker {
                    worker: String::new(),
                    app: "shop".to_owned(),
                    environment: "staging".to_owned(),
                }),
                Code::NotFound,
                "NOT_FOUND",
                "Couldn't find a Worker of shop in staging",
            ),
            (
                Refusal::Missing("app"),
                Code::InvalidArgument,
                "BAD_REQUEST",
                "'app' is a required param",
            ),
        ] {
            let status = Status::from(refusal);
            let info = status.get_details_error_info().unwrap();
            assert_eq!(
                (status.code(), info.reason.as_str(), status.message()),
                (code, reason, message)
            );
        }
    }
}

//! Why somebody is not let in, and how that is told.

use super::{Refusal, Told, told};
use crate::permissions::{self, Denied};
use domain::{access::Missing, token::Role};
use ports::{
    directory,
    sign_in::{self, SentBack},
};
use std::{fmt, time::Duration};
use tonic::Code;

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
    #[error("{} may not {}", .role.with_article(), Deed(.method))]
    RoleTooLow {
        method: String,
        role: Role,
        needs: Role,
    },
    #[error("{who} may not {}: {missing}", Deed(.method))]
    NotGranted {
        who: String,
        method: String,
        missing: Box<Missing>,
    },
    /// To clients of old, for whom this is as no token at all.
    #[error("{who} is in no organisation and no team that is let in here")]
    NotLetIn { who: String },
    #[error("GitHub does not know the token")]
    GitHubTokenUnknown,
    /// The token may not see what it would take to let its bearer in.
    #[error(transparent)]
    GitHubForbids(directory::Error),
    #[error(transparent)]
    GitHubSilent(directory::Error),
    #[error("the token of a session is not one of this installation")]
    SessionUnknown,
    #[error("the session has expired")]
    SessionExpired,
    #[error("the session was ended")]
    SessionRevoked,
    #[error(transparent)]
    SessionNotRenewed(directory::Error),
    #[error("too many tokens came that are not known here")]
    TooManyStrangers,
    #[error("too many tokens that are no good came from this address")]
    TooManyFailures { wait: Duration },
    #[error("nobody may call {method}")]
    NoSuchMethod { method: String },
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
            Denied::NotGranted {
                who,
                method,
                missing,
            } => Stranger::NotGranted {
                who,
                method,
                missing,
            },
            Denied::NotInTable { method } => Stranger::NoSuchMethod { method },
        })
    }
}

/// What a caller may not do. Clients of old make no calls that they would know by name.
struct Deed<'a>(&'a str);

impl fmt::Display for Deed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(method) = self;
        match method.split_once('/') {
            Some((_, name)) if permissions::is_of_old(method) => f.write_str(in_old_words(name)),
            Some(_) | None => write!(f, "call {method}"),
        }
    }
}

/// What the routes of old do, as their own client says it where it has a word.
fn in_old_words(name: &str) -> &'static str {
    match name {
        "CreateApp" | "UpdateApp" | "DeleteApp" => "change apps",
        "CreateEnvironment" | "UpdateEnvironment" | "DeleteEnvironment" => "change environments",
        "CreateConfigSet" | "UpdateConfigSet" => "set config",
        "CreateWorker" | "UpdateWorker" | "DeleteWorker" => "change workers",
        "RescaleWorker" => "scale",
        "RestartWorker" | "RestartWorkers" => "restart",
        "CreateBuild" => "build",
        "CreateDeploy" => "deploy",
        "CreateReconcile" => "reconcile",
        _ => "do this",
    }
}

/// Who calls, and whether they may.
pub(super) fn of_caller(stranger: &Stranger) -> Told {
    const SIGN_IN: &str = "exchange a token of GitHub's again";
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
                "it takes {}; an admin makes such a token with `jockey tokens create`",
                needs.with_article()
            );
            told(Code::PermissionDenied, "ROLE_TOO_LOW", advice)
        }
        Stranger::NotGranted { .. } => told(
            Code::PermissionDenied,
            "NOT_GRANTED",
            "`jockey whoami` shows what you are granted; who runs the server grants more"
                .to_owned(),
        ),
        Stranger::NotLetIn { .. } => unauthenticated(
            "NOT_LET_IN",
            "who runs the server grants something by its access file",
        ),
        Stranger::GitHubTokenUnknown => unauthenticated(
            "GITHUB_TOKEN_UNKNOWN",
            "it may have expired or been revoked; sign in again with `jockey login`",
        ),
        Stranger::GitHubForbids(_) => told(
            Code::PermissionDenied,
            "GITHUB_FORBIDS",
            "authorise the token for the organisation at GitHub, and try again".to_owned(),
        ),
        Stranger::GitHubSilent(_) => told(
            Code::Unavailable,
            "GITHUB_UNAVAILABLE",
            "nobody new is let in until it does; a token of this installation works all the same"
                .to_owned(),
        ),
        Stranger::SessionUnknown => unauthenticated("SESSION_UNKNOWN", SIGN_IN),
        Stranger::SessionExpired => unauthenticated("SESSION_EXPIRED", SIGN_IN),
        Stranger::SessionRevoked => unauthenticated("SESSION_REVOKED", SIGN_IN),
        Stranger::SessionNotRenewed(_) => unauthenticated("SESSION_NOT_RENEWED", SIGN_IN),
        Stranger::TooManyStrangers => told(
            Code::ResourceExhausted,
            "TOO_MANY_STRANGERS",
            "try again in a minute; a token that is known works all the same".to_owned(),
        ),
        Stranger::TooManyFailures { .. } => told(
            Code::ResourceExhausted,
            "TOO_MANY_FAILURES",
            "find what sends them and stop it; then try again".to_owned(),
        ),
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

/// Signing in by GitHub.
pub(super) fn of_sign_in(error: &sign_in::Error) -> Told {
    use sign_in::Error as E;
    let (code, reason, advice) = match error {
        E::NotConfigured { .. } => (
            Code::FailedPrecondition,
            "SIGN_IN_NOT_CONFIGURED",
            "ask for a token: an admin makes one with `jockey tokens create`",
        ),
        E::BadCode => (Code::InvalidArgument, "SIGN_IN_CODE", ""),
        E::Refused { .. } => (Code::FailedPrecondition, "SIGN_IN_REFUSED", ""),
        E::SentBack { why, .. } => return of_sent_back(why),
        E::RateLimited { .. } | E::NotReachable { .. } => (
            Code::Unavailable,
            "GITHUB_UNAVAILABLE",
            "try again in a moment",
        ),
    };
    told(code, reason, advice.to_owned())
}

/// A browser that came back without a code.
fn of_sent_back(why: &SentBack) -> Told {
    let (reason, advice) = match why {
        SentBack::Denied => (
            "SIGN_IN_DENIED",
            "begin again, and say yes at GitHub".to_owned(),
        ),
        SentBack::WrongRedirect { redirect } => (
            "SIGN_IN_WRONG_REDIRECT",
            format!("who runs the server gives its OAuth App the callback URL {redirect}"),
        ),
        SentBack::Suspended => (
            "SIGN_IN_SUSPENDED",
            "who runs the server asks GitHub about its OAuth App".to_owned(),
        ),
        SentBack::Other => (
            "SIGN_IN_SENT_BACK",
            "begin again; if it stays so, tell who runs the server".to_owned(),
        ),
    };
    told(Code::FailedPrecondition, reason, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_old_are_told_what_they_may_not_do_in_words_that_they_know() {
        for (method, want) in [
            ("jockey.legacy.v1.DeployService/CreateDeploy", "deploy"),
            ("jockey.legacy.v1.WorkerService/RescaleWorker", "scale"),
            ("jockey.legacy.v1.DeployService/GetDeploy", "do this"),
            (
                "jockey.v1.DeployService/CreateDeploy",
                "call jockey.v1.DeployService/CreateDeploy",
            ),
        ] {
            let stranger = Stranger::RoleTooLow {
                method: method.to_owned(),
                role: Role::Viewer,
                needs: Role::Deployer,
            };
            assert_eq!(stranger.to_string(), format!("a viewer may not {want}"));
        }
    }
}

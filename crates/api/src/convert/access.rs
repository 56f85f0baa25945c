//! Who calls, and what they are granted.

use super::{time, token};
use crate::auth::{Begun, Caller, SIGN_IN_LIVES, Who};
use domain::access::{Grant, Reach, Standing};
use ports::sign_in::{DeviceAnswer, DeviceCode};
use proto::v1;
use secrecy::ExposeSecret;
use std::fmt::Display;

pub(crate) fn who(caller: &Caller) -> v1::WhoAmIResponse {
    let grants = caller.grants.iter().map(grant).collect();
    match &caller.who {
        Who::Token(own) => v1::WhoAmIResponse {
            token: Some(token::wire(own)),
            name: own.name.clone(),
            authentication: v1::Authentication::JockeyToken.into(),
            grants,
            organisations: Vec::new(),
            teams: Vec::new(),
        },
        Who::Person(confirmed) => v1::WhoAmIResponse {
            grants,
            ..in_standing(caller, &confirmed.standing, v1::Authentication::GithubToken)
        },
        Who::Session(session) => v1::WhoAmIResponse {
            grants,
            ..in_standing(caller, &session.standing, v1::Authentication::Session)
        },
    }
}

fn in_standing(
    caller: &Caller,
    standing: &Standing,
    authentication: v1::Authentication,
) -> v1::WhoAmIResponse {
    v1::WhoAmIResponse {
        name: caller.actor(),
        authentication: authentication.into(),
        organisations: texts(&standing.organisations),
        teams: texts(&standing.teams),
        ..v1::WhoAmIResponse::default()
    }
}

pub(crate) fn grant(grant: &Grant) -> v1::Grant {
    v1::Grant {
        role: token::role(grant.role).into(),
        grantee: grant.to.to_string(),
        apps: reach(&grant.scope.apps),
        environments: reach(&grant.scope.environments),
    }
}

pub(crate) fn begun(begun: &DeviceCode) -> v1::StartSignInResponse {
    v1::StartSignInResponse {
        device_code: begun.device_code.expose_secret().to_owned(),
        user_code: begun.user_code.clone(),
        verification_address: begun.verification_address.clone(),
        expires_in: Some(time::duration(begun.expires_in)),
        interval: Some(time::duration(begun.interval)),
    }
}

pub(crate) fn web(begun: &Begun) -> v1::StartWebSignInResponse {
    v1::StartWebSignInResponse {
        address: begun.address.clone(),
        ticket: begun.ticket.expose_secret().to_owned(),
        expires_in: Some(time::duration(SIGN_IN_LIVES)),
    }
}

pub(crate) fn stands(answer: &DeviceAnswer) -> v1::PollSignInResponse {
    use v1::SignInState as S;
    let (state, interval, token) = match answer {
        DeviceAnswer::Pending => (S::Pending, None, String::new()),
        DeviceAnswer::SlowDown { interval } => {
            (S::Pending, Some(time::duration(*interval)), String::new())
        }
        DeviceAnswer::Expired => (S::Expired, None, String::new()),
        DeviceAnswer::Denied => (S::Denied, None, String::new()),
        DeviceAnswer::Granted(token) => (S::Granted, None, token.expose_secret().to_owned()),
    };
    v1::PollSignInResponse {
        state: state.into(),
        interval,
        token,
    }
}

/// Names, or nothing where all are meant.
fn reach<T: Display>(reach: &Reach<T>) -> Vec<String> {
    match reach {
        Reach::All => Vec::new(),
        Reach::Only(names) => texts(names),
    }
}

fn texts<T: Display>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

//! Who calls.

use super::{
    problem::Problem,
    world::{App, Bearer, State, World},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use std::sync::Arc;

/// Whoever bears the token of a call. Without one: 401.
pub(super) struct Caller(pub(super) Bearer);

/// The App itself, by a token that it has signed.
pub(super) struct AsApp;

impl FromRequestParts<Arc<World>> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let Some(token) = token(&parts.headers) else {
            let words = "Requires authentication";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, words));
        };
        bearer(&world.state(), world, &token).map(Self)
    }
}

impl FromRequestParts<Arc<World>> for AsApp {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let token = token(&parts.headers).unwrap_or_default();
        check(&world.state(), world.seconds(), &token).map(|()| Self)
    }
}

/// The token of `Authorization: Bearer …`, or `token …` as it was once.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let known = ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str());
    known.then(|| token.to_owned())
}

/// Whose limits a call counts for. None: nobody's, or the App's own.
pub(super) fn caller(state: &State, world: &World, headers: &HeaderMap) -> Option<Bearer> {
    bearer(state, world, &token(headers)?).ok()
}

pub(super) fn bearer(state: &State, world: &World, token: &str) -> Result<Bearer, Problem> {
    let found = state.tokens.get(token);
    let good = found.filter(|token| token.until.is_none_or(|until| world.now() < until));
    let Some(token) = good else {
        return Err(Problem::bad_credentials());
    };
    if let Bearer::Installation(id) = &token.bearer {
        match state.installations.get(id) {
            None => return Err(Problem::bad_credentials()),
            Some(installation) if installation.suspended => return Err(suspended()),
            Some(_) => {}
        }
    }
    Ok(token.bearer.clone())
}

pub(super) fn suspended() -> Problem {
    Problem::forbidden("This installation has been suspended")
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: serde_json::Value,
}

/// The most seconds that an App's token may have before it expires.
const LONGEST: i64 = 600;

fn check(state: &State, now: i64, token: &str) -> Result<(), Problem> {
    let refuse = |words: &str| Problem::new(StatusCode::UNAUTHORIZED, words);
    let undecoded = || refuse("A JSON web token could not be decoded");
    let mut parts = token.split('.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(undecoded());
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| undecoded());
    let header: Header = serde_json::from_slice(&decode(head)?).map_err(|_| undecoded())?;
    let parsed: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| undecoded())?;
    if header.alg != "RS256" {
        return Err(undecoded());
    }
    let issuer = match &parsed.iss {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_issuer = |app: &&App| issuer == app.id.to_string() || issuer == app.client_id;
    let Some(app) = state.app.as_ref().filter(is_issuer) else {
        return Err(match issuer.parse::<u64>() {
            Ok(_) => Problem::new(StatusCode::NOT_FOUND, "Integration not found"),
            Err(_) => refuse("'Issuer' claim ('iss') must be an Integer"),
        });
    };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key);
    let signed = format!("{head}.{claims}");
    if key.verify(signed.as_bytes(), &decode(signature)?).is_err() {
        return Err(undecoded());
    }
    if parsed.iat > now {
        return Err(refuse(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    if parsed.exp <= now {
        return Err(refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    if parsed.exp > now + LONGEST {
        return Err(refuse(
            "'Expiration time' claim ('exp') is too far in the future",
        ));
    }
    Ok(())
}

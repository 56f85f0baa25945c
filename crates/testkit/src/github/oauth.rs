//! OAuth below `/login`: the device flow, and the web flow with PKCE.

use super::{
    problem::{Reply, answer, ok},
    world::{Bearer, Token, World},
};
use axum::{
    Router,
    extract::{Query, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use domain::{Login, Timestamp};
use percent_encoding::percent_decode_str;
use ports::sign_in::contract::Consent;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const DEVICE_LIVES: Duration = Duration::from_secs(900);
const CODE_LIVES: Duration = Duration::from_secs(600);
/// Seconds between two questions, and by how many more it grows when somebody does not wait.
const INTERVAL: u64 = 5;
const SLOWER: u64 = 5;

#[derive(Default)]
pub(super) struct State {
    pub(super) client: Option<Client>,
    devices: BTreeMap<String, Device>,
    codes: BTreeMap<String, Code>,
    /// What is answered to another device where too many have begun.
    crowded: Option<Value>,
    /// Who sits at the browser that is sent to `/login/oauth/authorize`.
    pub(super) at_browser: Option<Login>,
}

pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) callback: String,
    pub(super) device_flow: bool,
}

struct Device {
    user_code: String,
    until: Timestamp,
    interval: u64,
    asked: Option<Timestamp>,
    answer: Option<Option<Login>>,
}

struct Code {
    person: Login,
    until: Timestamp,
    redirect: Option<String>,
    challenge: Option<String>,
}

impl State {
    pub(super) fn crowd(&mut self, interval: Option<u64>) {
        let mut body = error("slow_down");
        if let Some(seconds) = interval {
            body["interval"] = json!(seconds);
        }
        self.crowded = Some(body);
    }
}

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/login/device/code", post(device_code))
        .route("/login/oauth/access_token", post(access_token))
        .route("/login/oauth/authorize", get(authorise))
}

/// Parameters: JSON, or a form.
fn parameters(headers: &HeaderMap, body: &Bytes) -> BTreeMap<String, String> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let value: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let text = |(key, value): (String, Value)| Some((key, value.as_str()?.to_owned()));
        return value.into_iter().filter_map(text).collect();
    }
    pairs(&String::from_utf8_lossy(body))
}

/// `a=b&c=d`, decoded.
pub(super) fn pairs(text: &str) -> BTreeMap<String, String> {
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        percent_decode_str(&part).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// An error of OAuth: 200, as GitHub has it.
fn error(word: &str) -> Value {
    json!({ "error": word, "error_description": format!("It is {word}."), "error_uri": "" })
}

async fn device_code(Shared(world): Shared<Arc<World>>, headers: HeaderMap, body: Bytes) -> Reply {
    let given = parameters(&headers, &body);
    let mut state = world.state();
    let number = state.fresh_id();
    match &state.oauth.client {
        Some(client) if given.get("client_id") != Some(&client.id) => {
            return Ok(answer(
                StatusCode::NOT_FOUND,
                &json!({ "error": "Not Found" }),
            ));
        }
        Some(client) if !client.device_flow => {
            return Ok(answer(
                StatusCode::BAD_REQUEST,
                &error("device_flow_disabled"),
            ));
        }
        Some(_) => {}
        None => {
            return Ok(answer(
                StatusCode::NOT_FOUND,
                &json!({ "error": "Not Found" }),
            ));
        }
    }
    if let Some(body) = &state.oauth.crowded {
        return Ok(ok(body));
    }
    let device_code = format!("{number:040x}");
    let user_code = format!("WDJB-{number:04}");
    let device = Device {
        user_code: user_code.clone(),
        until: world.now() + DEVICE_LIVES,
        interval: INTERVAL,
        asked: None,
        answer: None,
    };
    state.oauth.devices.insert(device_code.clone(), device);
    Ok(ok(&json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("{}/login/device", world.base),
        "expires_in": DEVICE_LIVES.as_secs(),
        "interval": INTERVAL,
    })))
}

async fn access_token(Shared(world): Shared<Arc<World>>, headers: HeaderMap, body: Bytes) -> Reply {
    let given = parameters(&headers, &body);
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let body = if given.get("grant_type").is_some_and(|kind| kind == device) {
        world.poll(&given)
    } else {
        world.exchange(&given)
    };
    Ok(ok(&body.unwrap_or_else(error)))
}

impl World {
    fn poll(&self, given: &BTreeMap<String, String>) -> Result<Value, &'static str> {
        let now = self.now();
        let mut state = self.state();
        let client = state.oauth.client.as_ref();
        if client.is_none_or(|client| given.get("client_id") != Some(&client.id)) {
            return Err("incorrect_client_credentials");
        }
        let code = given.get("device_code").cloned().unwrap_or_default();
        let device = state.oauth.devices.get_mut(&code);
        let device = device.ok_or("incorrect_device_code")?;
        if now >= device.until {
            return Err("expired_token");
        }
        let wait = Duration::from_secs(device.interval);
        if device.asked.is_some_and(|asked| now.since(asked) < wait) {
            device.asked = Some(now);
            device.interval += SLOWER;
            let mut body = error("slow_down");
            body["interval"] = json!(device.interval);
            return Ok(body);
        }
        device.asked = Some(now);
        match device.answer.clone() {
            None => Err("authorization_pending"),
            Some(None) => Err("access_denied"),
            Some(Some(person)) => {
                state.oauth.devices.remove(&code);
                drop(state);
                Ok(self.grant(person))
            }
        }
    }

    fn exchange(&self, given: &BTreeMap<String, String>) -> Result<Value, &'static str> {
        let now = self.now();
        let mut state = self.state();
        let client = state.oauth.client.as_ref();
        let known = client.is_some_and(|client| {
            given.get("client_id") == Some(&client.id)
                && given.get("client_secret") == Some(&client.secret)
        });
        if !known {
            return Err("incorrect_client_credentials");
        }
        let code = given.get("code").cloned().unwrap_or_default();
        // A code is spent by the first who brings it.
        let code = state.oauth.codes.remove(&code);
        let code = code.filter(|code| now < code.until);
        let code = code.ok_or("bad_verification_code")?;
        let redirect = given.get("redirect_uri");
        if redirect.is_some() && redirect != code.redirect.as_ref() {
            return Err("redirect_uri_mismatch");
        }
        let hashed = given.get("code_verifier").map(|verifier| {
            let hash = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
            URL_SAFE_NO_PAD.encode(hash)
        });
        if code.challenge.is_some() && code.challenge != hashed {
            return Err("bad_verification_code");
        }
        drop(state);
        Ok(self.grant(code.person))
    }

    fn grant(&self, person: Login) -> Value {
        let mut state = self.state();
        let token = format!("gho_{:036}", state.fresh_id());
        let bearer = Bearer::Person(person);
        state.tokens.insert(
            token.clone(),
            Token {
                bearer,
                until: None,
            },
        );
        json!({ "access_token": token, "token_type": "bearer", "scope": "read:org" })
    }

    /// A person at a browser follows an address and says yes, or nobody in particular says no: where they are sent then.
    pub(super) fn follow(
        &self,
        query: &str,
        answer: Option<Login>,
    ) -> Result<String, &'static str> {
        let given = pairs(query);
        let mut state = self.state();
        let client = state.oauth.client.as_ref().ok_or("Not Found")?;
        if given.get("client_id") != Some(&client.id) {
            return Err("Not Found");
        }
        let redirect = given.get("redirect_uri");
        let back = redirect.unwrap_or(&client.callback);
        if !is_below(back, &client.callback) {
            let words =
                "The redirect_uri MUST match the registered callback URL for this application.";
            let error = [
                ("error", "redirect_uri_mismatch"),
                ("error_description", words),
            ];
            return Ok(sent(&client.callback, &error, &given));
        }
        let challenge = given.get("code_challenge").cloned();
        let method = given.get("code_challenge_method").map(String::as_str);
        if challenge.is_some() && method != Some("S256") {
            return Err("invalid_request");
        }
        let Some(person) = answer else {
            let words = "The user has denied your application access.";
            let error = [("error", "access_denied"), ("error_description", words)];
            return Ok(sent(back, &error, &given));
        };
        let back = back.clone();
        let code = format!("{:020x}", state.fresh_id());
        let kept = Code {
            person,
            until: self.now() + CODE_LIVES,
            redirect: redirect.cloned(),
            challenge,
        };
        state.oauth.codes.insert(code.clone(), kept);
        Ok(sent(&back, &[("code", code.as_str())], &given))
    }

    /// A person types the code of a device.
    pub(super) fn type_code(&self, user_code: &str, person: Login, consent: Consent) -> bool {
        let mut state = self.state();
        let mut devices = state.oauth.devices.values_mut();
        let Some(device) = devices.find(|device| device.user_code == user_code) else {
            return false;
        };
        device.answer = Some(match consent {
            Consent::Yes => Some(person),
            Consent::No => None,
        });
        true
    }
}

/// Whether an address is the one on record or below it.
fn is_below(address: &str, callback: &str) -> bool {
    let rest = address.strip_prefix(callback);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Where a browser is sent with these parameters, and with the state that it came with.
fn sent(back: &str, with: &[(&str, &str)], given: &BTreeMap<String, String>) -> String {
    let state = given.get("state").map(|state| ("state", state.as_str()));
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let with = with.iter().copied().chain(state);
    let with: Vec<_> = with
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let mark = if back.contains('?') { '&' } else { '?' };
    format!("{back}{mark}{}", with.join("&"))
}

async fn authorise(
    Shared(world): Shared<Arc<World>>,
    Query(_): Query<BTreeMap<String, String>>,
    uri: axum::http::Uri,
) -> Reply {
    let person = world.state().oauth.at_browser.clone();
    let Some(person) = person else {
        return Ok((StatusCode::OK, "Sign in to GitHub").into_response());
    };
    Ok(
        match world.follow(uri.query().unwrap_or_default(), Some(person)) {
            Ok(back) => Redirect::to(&back).into_response(),
            Err(words) => (StatusCode::NOT_FOUND, words).into_response(),
        },
    )
}

//! Signing in by GitHub's OAuth: device flow, and web flow with PKCE.

use crate::{
    GitHub, OAuthClient,
    api::{Call, Route},
    fault::{Fault, LONGEST, Refusal},
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use ports::sign_in::{DeviceAnswer, DeviceCode, Error, SignIn, WebSignIn};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What a person is asked to let us see: who they are, and which organisations and teams they are in.
const SCOPE: &str = "read:org";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const JSON: &str = "application/json";
/// By how much an interval grows where GitHub does not say (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The interval where GitHub does not say (RFC 8628, 3.2).
const USUAL: u64 = 5;
/// How long to wait before another device begins, where GitHub does not say.
const CROWDED: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Begun {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

/// GitHub answers with either, and with 200 for both.
#[derive(Deserialize)]
struct Answered {
    access_token: Option<SecretString>,
    error: Option<String>,
    interval: Option<u64>,
}

fn refused(reason: &str) -> Error {
    // A word of theirs, which is short. Whatever else it is, is not shown.
    let is_word = |text: &str| text.len() <= 64 && !text.contains(|c: char| c.is_control());
    let reason = if is_word(reason) { reason } else { "?" };
    Error::Refused {
        reason: reason.to_owned(),
    }
}

impl GitHub {
    fn client(&self) -> Result<&OAuthClient, Error> {
        let missing = Error::NotConfigured {
            missing: "the client id",
        };
        self.oauth.as_ref().ok_or(missing)
    }

    async fn ask_for_token(&self, body: &Value) -> Result<Answered, Error> {
        let route = Route::new(&["login", "oauth", "access_token"]);
        let call = Call::post(route, body).accept(JSON);
        let answer = self.pages.call(&call, None).await;
        let answer = answer.map_err(Fault::in_sign_in)?;
        answer.json().map_err(Fault::in_sign_in)
    }
}

#[async_trait]
impl SignIn for GitHub {
    async fn start_device(&self) -> Result<DeviceCode, Error> {
        let body = json!({ "client_id": self.client()?.id, "scope": SCOPE });
        let call = Call::post(Route::new(&["login", "device", "code"]), &body).accept(JSON);
        let answer = match self.pages.call(&call, None).await {
            Ok(answer) => answer,
            // Its body is OAuth's, which has no message.
            Err(Fault::Refused(Refusal { status, words })) if words.is_empty() => {
                return Err(refused(match status {
                    StatusCode::NOT_FOUND => "unknown client id",
                    _ => "device_flow_disabled",
                }));
            }
            Err(fault) => return Err(fault.in_sign_in()),
        };
        let answered = answer.json::<Answered>().ok();
        if let Some((word, interval)) = answered.and_then(|a| Some((a.error?, a.interval))) {
            return Err(match word.as_str() {
                // Too many devices have begun.
                "slow_down" => {
                    let wait = interval.map_or(CROWDED, Duration::from_secs);
                    let until = self.pages.now() + wait.min(LONGEST);
                    Error::RateLimited { until }
                }
                word => refused(word),
            });
        }
        let begun: Begun = answer.json().map_err(Fault::in_sign_in)?;
        Ok(DeviceCode {
            device_code: begun.device_code,
            user_code: begun.user_code,
            verification_address: begun.verification_uri,
            expires_in: Duration::from_secs(begun.expires_in),
            interval: Duration::from_secs(begun.interval.unwrap_or(USUAL)),
        })
    }

    async fn poll_device(&self, device_code: &SecretString) -> Result<DeviceAnswer, Error> {
        let answered = self
            .ask_for_token(&json!({
                "client_id": self.client()?.id,
                "device_code": device_code.expose_secret(),
                "grant_type": DEVICE,
            }))
            .await?;
        if let Some(token) = answered.access_token {
            return Ok(DeviceAnswer::Granted(token));
        }
        match answered.error.as_deref() {
            Some("authorization_pending") => Ok(DeviceAnswer::Pending),
            Some("slow_down") => {
                let said = answered.interval.map(Duration::from_secs);
                let interval = said.unwrap_or(Duration::from_secs(USUAL) + SLOWER);
                Ok(DeviceAnswer::SlowDown { interval })
            }
            Some("expired_token" | "token_expired") => Ok(DeviceAnswer::Expired),
            Some("access_denied") => Ok(DeviceAnswer::Denied),
            Some("incorrect_device_code") => Err(Error::BadCode),
            Some(word) => Err(refused(word)),
            None => Err(Fault::unreadable("an answer of OAuth's").in_sign_in()),
        }
    }

    fn authorise_address(&self, begun: &WebSignIn) -> Result<String, Error> {
        let hash = digest(&SHA256, begun.verifier.expose_secret().as_bytes());
        let route = Route::new(&["login", "oauth", "authorize"])
            .query("client_id", &self.client()?.id)
            .query("redirect_uri", &begun.redirect)
            .query("scope", SCOPE)
            .query("state", begun.state.expose_secret())
            .query("code_challenge", &URL_SAFE_NO_PAD.encode(hash))
            .query("code_challenge_method", "S256")
            .query("allow_signup", "false");
        Ok(format!("{}{route}", self.urls.pages))
    }

    async fn exchange(
        &self,
        code: &SecretString,
        begun: &WebSignIn,
    ) -> Result<SecretString, Error> {
        let client = self.client()?;
        let secret = client.secret.as_ref().ok_or(Error::NotConfigured {
            missing: "the client secret",
        })?;
        let answered = self
            .ask_for_token(&json!({
                "client_id": client.id,
                "client_secret": secret.expose_secret(),
                "code": code.expose_secret(),
                "redirect_uri": begun.redirect,
                "code_verifier": begun.verifier.expose_secret(),
            }))
            .await?;
        match (answered.access_token, answered.error.as_deref()) {
            (Some(token), _) => Ok(token),
            (None, Some("bad_verification_code")) => Err(Error::BadCode),
            (None, Some(word)) => Err(refused(word)),
            (None, None) => Err(Fault::unreadable("an answer of OAuth's").in_sign_in()),
        }
    }
}

//! Deliveries of webhooks: signed, sent once, kept, and sent again when asked to.

use super::world::{Last, World};
use bytes::Bytes;
use domain::RepoName;
use http_body_util::Full;
use hyper::{Method, Request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// How long GitHub waits for an answer.
const WITHIN: Duration = Duration::from_secs(10);

/// One delivery, as it was sent, and what it was answered with.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The same for one that is sent again.
    pub guid: String,
    pub event: String,
    pub address: String,
    pub content_type: String,
    pub body: Bytes,
    secret: Option<SecretString>,
    hook: Option<(RepoName, u64)>,
    /// None: there was no answer in time.
    pub status: Option<u16>,
}

/// `X-Hub-Signature-256` of a body: `sha256=` and the HMAC in hexadecimal digits.
#[must_use]
pub fn signature_256(secret: &SecretString, body: &[u8]) -> String {
    format!("sha256={}", sign(hmac::HMAC_SHA256, secret, body))
}

/// `X-Hub-Signature` of a body: the same with SHA-1.
#[must_use]
pub fn signature_1(secret: &SecretString, body: &[u8]) -> String {
    let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    format!("sha1={}", sign(algorithm, secret, body))
}

fn sign(algorithm: hmac::Algorithm, secret: &SecretString, body: &[u8]) -> String {
    let key = hmac::Key::new(algorithm, secret.expose_secret().as_bytes());
    let tag = hmac::sign(&key, body);
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Where and how a delivery goes.
pub(super) struct Target {
    pub(super) address: String,
    pub(super) content_type: String,
    pub(super) secret: Option<SecretString>,
    pub(super) hook: Option<(RepoName, u64)>,
}

impl World {
    /// The hooks of a repository that want an event.
    pub(super) fn targets(&self, repo: &RepoName, event: &str) -> Vec<Target> {
        let state = self.state();
        let Some((_, repo)) = state.find_repo(repo) else {
            return Vec::new();
        };
        let wants = |events: &std::collections::BTreeSet<String>| {
            events.contains(event) || events.contains("*") || event == "ping"
        };
        let hooks = repo.hooks.iter();
        let wanting = hooks.filter(|(_, hook)| hook.active && wants(&hook.events));
        wanting
            .map(|(id, hook)| Target {
                address: hook.url.clone(),
                content_type: match hook.content_type.as_str() {
                    "json" => "application/json".to_owned(),
                    _ => "application/x-www-form-urlencoded".to_owned(),
                },
                secret: hook.secret.clone().map(SecretString::from),
                hook: Some((repo.name.clone(), *id)),
            })
            .collect()
    }

    pub(super) async fn deliver(&self, target: Target, event: &str, payload: &Value) -> Delivery {
        let text = payload.to_string();
        let body = if target.content_type == "application/json" {
            text
        } else {
            let all = percent_encoding::NON_ALPHANUMERIC;
            format!(
                "payload={}",
                percent_encoding::utf8_percent_encode(&text, all)
            )
        };
        let number = self.state().fresh_id();
        let delivery = Delivery {
            guid: format!("72d3162e-cc78-11e3-81ab-{number:012}"),
            event: event.to_owned(),
            address: target.address,
            content_type: target.content_type,
            body: Bytes::from(body),
            secret: target.secret,
            hook: target.hook,
            status: None,
        };
        self.send(delivery).await
    }

    pub(super) async fn send(&self, mut delivery: Delivery) -> Delivery {
        delivery.status = post(&delivery).await;
        let mut state = self.state();
        if let Some((name, hook)) = &delivery.hook {
            let id = state.find_repo(name).map(|(id, _)| id);
            let repo = id.and_then(|id| state.repos.get_mut(&id));
            if let Some(hook) = repo.and_then(|repo| repo.hooks.get_mut(hook)) {
                hook.last = delivery.status.map_or(Last::TimedOut, Last::Answered);
            }
        }
        state.deliveries.push(delivery.clone());
        delivery
    }
}

async fn post(delivery: &Delivery) -> Option<u16> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&delivery.address)
        .header("user-agent", "GitHub-Hookshot/044aadd")
        .header("content-type", &delivery.content_type)
        .header("x-github-event", &delivery.event)
        .header("x-github-delivery", &delivery.guid);
    if let Some((_, hook)) = &delivery.hook {
        request = request.header("x-github-hook-id", *hook);
    }
    if let Some(secret) = &delivery.secret {
        request = request
            .header("x-hub-signature", signature_1(secret, &delivery.body))
            .header("x-hub-signature-256", signature_256(secret, &delivery.body));
    }
    let request = request.body(Full::new(delivery.body.clone())).ok()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answered = tokio::time::timeout(WITHIN, client.request(request)).await;
    Some(answered.ok()?.ok()?.status().as_u16())
}

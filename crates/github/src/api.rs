//! One call: made once, with a deadline, its redirects followed within the same address, its answer read whole.

mod route;

pub(crate) use route::Route;

use crate::{
    fault::{Fault, Refusal},
    gate::Gate,
    remembered::{Kept, Key, Remembered, key},
};
use bytes::Bytes;
use domain::Timestamp;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;
use ports::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error as _, sync::Arc, time::Duration};

/// The largest answer that is read, in bytes. A page of a hundred items is below a tenth of it.
const ANSWER_MAX: usize = 8 * 1024 * 1024;
/// The most redirects of one call. A renamed repository takes one.
const REDIRECTS_MAX: u8 = 3;
/// The most pages of a list: 5,000 items.
const PAGES_MAX: usize = 50;
/// The version of GitHub's API that the structs here were written for.
const VERSION: &str = "2022-11-28";
const AGENT: &str = concat!("jockey/", env!("CARGO_PKG_VERSION"));
const JSON: &str = "application/vnd.github+json";

/// Everything below one address.
pub(crate) struct Api {
    octocrab: Octocrab,
    base: String,
    whole: Duration,
    clock: Arc<dyn Clock>,
    remembered: Remembered,
    gate: Gate,
}

/// What to call.
#[derive(Clone)]
pub(crate) struct Call {
    method: Method,
    route: Route,
    accept: &'static str,
    /// JSON. Not shown: a secret may be in it.
    body: Option<String>,
}

impl Call {
    pub(crate) fn get(route: Route) -> Self {
        Self {
            method: Method::GET,
            route,
            accept: JSON,
            body: None,
        }
    }

    pub(crate) fn delete(route: Route) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(route)
        }
    }

    pub(crate) fn post(route: Route, body: &impl Serialize) -> Self {
        Self::send(Method::POST, route, body)
    }

    pub(crate) fn patch(route: Route, body: &impl Serialize) -> Self {
        Self::send(Method::PATCH, route, body)
    }

    pub(crate) fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    fn send(method: Method, route: Route, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("bodies of ours have string keys");
        Self {
            method,
            body: Some(body),
            ..Self::get(route)
        }
    }
}

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    link: Option<HeaderValue>,
}

impl Answer {
    /// Reads it.
    ///
    /// # Errors
    /// `Silent` when it is not as GitHub writes it.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|_| Fault::unreadable("what GitHub documents"))
    }

    /// An answer of exactly this status, so that a page of some proxy is not taken for one.
    pub(crate) fn want(self, status: StatusCode) -> Result<Self, Fault> {
        if self.status == status {
            Ok(self)
        } else {
            Err(Fault::unreadable(status.as_str()))
        }
    }
}

impl Api {
    pub(crate) fn new(
        octocrab: Octocrab,
        base: &str,
        whole: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            octocrab,
            base: base.to_owned(),
            whole,
            clock,
            remembered: Remembered::default(),
            gate: Gate::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a call as the bearer of a token, or as nobody. While a limit of theirs holds that any call has met, it is not
    /// made.
    ///
    /// # Errors
    /// See `Fault`. `Silent` says nothing of whether it had its effect.
    pub(crate) async fn call(
        &self,
        call: &Call,
        token: Option<&SecretString>,
    ) -> Result<Answer, Fault> {
        // Who bears nothing shares its limit with strangers, and would have to wait for what they do.
        let bearer = token.map(|token| key(Some(token), "", ""));
        self.call_as(call, token, bearer).await
    }

    /// The same as somebody whose tokens change faster than their limits end.
    pub(crate) async fn call_as(
        &self,
        call: &Call,
        token: Option<&SecretString>,
        bearer: Option<Key>,
    ) -> Result<Answer, Fault> {
        let closed = bearer
            .as_ref()
            .and_then(|bearer| self.gate.closed(bearer, self.now()));
        if let Some(until) = closed {
            return Err(Fault::Limited(until));
        }
        let within = tokio::time::timeout(self.whole, self.follow(call, token));
        let answer = within.await.unwrap_or_else(|_| {
            let seconds = self.whole.as_secs_f32();
            Err(Fault::Silent(format!("no answer within {seconds} s")))
        });
        if let (Err(Fault::Limited(until)), Some(bearer)) = (&answer, bearer) {
            self.gate.close(bearer, *until, self.now());
        }
        answer
    }

    /// Every page of a list, in order.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        route: Route,
        token: Option<&SecretString>,
    ) -> Result<Vec<T>, Fault> {
        let mut next = Some(route.query("per_page", "100"));
        let mut pages = Vec::new();
        while let Some(route) = next {
            if pages.len() == PAGES_MAX {
                return Err(Fault::Silent(format!("a list has above {PAGES_MAX} pages")));
            }
            let answer = self.call(&Call::get(route), token).await?;
            pages.push(answer.json()?);
            next = answer.link.as_ref().and_then(|link| self.next(link));
        }
        Ok(pages)
    }

    async fn follow(&self, call: &Call, token: Option<&SecretString>) -> Result<Answer, Fault> {
        let mut call = call.clone();
        for _ in 0..=REDIRECTS_MAX {
            let key = key(token, call.accept, call.route.as_str());
            let is_get = call.method == Method::GET;
            let kept = is_get.then(|| self.remembered.find(&key)).flatten();
            let (status, headers, body) = self.send(&call, token, kept.as_ref()).await?;
            if let (StatusCode::NOT_MODIFIED, Some(kept)) = (status, kept) {
                return Ok(Answer {
                    status: StatusCode::OK,
                    body: kept.body,
                    link: kept.link,
                });
            }
            if status.is_success() {
                let link = headers.get(header::LINK).cloned();
                let tag = headers.get(header::ETAG).cloned();
                if is_get && let Some(tag) = tag {
                    let (body, link) = (body.clone(), link.clone());
                    self.remembered.keep(key, Kept { tag, body, link });
                }
                return Ok(Answer { status, body, link });
            }
            let elsewhere = headers.get(header::LOCATION).and_then(|to| self.below(to));
            match elsewhere.filter(|_| status.is_redirection()) {
                // Method and body stay what they are, whatever the status: so GitHub asks for it.
                Some(route) => call.route = route,
                None => return Err(Fault::of(status, &headers, &body, self.now())),
            }
        }
        Err(Fault::Refused(Refusal {
            status: StatusCode::LOOP_DETECTED,
            words: "it redirects without end".to_owned(),
        }))
    }

    async fn send(
        &self,
        call: &Call,
        token: Option<&SecretString>,
        kept: Option<&Kept>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Fault> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.route.as_str())
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, call.accept)
            .header("x-github-api-version", VERSION);
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.expose_secret());
            let Ok(mut bearer) = HeaderValue::from_str(&bearer) else {
                // What cannot be sent is nobody's token.
                return Err(Fault::Refused(Refusal {
                    status: StatusCode::UNAUTHORIZED,
                    words: "the token holds odd characters".to_owned(),
                }));
            };
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        if let Some(kept) = kept {
            request = request.header(header::IF_NONE_MATCH, &kept.tag);
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(call.body.clone().unwrap_or_default());
        let request = request.map_err(|error| Fault::Silent(error.to_string()))?;
        let response = self.octocrab.execute(request).await;
        let (parts, body) = response.map_err(|error| silent(&error))?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await;
        let body = body.map_err(|_| Fault::Silent("its answer broke off, or has no end".into()))?;
        Ok((parts.status, parts.headers, body.to_bytes()))
    }

    /// The page after this one, as `Link` says.
    fn next(&self, link: &HeaderValue) -> Option<Route> {
        let is_next = |part: &&str| part.contains("rel=\"next\"");
        let part = link.to_str().ok()?.split(',').find(is_next)?;
        let address = part.split_once('<')?.1.split_once('>')?.0;
        self.below(&HeaderValue::from_str(address).ok()?)
    }

    /// An address as a route, where it is below ours: whatever is elsewhere does not get the token.
    fn below(&self, address: &HeaderValue) -> Option<Route> {
        let path = address.to_str().ok()?.strip_prefix(&self.base)?;
        path.starts_with('/').then(|| Route::from(path.to_owned()))
    }
}

/// Why there was no answer: the whole chain, since its outer links say little.
fn silent(error: &octocrab::Error) -> Fault {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    Fault::Silent(text)
}

//! Messages to addresses that users gave: the `Notifier` port over HTTP.
//!
//! Whoever may add a webhook must not reach by it what only this server reaches. A name is resolved here, every address of
//! it is looked at, and exactly those are connected to, so that a name that changes its mind does no harm; redirects are
//! followed by hand, each with the same look. *Absent:* repetition, which is the job table's; a proxy; an answer's body.

mod resolver;
mod signature;
mod target;

pub use signature::signature;

use async_trait::async_trait;
use bytes::Bytes;
use domain::reach::Reach;
use http::{HeaderMap, Method, Request, StatusCode, header, request::Builder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use ports::notifier::{Answered, Error, Message, Notifier};
use resolver::{CheckedResolver, Lookup, Refused};
use secrecy::ExposeSecret;
use std::{error::Error as _, io, sync::Arc, time::Duration};
use target::Target;

/// How often a redirect is followed. A receiver that moved takes one, or two where it moved to https as well.
const REDIRECTS_MAX: u8 = 3;
/// How much of an answer is read, in bytes, so that the connection ends in good order. Nothing is done with it.
const ANSWER_MAX: usize = 64 * 1024;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("jockey/", env!("CARGO_PKG_VERSION"));

/// What may be configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What may be called.
    pub reach: Reach,
    /// How long one message may take, redirects and all. Default 30 s, as long as the original server waited.
    pub deadline: Duration,
}

impl Settings {
    /// The defaults: the open internet and nothing else.
    #[must_use]
    pub fn reaching(reach: Reach) -> Self {
        Self {
            reach,
            deadline: Duration::from_secs(30),
        }
    }
}

/// Sends messages over HTTP.
pub struct HttpNotifier {
    reach: Arc<Reach>,
    deadline: Duration,
    client: Client<HttpsConnector<HttpConnector<CheckedResolver>>, Full<Bytes>>,
}

impl HttpNotifier {
    /// A notifier that trusts the roots of this machine.
    ///
    /// # Errors
    /// When this machine has none.
    pub fn new(settings: Settings) -> io::Result<Self> {
        Self::resolving(settings, resolver::by_machine)
    }

    fn resolving(settings: Settings, lookup: Lookup) -> io::Result<Self> {
        let reach = Arc::new(settings.reach);
        let mut connector = HttpConnector::new_with_resolver(CheckedResolver {
            reach: Arc::clone(&reach),
            lookup,
        });
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        // No connection is kept: the next message may be for another day, when the name means another machine.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            reach,
            deadline: settings.deadline,
            client,
        })
    }

    async fn follow(&self, first: &Target, message: &Message) -> Result<Answered, Error> {
        let mut target = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.ask(&target, first, message).await?;
            let status = answer.status();
            let headers = answer.headers().clone();
            // An answer that is too long, or breaks off, is an answer all the same.
            drop(Limited::new(answer.into_body(), ANSWER_MAX).collect().await);
            match next_of(status, &headers) {
                Some(location) => target = target.redirected(location, &self.reach)?,
                None => {
                    return Ok(Answered {
                        status: status.as_u16(),
                        retry_after: retry_after(&headers),
                    });
                }
            }
        }
        Err(Error::TooManyRedirects {
            host: first.host().to_owned(),
            most: REDIRECTS_MAX,
        })
    }

    /// One request. What proves who sends it goes to the address that was given, and to no other.
    async fn ask(
        &self,
        target: &Target,
        first: &Target,
        message: &Message,
    ) -> Result<http::Response<Incoming>, Error> {
        let unreachable = |why: String| Error::Unreachable {
            host: target.host().to_owned(),
            why,
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target.uri().clone())
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, "*/*")
            .header(header::CONTENT_TYPE, message.content_type)
            .header("x-jockey-delivery", &message.delivery);
        if target.is_at(first) {
            request = signed(request, message);
        }
        let request = request
            .body(Full::new(message.body.clone()))
            .map_err(|error| unreachable(error.to_string()))?;
        self.client.request(request).await.map_err(|error| {
            let mut source = error.source();
            while let Some(cause) = source {
                if let Some(refused) = cause.downcast_ref::<Refused>() {
                    return refused.told(target.host());
                }
                source = cause.source();
            }
            unreachable(innermost(&error))
        })
    }
}

fn signed(request: Builder, message: &Message) -> Builder {
    let Some(secret) = &message.secret else {
        return request;
    };
    let seconds = message.at.micros() / 1_000_000;
    let signature = signature(secret.expose_secret().as_bytes(), seconds, &message.body);
    request
        .header("x-jockey-timestamp", seconds.to_string())
        .header("x-jockey-signature-256", signature)
}

/// Where an answer sends the same message. `303` says that it was taken.
fn next_of(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    match status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => headers.get(header::LOCATION)?.to_str().ok(),
        _ => None,
    }
}

/// `Retry-After`, where it is in seconds. A date would need a second clock to be compared with.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(text.trim().parse().ok()?))
}

/// The words of the last cause: those before it say the same of their own floor.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

#[async_trait]
impl Notifier for HttpNotifier {
    fn check(&self, url: &str) -> Result<(), Error> {
        Target::of(url, &self.reach).map(drop)
    }

    async fn send(&self, message: &Message) -> Result<Answered, Error> {
        let target = Target::of(message.url.expose_secret(), &self.reach)?;
        let sending = self.follow(&target, message);
        let answered = tokio::time::timeout(self.deadline, sending).await;
        answered.unwrap_or_else(|_| {
            Err(Error::TooSlow {
                host: target.host().to_owned(),
                within: self.deadline,
            })
        })
    }
}

#[cfg(test)]
mod tests;

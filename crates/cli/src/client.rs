//! The connection to the server: the token, idempotency keys, retries, pages and streams.

mod calls;
mod doubt;
mod prefix;
mod raw;
mod server;
mod tls;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
};

pub(crate) use calls::{Call, Paged, Planned, Streamed};
pub(crate) use doubt::Doubt;
pub(crate) use server::Server;
pub(crate) use tls::{ClientCertificate, TlsFiles};

use crate::exit::Error;
use doubt::Shown;
use prefix::Prefixed;

/// How long a connection may take to be made. A server that is there answers within a second.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a call may take. The slowest is a dry run that has to ask a git host for a ref.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How often a silent stream is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Pauses before a call that did not reach the server is sent again; then it is given up. Longer
/// outages are for the caller to wait out, who would rather know.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];
/// Page size that is asked for: the largest there is, since every page is wanted.
const PAGE: i32 = 1000;

/// The transport of every call: a channel that adds the token.
pub(crate) type Transport = InterceptedService<Prefixed, Bearer>;

/// Whether calls that change something do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They do.
    Run,
    /// They answer with the plan that they would carry out.
    DryRun,
}

/// What is added to every call that changes something.
pub(crate) struct Stamp {
    pub(crate) mode: Mode,
    /// Idempotency key: a call that is sent again counts once.
    pub(crate) request_id: String,
}

/// Adds the token to a call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A connection to one server. Made without speaking to it.
#[derive(Clone)]
pub(crate) struct Client {
    server: String,
    shown: Shown,
    transport: Transport,
    mode: Mode,
}

impl Client {
    /// A client of a server.
    ///
    /// # Errors
    /// `BadToken` for a token that cannot be sent.
    pub(crate) fn new(
        server: &Server,
        token: Option<&SecretString>,
        mode: Mode,
    ) -> Result<Self, Error> {
        let endpoint = server.endpoint.clone();
        let channel = endpoint
            .connect_timeout(CONNECT_WITHIN)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .connect_lazy();
        let channel = Prefixed::new(channel, server.endpoint.uri());
        let bearer = token.map(bearer).transpose()?;
        Ok(Self {
            server: server.url.clone(),
            shown: server.shown.clone(),
            transport: InterceptedService::new(channel, Bearer(bearer)),
            mode,
        })
    }

    /// Whether calls that change something do so.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The transport, for calls in both directions, and for clients of services that are not of this API.
    pub(crate) fn transport(&self) -> Transport {
        self.transport.clone()
    }

    /// Sends a request. One that did not reach the server is sent again, with the same key.
    ///
    /// # Errors
    /// `Refused` with the server's answer, `Unreachable` without one.
    pub(crate) async fn call<C: Call>(&self, mut request: C) -> Result<C::Answer, Error> {
        request.stamp(&Stamp {
            mode: self.mode,
            request_id: request_id()?,
        });
        self.until_reached(async || {
            let mut sent = tonic::Request::new(request.clone());
            sent.set_timeout(ANSWER_WITHIN);
            let answer = C::send(self.transport.clone(), sent).await?;
            Ok(answer.into_inner())
        })
        .await
    }

    /// Sends something, and again while it does not reach the server.
    async fn until_reached<T>(
        &self,
        mut send: impl AsyncFnMut() -> Result<T, Status>,
    ) -> Result<T, Error> {
        let mut pauses = RETRY_AFTER.iter();
        loop {
            let status = match send().await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match pauses.next() {
                Some(pause) if status.code() == Code::Unavailable => {
                    tokio::time::sleep(*pause).await;
                }
                _ => return Err(self.error(status)),
            }
        }
    }

    /// At most `limit` entries of a list, over as many pages as it takes.
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub(crate) async fn list<C: Paged>(
        &self,
        mut request: C,
        limit: usize,
    ) -> Result<Vec<C::Item>, Error> {
        let mut items = Vec::new();
        loop {
            let wanted = i32::try_from(limit - items.len()).unwrap_or(PAGE);
            request.set_page_size(wanted.clamp(1, PAGE));
            let (page, next) = C::into_page(self.call(request.clone()).await?);
            items.extend(page);
            if next.is_empty() || items.len() >= limit {
                items.truncate(limit);
                return Ok(items);
            }
            request.set_page_token(next);
        }
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// As for [`Client::call`], but without sending anything again.
    pub(crate) async fn open<S: Streamed>(
        &self,
        request: S,
    ) -> Result<tonic::Streaming<S::Item>, Error> {
        S::open(self.transport.clone(), request)
            .await
            .map(tonic::Response::into_inner)
            .map_err(|status| self.error(status))
    }

    /// What a status means for the user.
    pub(crate) fn error(&self, status: Status) -> Error {
        if is_lost(&status) {
            Error::Unreachable {
                server: self.server.clone(),
                doubt: Doubt::of(&status, &self.shown),
                source: Box::new(status),
            }
        } else {
            Error::Refused(Box::new(status))
        }
    }
}

/// Whether a status was made on this side, for want of a server, and not by the server: those
/// have a cause, or speak of a connection that broke.
fn is_lost(status: &Status) -> bool {
    let broke = matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
    );
    broke && std::error::Error::source(status).is_some()
}

fn bearer(token: &SecretString) -> Result<MetadataValue<Ascii>, Error> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = MetadataValue::try_from(text).map_err(|_| Error::BadToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A random idempotency key.
pub(crate) fn request_id() -> Result<String, Error> {
    let high = getrandom::u64().map_err(|_| Error::NoRandomness)?;
    let low = getrandom::u64().map_err(|_| Error::NoRandomness)?;
    Ok(format!("cli-{high:016x}{low:016x}"))
}

//! Calls of Consul's HTTP API, and no others than Jockey makes. One file a group of endpoints, in the shape of Consul's
//! own documentation.
//!
//! Every call has a deadline, and what an error says is bounded: a proxy in between may answer with a page.

mod agent;
mod catalog;
mod checks;
mod fault;
mod health;
mod index;
mod query;
mod transport;

pub(crate) use agent::ServiceBody;
pub(crate) use catalog::NodeRow;
pub(crate) use checks::{CheckBody, Status};
pub(crate) use fault::Fault;
pub(crate) use health::{Check, SERVICE_MAINTENANCE, ServiceEntry};
pub(crate) use index::Index;
pub(crate) use query::Query;
pub use transport::{BadAddress, BadTls};
pub(crate) use transport::{Base, Pem, Tls, Transport};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// How long a call may take that does not wait for a change.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer to a blocking query may be under way, besides what it waits.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes: a pool of 10,000 nodes is less.
const ANSWER_MAX: usize = 64 << 20;
/// The longest error that is read, in bytes.
const ERROR_MAX: usize = 16 << 10;
/// How old a stale answer may be, in milliseconds, before it is no answer: the server that gave it may be cut off.
const STALE_MAX_MS: u64 = 10_000;
/// What an agent says of a datacenter that its own has not been joined with, or is cut off from.
const NO_PATH: &str = "No path to datacenter";
const TOKEN: &str = "x-consul-token";

/// Whom to be, and in which part of Consul.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub(crate) token: Option<SecretString>,
    /// Whether the token may be sent to other hosts without TLS.
    pub(crate) plain_token: bool,
    /// Where the catalog is asked. None: the agent's own.
    pub(crate) datacenter: Option<String>,
    /// Only servers of Consul Enterprise have them.
    pub(crate) namespace: Option<String>,
}

/// Speaks to agents.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    transport: Transport,
    identity: Identity,
}

/// An answer, and how far the state had come that it tells of.
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) index: Option<u64>,
}

impl Client {
    pub(crate) const fn new(transport: Transport, identity: Identity) -> Self {
        Self {
            transport,
            identity,
        }
    }

    /// Reads what there is.
    async fn get<T: DeserializeOwned>(&self, base: &Base, query: &Query) -> Result<T, Fault> {
        let answer = self.read(base, query, DEADLINE).await?;
        Ok(answer.value)
    }

    /// Waits at most this long for something newer than the index, and reads what there is then.
    ///
    /// Consul adds up to a sixteenth of the wait, so that its clients do not all come back at once: a deadline below that
    /// would cut every one of these off.
    async fn wait<T: DeserializeOwned>(
        &self,
        base: &Base,
        query: &Query,
        wait: Duration,
    ) -> Result<Answer<T>, Fault> {
        let deadline = wait + wait / 16 + MARGIN;
        self.read(base, query, deadline).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        base: &Base,
        query: &Query,
        deadline: Duration,
    ) -> Result<Answer<T>, Fault> {
        let request = self.request(Method::GET, base, query, Bytes::new())?;
        let (headers, body) = self.send(base, request, deadline).await?;
        is_fresh(&headers, base)?;
        let value = serde_json::from_slice(&body)
            .map_err(|error| Fault::Odd(format!("{base} answered what is no answer: {error}")))?;
        Ok(Answer {
            value,
            index: number(&headers, "x-consul-index"),
        })
    }

    /// Changes something.
    async fn put<B: Serialize + Sync>(
        &self,
        base: &Base,
        query: &Query,
        body: Option<&B>,
    ) -> Result<(), Fault> {
        let body = match body {
            Some(body) => serde_json::to_vec(body)
                .map_err(|error| Fault::Odd(format!("a request cannot be written: {error}")))?,
            None => Vec::new(),
        };
        let request = self.request(Method::PUT, base, query, body.into())?;
        self.send(base, request, DEADLINE).await.map(drop)
    }

    fn request(
        &self,
        method: Method,
        base: &Base,
        query: &Query,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let uri = query.uri(
            base,
            self.identity.datacenter.as_deref(),
            self.identity.namespace.as_deref(),
        );
        let mut request = Request::builder().method(method).uri(uri);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.identity.token {
            if !self.identity.plain_token && !base.is_private() {
                return Err(Fault::Odd(format!(
                    "the token is not sent to {base}, since whoever is on the way could read it; let agents speak \
                     https://, or give --consul-plain-token where the network itself keeps everybody else out"
                )));
            }
            let mut value = http::HeaderValue::from_str(token.expose_secret())
                .map_err(|_| Fault::Denied("the token is no text of a header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(TOKEN, value);
        }
        request
            .body(Full::new(body))
            .map_err(|error| Fault::Odd(format!("a request cannot be made: {error}")))
    }

    async fn send(
        &self,
        base: &Base,
        request: Request<Full<Bytes>>,
        deadline: Duration,
    ) -> Result<(HeaderMap, Bytes), Fault> {
        let asked = async {
            let response = self.transport.send(request).await;
            let response =
                response.map_err(|error| Fault::Unreachable(format!("{base}: {error}")))?;
            let (head, body) = response.into_parts();
            let most = match head.status.is_success() {
                true => ANSWER_MAX,
                false => ERROR_MAX,
            };
            let body = Limited::new(body, most).collect().await;
            // The status is the answer, whatever becomes of its words.
            if head.status != StatusCode::OK {
                let words = body.map(http_body_util::Collected::to_bytes);
                return Err(self.fault(head.status, &words.unwrap_or_default(), base));
            }
            let body = body.map_err(|error| Fault::Unreachable(format!("{base}: {error}")))?;
            Ok((head.headers, body.to_bytes()))
        };
        tokio::time::timeout(deadline, asked)
            .await
            .unwrap_or_else(|_| {
                let seconds = deadline.as_secs();
                Err(Fault::Unreachable(format!(
                    "{base}: no answer within {seconds} s"
                )))
            })
    }

    /// What a status other than 200 says. That there is no way to a datacenter is said without its name.
    fn fault(&self, status: StatusCode, body: &[u8], base: &Base) -> Fault {
        match (Fault::of(status, body, base), &self.identity.datacenter) {
            (Fault::Unreachable(said), Some(name)) if said.contains(NO_PATH) => {
                Fault::Unreachable(format!("{base} knows no way to the datacenter `{name}`"))
            }
            (fault, _) => fault,
        }
    }
}

/// Whether an answer may be taken for what is so. Any server may answer a stale read, also one that is cut off from the
/// others and knows nothing newer than the moment at which that happened.
fn is_fresh(headers: &HeaderMap, base: &Base) -> Result<(), Fault> {
    let leader = headers.get("x-consul-knownleader");
    if leader.is_some_and(|known| known == "false") {
        return Err(Fault::Unreachable(format!(
            "{base}: the Consul server knows no leader"
        )));
    }
    match number(headers, "x-consul-lastcontact") {
        Some(old) if old > STALE_MAX_MS => Err(Fault::Unreachable(format!(
            "{base}: the Consul server has not heard of its leader for {} s",
            old / 1000
        ))),
        Some(_) | None => Ok(()),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;

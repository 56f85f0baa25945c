//! Calls to one Engine: bollard's, and those that we make ourselves.
//!
//! Ourselves we make those whose answers bollard reads too strictly for Engines of other versions, and those it has
//! no words for. Every call has a deadline.

mod stream;

pub(crate) use stream::Stream;

use crate::{
    failure::{Failure, chain},
    transport::{self, Address, Body, Connector, Pool},
};
use bytes::{Bytes, BytesMut};
use futures_util::TryFutureExt;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, UPGRADE},
    upgrade::Upgraded,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The most bytes of an answer that is not a stream. A list of 1,000 containers is 2 MB.
const ANSWER_MAX: usize = 256 << 20;

/// One Engine. Knows no Installation.
#[derive(Debug)]
pub(crate) struct Engine {
    client: bollard::Docker,
    connector: Connector,
    pool: Pool,
    /// Set once the Engine has been asked which version of the API it speaks.
    negotiated: OnceCell<()>,
    patience: Duration,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Engine {
    /// The Engine at this address. Does not connect yet, so that one which is down now may come later.
    ///
    /// # Errors
    /// Never in practice: bollard checks an address that we do not use.
    pub(crate) fn new(address: Address, patience: Duration) -> Result<Self, Failure> {
        let connector = transport::connector(address);
        let pool = transport::pool(connector.clone());
        let sender = pool.clone();
        let client = bollard::Docker::connect_with_custom_transport(
            move |request| {
                sender
                    .request(request)
                    .map_err(bollard::errors::Error::from)
            },
            Some("http://engine"),
            patience.as_secs().max(1),
            bollard::API_DEFAULT_VERSION,
        )?;
        Ok(Self {
            client,
            connector,
            pool,
            negotiated: OnceCell::new(),
            patience,
        })
    }

    /// How long an ordinary call may take.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// bollard's client, once it knows which version of the API to speak.
    ///
    /// # Errors
    /// The Engine does not answer.
    pub(crate) async fn client(&self) -> Result<&bollard::Docker, Failure> {
        self.negotiated
            .get_or_try_init(|| async {
                // The clones of a client share what they agreed upon.
                self.client.clone().negotiate_version().await.map(drop)
            })
            .await?;
        Ok(&self.client)
    }

    /// The same with a longer deadline, in whole seconds.
    ///
    /// # Errors
    /// The Engine does not answer.
    pub(crate) async fn patient_client(
        &self,
        patience: Duration,
    ) -> Result<bollard::Docker, Failure> {
        Ok(self.client().await?.clone().with_timeout(patience))
    }

    /// The version of the API that is spoken: `(1, 41)`.
    ///
    /// # Errors
    /// The Engine does not answer.
    pub(crate) async fn api_version(&self) -> Result<(usize, usize), Failure> {
        let version = self.client().await?.client_version();
        Ok((version.major_version, version.minor_version))
    }

    /// Asks for a JSON value.
    ///
    /// # Errors
    /// As the Engine says; `Unreadable` when the answer is something else.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let read = async {
            let request = Request::get(path);
            let answer = self.send(request, empty()).await?;
            collect(answer.into_body()).await
        };
        let bytes = within(self.patience, read).await?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// Asks for a stream, and answers as soon as it begins: within the deadline of an ordinary call.
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn open(&self, path: &str) -> Result<Incoming, Failure> {
        let answer = within(self.patience, self.send(Request::get(path), empty())).await?;
        Ok(answer.into_body())
    }

    /// The same for a stream of many small pieces: see [`Stream`].
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn open_own(&self, path: &str) -> Result<Stream, Failure> {
        let opened = async {
            let request = self.request(Request::get(path), empty()).await?;
            accepted(Stream::open(self.connector.clone(), request).await?).await
        };
        Ok(within(self.patience, opened).await?.into_body())
    }

    /// Sends a JSON value that nobody else may see: bollard writes what it sends into its log.
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn post_secret(
        &self,
        path: &str,
        value: &impl Serialize,
        patience: Duration,
    ) -> Result<(), Failure> {
        let json =
            serde_json::to_vec(value).map_err(|error| Failure::Unreadable(error.to_string()))?;
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let sent = async {
            let answer = self
                .send(request, Either::Left(Full::new(json.into())))
                .await?;
            collect(answer.into_body()).await
        };
        within(patience, sent).await.map(drop)
    }

    /// Sends a JSON value, and reads the JSON that is answered.
    ///
    /// # Errors
    /// As the Engine says; `Unreadable` when the answer is something else.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let body = json(value)?;
        let asked = async {
            let answer = self.send(request, body).await?;
            collect(answer.into_body()).await
        };
        let bytes = within(self.patience, asked).await?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// Sends a request without a body whose answer says nothing.
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn tell(&self, path: &str) -> Result<(), Failure> {
        let told = async {
            let answer = self.send(Request::post(path), empty()).await?;
            collect(answer.into_body()).await
        };
        within(self.patience, told).await.map(drop)
    }

    /// Waits for what the Engine answers once something has come to its end: for as long as that takes.
    ///
    /// # Errors
    /// As the Engine says; `Unreadable` when the answer is something else.
    pub(crate) async fn wait<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.send(Request::post(path), empty()).await?;
        let bytes = collect(answer.into_body()).await?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::Unreadable(error.to_string()))
    }

    /// Sends a JSON value, or nothing, and takes over the connection.
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn take_over(
        &self,
        path: &str,
        value: Option<&serde_json::Value>,
        patience: Duration,
    ) -> Result<Upgraded, Failure> {
        let request = Request::post(path)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .header(CONTENT_TYPE, "application/json");
        let body = value.map_or_else(|| Ok(empty()), json)?;
        let taken = async {
            let answer = self.send(request, body).await?;
            hyper::upgrade::on(answer)
                .await
                .map_err(|error| Failure::Unreachable(chain(&error)))
        };
        within(patience, taken).await
    }

    /// Sends a body, and answers as soon as the answer begins, without a deadline: a caller has its own.
    ///
    /// # Errors
    /// As the Engine says.
    pub(crate) async fn post(&self, path: &str, body: Body) -> Result<Incoming, Failure> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-tar");
        Ok(self.send(request, body).await?.into_body())
    }

    /// Sends a request whose address lacks host and version.
    ///
    /// # Errors
    /// As the Engine says: any status but 1xx to 3xx.
    pub(crate) async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: Body,
    ) -> Result<Response<Incoming>, Failure> {
        let request = self.request(request, body).await?;
        let answer = self.pool.request(request).await;
        accepted(answer.map_err(|error| Failure::Unreachable(chain(&error)))?).await
    }

    /// The request with host and version in its address.
    async fn request(
        &self,
        request: hyper::http::request::Builder,
        body: Body,
    ) -> Result<Request<Body>, Failure> {
        let (major, minor) = self.api_version().await?;
        let path = request
            .uri_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        request
            .uri(format!("http://engine/v{major}.{minor}{path}"))
            .body(body)
            .map_err(|error| Failure::Unreadable(error.to_string()))
    }
}

/// The answer, unless it is a refusal: any status but 1xx to 3xx.
async fn accepted<B>(answer: Response<B>) -> Result<Response<B>, Failure>
where
    B: hyper::body::Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(answer);
    }
    let bytes = collect(answer.into_body()).await?;
    let message = serde_json::from_slice::<Refusal>(&bytes).map_or_else(
        |_| String::from_utf8_lossy(&bytes).into_owned(),
        |refusal| refusal.message,
    );
    Err(Failure::Refused {
        status: status.as_u16(),
        message,
    })
}

/// A request without a body.
pub(crate) fn empty() -> Body {
    Either::Left(Full::new(Bytes::new()))
}

fn json(value: &impl Serialize) -> Result<Body, Failure> {
    let json = serde_json::to_vec(value).map_err(|error| Failure::Unreadable(error.to_string()))?;
    Ok(Either::Left(Full::new(json.into())))
}

/// Waits for an answer, but not for ever.
///
/// # Errors
/// `Unreachable` when it takes longer.
pub(crate) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| {
            Err(Failure::Unreachable(format!(
                "no answer within {patience:?}"
            )))
        })
}

async fn collect<B>(body: B) -> Result<Bytes, Failure>
where
    B: hyper::body::Body<Data = Bytes, Error = hyper::Error>,
{
    let collected = http_body_util::Limited::new(body, ANSWER_MAX)
        .collect()
        .await;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(Failure::Unreachable(chain(&*error))),
    }
}

/// The lines of a stream, each of a limited length.
#[derive(Debug)]
pub(crate) struct Lines {
    body: Incoming,
    rest: BytesMut,
    /// How much of `rest` is known to hold no line end.
    searched: usize,
    longest: usize,
}

impl Lines {
    /// The lines of this body, none longer than this many bytes.
    pub(crate) fn of(body: Incoming, longest: usize) -> Self {
        Self {
            body,
            rest: BytesMut::new(),
            searched: 0,
            longest,
        }
    }

    /// The next line, without its end. None: the stream has ended. May be dropped and called again.
    ///
    /// # Errors
    /// `Unreachable` when the stream breaks off, `Unreadable` for a line that is too long.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let found = self.rest[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(at) = found {
                let mut line = self.rest.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.trim_ascii_end().len());
                if !line.is_empty() {
                    return Ok(Some(line.freeze()));
                }
                continue;
            }
            self.searched = self.rest.len();
            if self.rest.len() > self.longest {
                return Err(Failure::Unreadable("a line has no end".to_owned()));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest.extend(frame.into_data().ok().unwrap_or_default()),
                Some(Err(error)) => return Err(Failure::Unreachable(chain(&error))),
                None if self.rest.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(self.rest.split().freeze()));
                }
            }
        }
    }
}

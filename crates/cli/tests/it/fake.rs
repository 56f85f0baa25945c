//! A gRPC server with prepared answers. It speaks the protocol itself, so that one function serves
//! every method.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use tonic::{
    Code,
    service::Routes,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

/// What a method answers once.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Messages, then success.
    Messages(Vec<Bytes>),
    /// Messages, then the status of a server that stops.
    Stopped(Vec<Bytes>),
    /// A stream that breaks before anything has come.
    Broken,
    /// Messages, then silence.
    Silent(Vec<Bytes>),
    Refusal(Code, String, Bytes),
}

/// A request as it came.
#[derive(Clone)]
struct Received {
    method: String,
    authorization: Option<String>,
    body: Bytes,
}

#[derive(Default)]
struct Script {
    answers: BTreeMap<String, VecDeque<Answer>>,
    received: Vec<Received>,
}

/// The server. It stops with the test.
pub(crate) struct Fake {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Fake {
    pub(crate) fn start() -> Self {
        Self::serve(None)
    }

    /// Over TLS, as the owner of this certificate and key, both PEM.
    pub(crate) fn start_tls(certificate: &str, key: &str) -> Self {
        let identity = Identity::from_pem(certificate, key);
        Self::serve(Some(ServerTlsConfig::new().identity(identity)))
    }

    /// The same, for callers with a certificate of this CA alone.
    pub(crate) fn start_asking(certificate: &str, key: &str, ca: &str) -> Self {
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        Self::serve(Some(tls.client_ca_root(Certificate::from_pem(ca))))
    }

    fn serve(tls: Option<ServerTlsConfig>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new().fallback(serve).with_state(script.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(SocketAddr::from((
                [127, 0, 0, 1],
                0,
            ))))
            .unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            let Some(tls) = tls else {
                return axum::serve(listener, router).await.unwrap();
            };
            Server::builder()
                .tls_config(tls)
                .unwrap()
                .add_routes(Routes::from(router))
                .serve_with_incoming(TcpIncoming::from(listener))
                .await
                .unwrap();
        });
        Self {
            url,
            script,
            runtime: Some(runtime),
        }
    }

    /// The next answer of a method, such as `AppService/GetApp`. The last one is given again and
    /// again.
    pub(crate) fn answer<M: Message>(&self, method: &str, message: &M) -> &Self {
        self.push(method, Answer::Messages(vec![encode(message)]))
    }

    pub(crate) fn stream<M: Message>(&self, method: &str, messages: &[M]) -> &Self {
        self.push(
            method,
            Answer::Messages(messages.iter().map(encode).collect()),
        )
    }

    pub(crate) fn stopped_stream<M: Message>(&self, method: &str, messages: &[M]) -> &Self {
        self.push(
            method,
            Answer::Stopped(messages.iter().map(encode).collect()),
        )
    }

    pub(crate) fn broken_stream(&self, method: &str) -> &Self {
        self.push(method, Answer::Broken)
    }

    pub(crate) fn endless_stream<M: Message>(&self, method: &str, messages: &[M]) -> &Self {
        self.push(
            method,
            Answer::Silent(messages.iter().map(encode).collect()),
        )
    }

    pub(crate) fn refuse(&self, method: &str, code: Code, message: &str) -> &Self {
        self.push(
            method,
            Answer::Refusal(code, message.to_owned(), Bytes::new()),
        )
    }

    /// A refusal with rich details, as `grpc-status-details-bin` carries them.
    pub(crate) fn refuse_with(&self, method: &str, status: &tonic::Status) -> &Self {
        let details = Bytes::copy_from_slice(status.details());
        self.push(
            method,
            Answer::Refusal(status.code(), status.message().to_owned(), details),
        )
    }

    fn push(&self, method: &str, answer: Answer) -> &Self {
        let mut script = self.script.lock().unwrap();
        script
            .answers
            .entry(method.to_owned())
            .or_default()
            .push_back(answer);
        self
    }

    /// Every request that a method has got.
    pub(crate) fn requests<M: Message + Default>(&self, method: &str) -> Vec<M> {
        let script = self.script.lock().unwrap();
        let received = script.received.iter().filter(|one| one.method == method);
        received
            .map(|one| M::decode(one.body.clone()).unwrap())
            .collect()
    }

    /// The only request that a method has got.
    #[track_caller]
    pub(crate) fn request<M: Message + Default>(&self, method: &str) -> M {
        let mut requests = self.requests(method);
        assert_eq!(requests.len(), 1, "requests of {method}");
        requests.pop().unwrap()
    }

    /// What each request had as its `authorization`.
    pub(crate) fn authorizations(&self) -> Vec<Option<String>> {
        let script = self.script.lock().unwrap();
        script
            .received
            .iter()
            .map(|one| one.authorization.clone())
            .collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn encode<M: Message>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}

async fn serve(State(script): State<Arc<Mutex<Script>>>, request: Request<Body>) -> Response {
    let method = request
        .uri()
        .path()
        .trim_start_matches("/jockey.v1.")
        .to_owned();
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let answer = {
        let mut script = script.lock().unwrap();
        script.received.push(Received {
            method: method.clone(),
            authorization,
            // A stream of requests may have none.
            body: body.slice(body.len().min(5)..),
        });
        match script.answers.get_mut(&method) {
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers[0].clone(),
            None => Answer::Refusal(
                Code::Unimplemented,
                format!("no answer is prepared for {method}"),
                Bytes::new(),
            ),
        }
    };
    respond(answer)
}

type Frame = Result<http_body::Frame<Bytes>, std::io::Error>;

fn respond(answer: Answer) -> Response {
    let (messages, end): (_, Option<Frame>) = match answer {
        Answer::Messages(messages) => (messages, Some(Ok(trailers(Code::Ok, "", &Bytes::new())))),
        Answer::Stopped(messages) => {
            let stopped = trailers(Code::Unavailable, "the server stops", &Bytes::new());
            (messages, Some(Ok(stopped)))
        }
        Answer::Broken => (Vec::new(), Some(Err(std::io::Error::other("broken")))),
        Answer::Silent(messages) => (messages, None),
        Answer::Refusal(code, message, details) => {
            (Vec::new(), Some(Ok(trailers(code, &message, &details))))
        }
    };
    let goes_on = end.is_none();
    let frames: Vec<Frame> = messages
        .into_iter()
        .map(|message| Ok(http_body::Frame::data(frame(&message))))
        .chain(end)
        .collect();
    let frames = futures_util::stream::iter(frames);
    let body = if goes_on {
        let silence = futures_util::stream::pending();
        Body::new(StreamBody::new(futures_util::StreamExt::chain(
            frames, silence,
        )))
    } else {
        Body::new(StreamBody::new(frames))
    };
    Response::builder()
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap()
}

/// A message with the five bytes that go before it.
fn frame(message: &Bytes) -> Bytes {
    let mut buffer = BytesMut::new();
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(message.len()).unwrap());
    buffer.put_slice(message);
    buffer.freeze()
}

fn trailers(code: Code, message: &str, details: &Bytes) -> http_body::Frame<Bytes> {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", i32::from(code).to_string().parse().unwrap());
    let message: String = message
        .bytes()
        .map(|byte| match byte {
            b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    headers.insert("grpc-message", message.parse().unwrap());
    if !details.is_empty() {
        let encoded = base64_of(details);
        headers.insert("grpc-status-details-bin", encoded.parse().unwrap());
    }
    http_body::Frame::trailers(headers)
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

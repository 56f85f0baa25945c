//! The service of `things.proto`, and a client of the gateway in front of it.

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value};
use std::{
    collections::HashMap,
    future::{Ready, ready},
    path::Path,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, ServerStreamingService, UnaryService},
    service::Routes,
};
use tonic_types::{ErrorDetails, StatusExt};
use tower::ServiceExt;

/// `things.proto`, compiled.
fn descriptors() -> &'static [u8] {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let roots = [here.join("tests/it"), here.join("../../proto")];
        let mut compiler = protox::Compiler::new(roots).unwrap();
        compiler.include_imports(true).include_source_info(true);
        compiler.open_file("things.proto").unwrap();
        compiler.encode_file_descriptor_set()
    })
}

/// A gateway with the service behind it.
pub(crate) struct Gateway {
    router: Router,
    /// Streams that the service has not ended and nobody has dropped.
    pub(crate) open: Arc<AtomicUsize>,
}

/// What the gateway has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// What the service was asked, without what is at its default.
    #[track_caller]
    pub(crate) fn asked(&self) -> serde_json::Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        bare(self.json()["asked"].clone()).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A value without what is at its default.
fn bare(value: serde_json::Value) -> Option<serde_json::Value> {
    use serde_json::Value as V;
    match value {
        V::Object(map) => {
            let kept: serde_json::Map<_, _> = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, bare(value)?)))
                .collect();
            (!kept.is_empty()).then_some(V::Object(kept))
        }
        V::Array(list) => (!list.is_empty()).then_some(V::Array(list)),
        V::String(text) => {
            let default = ["", "0", "COLOUR_UNSPECIFIED"].contains(&text.as_str());
            (!default).then_some(V::String(text))
        }
        V::Bool(false) | V::Null => None,
        V::Number(number) if number.as_f64() == Some(0.0) => None,
        other => Some(other),
    }
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self::with(&gateway::Settings::default())
    }

    pub(crate) fn with(settings: &gateway::Settings) -> Self {
        let pool = DescriptorPool::decode(descriptors()).unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let things = Things {
            pool,
            open: Arc::clone(&open),
        };
        let service = Router::new().fallback(move |request: Request| things.clone().serve(request));
        Self {
            router: gateway::router_of(
                descriptors(),
                descriptors(),
                Routes::from(service),
                settings,
            ),
            open,
        }
    }

    /// The response as it comes.
    pub(crate) async fn send(&self, request: http::Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.send(request.body(body.into()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Body::empty()).await
    }

    /// Sends JSON.
    pub(crate) async fn put(&self, method: Method, path: &str, json: &str) -> Answer {
        let headers = [("content-type", "application/json")];
        self.ask(method, path, &headers, json.to_owned()).await
    }
}

/// The service.
#[derive(Clone)]
struct Things {
    pool: DescriptorPool,
    open: Arc<AtomicUsize>,
}

impl Things {
    async fn serve(self, request: Request) -> Response {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let heard = request.headers().clone();
        // As a guard: before anything of the request is read.
        if heard
            .get("authorization")
            .is_some_and(|it| it == "Bearer bad")
        {
            return failure("16 TOKEN_UNKNOWN").into_http();
        }
        let mut grpc = Grpc::new(Raw);
        let call = Call {
            things: self,
            heard,
            method: method.clone(),
        };
        let response = if method == "WatchThings" {
            grpc.server_streaming(call, request).await
        } else {
            grpc.unary(call, request).await
        };
        response.map(Body::new)
    }

    fn message(&self, name: &str) -> DynamicMessage {
        DynamicMessage::new(
            self.pool
                .get_message_by_name(&format!("test.v1.{name}"))
                .unwrap(),
        )
    }

    fn thing(&self, id: &str, etag: &str) -> Value {
        let mut thing = self.message("Thing");
        thing.set_field_by_name("id", Value::String(id.to_owned()));
        thing.set_field_by_name("etag", Value::String(etag.to_owned()));
        Value::Message(thing)
    }
}

/// One call of it.
struct Call {
    things: Things,
    heard: HeaderMap,
    method: String,
}

impl Call {
    fn asked(&self, frame: Bytes) -> Result<DynamicMessage, Status> {
        let kind = if self.method == "PolishThing" {
            "Polish"
        } else {
            "Asked"
        };
        let kind = self.things.message(kind).descriptor();
        let asked = DynamicMessage::decode(kind, frame).unwrap();
        let fail = asked
            .get_field_by_name("fail")
            .map(|it| it.as_str().unwrap().to_owned());
        match fail.as_deref().unwrap_or_default() {
            "" => Ok(asked),
            fail => Err(failure(fail)),
        }
    }

    fn told(&self, asked: DynamicMessage) -> DynamicMessage {
        let mut told = self.things.message("Told");
        if self.method != "PolishThing" {
            told.set_field_by_name("asked", Value::Message(asked));
        }
        told.set_field_by_name("thing", self.things.thing("one", "tag-1"));
        let heard = ["authorization", "user-agent", "cookie", "x-request-id"].into_iter();
        let heard = heard.filter_map(|name| {
            let value = self.heard.get(name)?.to_str().ok()?.to_owned();
            Some((
                prost_reflect::MapKey::String(name.to_owned()),
                Value::String(value),
            ))
        });
        told.set_field_by_name("heard", Value::Map(heard.collect()));
        told
    }
}

/// `CODE REASON`, or `CODE FIELD:WHICH`, as a status with every detail that the gateway reads.
#[expect(clippy::disallowed_methods, reason = "a service of the tests")]
fn failure(text: &str) -> Status {
    let (code, reason) = text.split_once(' ').unwrap();
    let code = Code::from(code.parse::<i32>().unwrap());
    if reason == "-" {
        return Status::new(code, "it is so");
    }
    let facts = [("advice", "do better"), ("colour", "red")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut details = ErrorDetails::with_error_info(reason, "test", HashMap::from(facts));
    let field = reason.strip_prefix("FIELD:").unwrap_or("thing.name");
    details.add_bad_request_violation(field, "is taken");
    details.set_retry_info(Some(std::time::Duration::from_millis(1500)));
    Status::with_error_details(code, "it is so; do better", details)
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let told = self
            .asked(request.into_inner())
            .map(|asked| self.told(asked));
        ready(told.map(|told| tonic::Response::new(told.encode_to_vec().into())))
    }
}

/// An answer that goes on, counted as long as somebody holds it.
pub(crate) struct Counted {
    items: Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>,
    open: Arc<AtomicUsize>,
}

impl Stream for Counted {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(context)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ServerStreamingService<Bytes> for Call {
    type Response = Bytes;
    type ResponseStream = Counted;
    type Future = Ready<Result<tonic::Response<Counted>, Status>>;

    /// Two things after the cursor, then what `name` says: it ends, breaks, or says nothing more.
    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let asked = match self.asked(request.into_inner()) {
            Ok(asked) => asked,
            Err(status) => return ready(Err(status)),
        };
        let text = |name: &str| {
            asked
                .get_field_by_name(name)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        let after: u32 = text("after").parse().unwrap_or(0);
        let frames: Vec<_> = (after + 1..=after + 2)
            .map(|number| {
                let mut told = self.things.message("Told");
                let thing = self.things.thing(&number.to_string(), "");
                told.set_field_by_name("things", Value::List(vec![thing]));
                Ok(Bytes::from(told.encode_to_vec()))
            })
            .collect();
        let then = match text("name").as_str() {
            "breaks" => stream::once(ready(Err(failure("14 BROKEN")))).boxed(),
            "follows" => stream::pending().boxed(),
            _ => stream::empty().boxed(),
        };
        self.things.open.fetch_add(1, Ordering::SeqCst);
        ready(Ok(tonic::Response::new(Counted {
            items: stream::iter(frames).chain(then).boxed(),
            open: Arc::clone(&self.things.open),
        })))
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

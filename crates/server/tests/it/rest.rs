//! The API over HTTP and JSON, as a script has it.

use crate::harness::Jockeyd;
use anyhow::Context;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tonic::codegen::Bytes;

/// A client of `/v1` with one token.
pub(crate) struct Rest {
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) base: String,
    pub(crate) token: String,
}

/// What the server has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON, `null` where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header as text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

impl Jockeyd {
    /// The API over HTTP and JSON, with the administrator's token.
    pub(crate) fn rest(&self) -> anyhow::Result<Rest> {
        let read = |name| std::fs::read_to_string(self.file(name));
        Ok(Rest {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: read("address")?.trim().to_owned(),
            token: read("admin-token")?.trim().to_owned(),
        })
    }
}

impl Rest {
    /// The same with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            client: self.client.clone(),
            base: self.base.clone(),
            token: token.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask(Method::GET, path, &[], "").await
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, json: &Value) -> anyhow::Result<Answer> {
        self.ask(Method::POST, path, &[], &json.to_string()).await
    }

    /// A request and the whole of its answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        json: &str,
    ) -> anyhow::Result<Answer> {
        let (parts, body) = self.begin(method, path, headers, json).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec())?,
        })
    }

    /// The same of somebody who shows no token, with these headers alone.
    pub(crate) async fn as_stranger(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let sent = self.client.request(request.body(body)?).await;
        let (parts, body) = sent.with_context(|| path.to_owned())?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec())?,
        })
    }

    /// A request and the beginning of its answer.
    pub(crate) async fn begin(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        json: &str,
    ) -> anyhow::Result<http::Response<hyper::body::Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if !json.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(json.as_bytes()));
        let sent = self.client.request(request.body(body)?).await;
        sent.with_context(|| path.to_owned())
    }
}

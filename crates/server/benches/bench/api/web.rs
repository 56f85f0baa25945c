//! Callers over HTTP/1.1, and what they call beside Jockey.

use anyhow::{Context, ensure};
use axum::{Router, routing::get};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tonic::codegen::Bytes;

/// A handler that answers with these bytes and does nothing else, and where it is. What it is sent it reads.
pub(super) async fn bare(bytes: Bytes) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer = bytes.clone();
    let read = get(move || std::future::ready(bytes.clone()));
    let both = read.post(move |_: Bytes| std::future::ready(answer.clone()));
    let app = Router::new().route("/", both);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

/// A caller with a connection of its own.
#[derive(Clone)]
pub(crate) struct Web {
    client: Client<HttpConnector, Full<Bytes>>,
    bearer: String,
}

impl Web {
    pub(crate) fn new(token: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            bearer: format!("Bearer {token}"),
        }
    }

    pub(crate) async fn get(&self, url: String) -> anyhow::Result<Bytes> {
        let request = Request::get(&url)
            .header(header::AUTHORIZATION, &self.bearer)
            .body(Full::default())?;
        self.call(request).await
    }

    /// Posts a body with these headers.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> anyhow::Result<Bytes> {
        let mut request = Request::builder().method(Method::POST).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.call(request.body(Full::new(body))?).await
    }

    async fn call(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Bytes> {
        let url = request.uri().to_string();
        let answer = self.client.request(request).await.context(url)?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

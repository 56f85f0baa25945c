//! More callers than there are places for, and more in one call than there may be.

use crate::stage::{Stage, refusal};
use bytes::{BufMut, Bytes, BytesMut};
use domain::token::Role;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyStream, Full, StreamBody};
use proto::v1;
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::body::Body;
use tower::ServiceExt;

/// As many as `api` has for those who show a token.
const PLACES: usize = 256;
/// The code of `RESOURCE_EXHAUSTED`.
const EXHAUSTED: &str = "8";

fn call(method: &str, token: &str, body: Body) -> http::Request<Body> {
    http::Request::post(format!("http://jockey.test/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

/// The status of a small call: none where it goes well.
async fn small(stage: &Stage, token: &str) -> Option<String> {
    let mut frame = BytesMut::new();
    frame.put_slice(&[0; 5]);
    let body = Body::new(Full::new(frame.freeze()));
    let request = call("jockey.v1.AppService/ListApps", token, body);
    let answer = stage.routes.clone().oneshot(request).await.unwrap();
    let status = answer.headers().get("grpc-status")?;
    Some(status.to_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_places_are_shed_and_come_in_when_there_is_one() {
    let stage = Stage::still().await;
    let token = stage.token("ci", Role::Deployer).await;
    assert_eq!(small(&stage, &token).await, None);
    let mut open = JoinSet::new();
    // Some more than there are, so that all are taken whoever else calls meanwhile.
    for _ in 0..PLACES + 8 {
        // It is to say first what is to be run, and does not.
        let nothing = BodyStream::new(Full::new(Bytes::new())).chain(stream::pending());
        let body = Body::new(StreamBody::new(nothing));
        let request = call("jockey.v1.InstanceService/Run", &token, body);
        open.spawn(stage.routes.clone().oneshot(request));
    }
    while small(&stage, &token).await.as_deref() != Some(EXHAUSTED) {
        tokio::task::yield_now().await;
    }
    // Who shows no token has places of their own.
    let mut frame = BytesMut::new();
    frame.put_slice(&[0; 5]);
    let health = "grpc.health.v1.Health/Check";
    let body = Body::new(Full::new(frame.freeze()));
    let answer = stage.routes.clone().oneshot(call(health, "", body)).await;
    assert!(answer.unwrap().headers().get("grpc-status").is_none());
    let waited = tokio::time::timeout(Duration::from_secs(60), open.join_all()).await;
    assert_eq!(waited.unwrap().len(), PLACES + 8);
    assert_eq!(small(&stage, &token).await, None);
}

/// The largest request, in bytes.
const REQUEST: usize = 4 << 20;

#[tokio::test(start_paused = true)]
async fn a_request_beyond_4_mib_is_refused_before_it_is_read() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let of = |bytes: usize| v1::GetAppRequest {
        app: "x".repeat(bytes),
    };
    // Its field takes five bytes more.
    let fits = refusal(admin.apps().get_app(of(REQUEST - 5)).await);
    assert!(fits.starts_with("NotFound UNKNOWN_APP"), "{:.80}", fits);
    let status = admin.apps().get_app(of(REQUEST - 4)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    let told = "decoded message length too large: found 4194305 bytes, the limit is: 4194304 bytes";
    assert!(status.message().contains(told), "{}", status.message());
}

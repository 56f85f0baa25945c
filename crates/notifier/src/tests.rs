//! A name that changes its mind.

use super::*;
use axum::Router;
use domain::Timestamp;
use secrecy::SecretString;
use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::net::TcpListener;

/// How often the name was resolved.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// How many messages came, wherever the name led.
static GOT: AtomicU32 = AtomicU32::new(0);

/// First where it may lead, then where it may not: to the same receiver.
fn turncoat(
    _: hyper_util::client::legacy::connect::dns::Name,
) -> std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    let last = match ASKED.fetch_add(1, Ordering::SeqCst) {
        0 => 1,
        _ => 2,
    };
    Box::pin(async move { Ok(vec![IpAddr::from([127, 0, 0, last])]) })
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_by_the_next_message_is_looked_at_again() {
    let listener = TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = Router::new().fallback(async || {
        GOT.fetch_add(1, Ordering::SeqCst);
        StatusCode::NO_CONTENT
    });
    tokio::spawn(async move { axum::serve(listener, receiver).await });
    let reach = [("127.0.0.1/32").parse().unwrap()].into_iter().collect();
    let notifier = HttpNotifier::resolving(Settings::reaching(reach), turncoat).unwrap();
    let url = format!("http://turncoat.example:{port}/");
    assert_eq!(notifier.check(&url), Ok(()));
    let message = Message {
        url: SecretString::from(url),
        content_type: "application/json",
        body: Bytes::from_static(b"{}"),
        delivery: "job-1".to_owned(),
        secret: None,
        at: Timestamp::EPOCH,
    };
    assert_eq!(notifier.send(&message).await.unwrap().status, 204);
    let refused = notifier.send(&message).await.unwrap_err();
    assert!(
        refused.to_string().contains("a loopback address"),
        "{refused}"
    );
    assert_eq!(ASKED.load(Ordering::SeqCst), 2, "nothing is remembered");
    assert_eq!(GOT.load(Ordering::SeqCst), 1, "nothing was sent there");
}

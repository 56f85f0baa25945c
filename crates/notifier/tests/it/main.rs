//! The adapter against receivers on loopback.
#![cfg(test)]

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use notifier::{HttpNotifier, Settings, signature};
use ports::{
    Notifier,
    notifier::{Answered, Error, Message},
};
use secrecy::SecretString;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// What a receiver got.
#[derive(Debug, Clone)]
struct Got {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A receiver, which goes by its path: `/500` answers so, `/to?URL` redirects, `/slow` does not answer.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// Starts it, and says on which port.
    async fn start(&self, address: &str) -> u16 {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn answer(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    receiver.got.lock().unwrap().push(Got {
        path: uri.path().to_owned(),
        headers,
        body,
    });
    let location = uri.query().unwrap_or_default().to_owned();
    match uri.path() {
        "/to" => (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response(),
        "/slow" => std::future::pending().await,
        "/endless" => "a".repeat(1 << 20).into_response(),
        "/later" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "30")]).into_response(),
        path => {
            let status: u16 = path.trim_start_matches('/').parse().unwrap_or(204);
            StatusCode::from_u16(status).unwrap().into_response()
        }
    }
}

fn notifier(allow: &[&str]) -> HttpNotifier {
    within(Duration::from_secs(60), allow)
}

fn within(deadline: Duration, allow: &[&str]) -> HttpNotifier {
    let reach = allow.iter().map(|text| text.parse().unwrap()).collect();
    HttpNotifier::new(Settings {
        deadline,
        ..Settings::reaching(reach)
    })
    .unwrap()
}

fn message(url: String) -> Message {
    Message {
        url: SecretString::from(url),
        content_type: "application/json",
        body: Bytes::from_static(b"{\"a\":1}"),
        secret: Some(SecretString::from("secret")),
        delivery: "job-7".to_owned(),
        at: domain::Timestamp::from_micros(1_767_225_600_999_999),
    }
}

const LOCAL: &[&str] = &["127.0.0.1"];

#[tokio::test]
async fn it_keeps_the_contract() {
    ports::notifier::contract::contract(&notifier(&[])).await;
}

#[tokio::test]
async fn a_message_arrives_signed() {
    let receiver = Receiver::default();
    let port = receiver.start("127.0.0.1").await;
    let sent = notifier(LOCAL)
        .send(&message(format!("http://127.0.0.1:{port}/hook")))
        .await;
    let answered = Answered {
        status: 204,
        retry_after: None,
    };
    assert_eq!(sent, Ok(answered));
    let got = receiver.got().remove(0);
    assert_eq!((&*got.path, &got.body[..]), ("/hook", &b"{\"a\":1}"[..]));
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-jockey-delivery"), Some("job-7"));
    assert_eq!(got.header("x-jockey-timestamp"), Some("1767225600"));
    let want = signature(b"secret", 1_767_225_600, b"{\"a\":1}");
    assert_eq!(got.header("x-jockey-signature-256"), Some(&*want));
}

#[tokio::test]
async fn what_is_answered_is_told_however_it_looks() {
    let receiver = Receiver::default();
    let port = receiver.start("127.0.0.1").await;
    let notifier = notifier(LOCAL);
    let ask = async |path: &str| {
        let sent = notifier
            .send(&message(format!("http://127.0.0.1:{port}{path}")))
            .await;
        sent.map(|answered| {
            (
                answered.status,
                answered.retry_after.map(|wait| wait.as_secs()),
            )
        })
    };
    assert_eq!(ask("/500").await, Ok((500, None)));
    assert_eq!(ask("/303").await, Ok((303, None)));
    assert_eq!(ask("/later").await, Ok((429, Some(30))));
    assert_eq!(ask("/endless").await, Ok((200, None)));
    let slow = within(Duration::from_secs(2), LOCAL)
        .send(&message(format!("http://127.0.0.1:{port}/slow")))
        .await
        .unwrap_err();
    assert_eq!(slow.to_string(), "127.0.0.1 did not answer within 2 s");
    assert!(slow.is_transient());
}

#[tokio::test]
async fn a_name_is_refused_for_where_it_leads() {
    let receiver = Receiver::default();
    let port = receiver.start("127.0.0.1").await;
    let url = || message(format!("http://localhost:{port}/"));
    assert_eq!(
        notifier(&[]).check(&format!("http://localhost:{port}/")),
        Ok(())
    );
    let refused = notifier(&[]).send(&url()).await.unwrap_err();
    assert!(matches!(refused, Error::Forbidden { .. }), "{refused}");
    assert!(
        refused.to_string().contains("a loopback address"),
        "{refused}"
    );
    assert_eq!(receiver.got().len(), 0, "nothing was sent");
    let sent = notifier(&["localhost"]).send(&url()).await;
    assert_eq!(sent.unwrap().status, 204);
    let nowhere = message("http://nowhere.invalid/".to_owned());
    // Longer than a resolver tries that gets no answer.
    let patient = within(Duration::from_secs(60), &[]);
    let unknown = patient.send(&nowhere).await.unwrap_err();
    assert!(matches!(unknown, Error::Unknown { .. }), "{unknown}");
}

#[tokio::test]
async fn a_redirect_is_followed_where_it_may_be_and_proves_nothing_to_others() {
    let (receiver, other) = (Receiver::default(), Receiver::default());
    let port = receiver.start("127.0.0.1").await;
    let port_of_other = other.start("127.0.0.1").await;
    let notifier = notifier(LOCAL);
    let ask = async |to: &str| {
        notifier
            .send(&message(format!("http://127.0.0.1:{port}/to?{to}")))
            .await
    };
    assert_eq!(ask("/moved").await.unwrap().status, 204);
    let moved = receiver.got().pop().unwrap();
    assert_eq!(moved.path, "/moved");
    assert!(
        moved.header("x-jockey-signature-256").is_some(),
        "the same server"
    );

    let away = format!("http://127.0.0.1:{port_of_other}/there");
    assert_eq!(ask(&away).await.unwrap().status, 204);
    let got = other.got().remove(0);
    assert_eq!(got.header("x-jockey-signature-256"), None);
    assert_eq!(got.header("x-jockey-timestamp"), None);
    assert_eq!(got.header("x-jockey-delivery"), Some("job-7"));

    for (to, what) in [
        ("http://169.254.169.254/latest/", "cloud metadata"),
        ("http://[::1]:9/", "a loopback address"),
        ("http://127.0.0.2:9/", "a loopback address"),
    ] {
        let refused = ask(to).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden { .. }), "{refused}");
        assert!(refused.to_string().contains(what), "{to}: {refused}");
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let app = Router::new().fallback(move || {
        *counted.lock().unwrap() += 1;
        async { (StatusCode::FOUND, [(header::LOCATION, "/again")]) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let tired = notifier(LOCAL)
        .send(&message(format!("http://{at}/")))
        .await;
    let error = tired.unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 redirects more than 3 times");
    assert_eq!(*asked.lock().unwrap(), 4);
}

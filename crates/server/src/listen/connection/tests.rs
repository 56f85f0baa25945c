use super::*;
use axum::{
    body::Body,
    routing::{get, post},
};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::Notify,
    task::JoinHandle,
    time::Instant,
};

/// A connection, the task that serves it, when a slow call has begun, what ends it, and what stops the server.
struct Served {
    client: DuplexStream,
    task: JoinHandle<()>,
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
    stop: CancellationToken,
}

impl Served {
    fn new() -> Self {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, waits) = (Arc::clone(&begun), Arc::clone(&go_on));
        let slow = get(async move || {
            begins.notify_one();
            waits.notified().await;
            "slow"
        });
        let app = Router::new()
            .route("/", get(async || "quick"))
            .route("/streamed", get(async || Body::empty()))
            .route("/refused", post(async || "refused"))
            .route("/slow", slow);
        let stop = CancellationToken::new();
        let (client, server) = tokio::io::duplex(1 << 20);
        let task = tokio::spawn(Connections::new(app, stop.clone()).serve(server));
        Self {
            client,
            task,
            begun,
            go_on,
            stop,
        }
    }

    async fn says(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    /// What is heard up to `end`.
    async fn hears(&mut self, end: &str) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let mut byte = [0];
            if self.client.read(&mut byte).await.unwrap() == 0 {
                break;
            }
            heard.push(byte[0]);
        }
        String::from_utf8(heard).unwrap()
    }

    /// How long it takes until the connection is closed.
    async fn closes_after(mut self) -> Duration {
        let began = Instant::now();
        self.client.read_to_end(&mut Vec::new()).await.unwrap();
        self.task.await.unwrap();
        began.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_come_to_the_point_is_cut_off() {
    for said in [
        "",
        "GET / HT",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut served = Served::new();
        served.says(said).await;
        let took = served.closes_after().await;
        assert!(
            took <= FIRST_DEADLINE + Duration::from_secs(1),
            "{said:?} took {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_later_request_is_not_waited_for_for_ever_either() {
    let mut served = Served::new();
    served.says("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(served.hears("quick").await.contains("200 OK"));
    served.says("GET / HTTP/1.1\r\nhost:").await;
    let took = served.closes_after().await;
    assert!(took <= HEAD_DEADLINE + Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_longer_than_a_head() {
    let mut served = Served::new();
    served.says("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tokio::time::sleep(HEAD_DEADLINE * 10).await;
    served.go_on.notify_one();
    assert!(served.hears("slow").await.contains("200 OK"));
}

/// The body is written to its end before the answer is read, as clients do whose buffers have room.
#[tokio::test(start_paused = true)]
async fn what_is_refused_unread_leaves_the_connection_to_the_next_request() {
    let mut served = Served::new();
    let body = "x".repeat(2 << 20);
    let length = body.len();
    let head = format!("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    served.says(&(head + &body)).await;
    let first = served.hears("refused").await;
    assert!(
        first.contains("200 OK") && !first.contains("connection: close"),
        "{first}"
    );
    served.says("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(served.hears("quick").await.contains("200 OK"));
}

/// Nor is it closed without a word where more is left than anybody should have to read.
#[tokio::test(start_paused = true)]
async fn a_connection_on_which_too_much_is_left_unread_is_said_to_end() {
    for (length, sent) in [(1_u64 << 40, 1000), (2000, 1000)] {
        let mut served = Served::new();
        let head = format!("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        served.says(&(head + &"x".repeat(sent))).await;
        let answer = served.hears("refused").await;
        assert!(answer.contains("connection: close"), "{length}: {answer}");
        assert!(served.closes_after().await < FIRST_DEADLINE);
    }
}

/// A client of HTTP/2 that answers every ping.
async fn over_http2(
    client: DuplexStream,
) -> (
    hyper::client::conn::http2::SendRequest<Body>,
    JoinHandle<hyper::Result<()>>,
) {
    let made = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client));
    let (sender, connection) = made.await.unwrap();
    (sender, tokio::spawn(connection))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_and_asks_nothing_is_cut_off() {
    let served = Served::new();
    let (mut sender, client) = over_http2(served.client).await;
    let ask = |path: &str| http::Request::get(format!("http://x{path}")).body(Body::empty());
    let answer = sender.send_request(ask("/").unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer);
    // A call under way is none the worse for lasting longer.
    let slow = tokio::spawn(sender.send_request(ask("/slow").unwrap()));
    served.begun.notified().await;
    tokio::time::sleep(IDLE_DEADLINE * 3).await;
    served.go_on.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    let began = Instant::now();
    served.task.await.unwrap();
    let took = began.elapsed();
    assert!(
        took >= IDLE_DEADLINE && took <= IDLE_DEADLINE + Duration::from_secs(1),
        "{took:?}"
    );
    client.await.unwrap().ok();
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let mut served = Served::new();
    let large = "x".repeat(HEAD_MAX as usize);
    served
        .says(&format!(
            "GET / HTTP/1.1\r\nhost: x\r\nlarge: {large}\r\n\r\n"
        ))
        .await;
    let heard = served.hears("\r\n").await;
    assert!(heard.contains("431"), "{heard}");
}

#[tokio::test]
async fn so_is_one_of_too_many_headers() {
    for (more, want) in [(HEADERS_MAX - 1, "200 OK"), (HEADERS_MAX, "431")] {
        let mut served = Served::new();
        let headers: String = (0..more)
            .map(|number| format!("x-{number}: y\r\n"))
            .collect();
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        served.says(&head).await;
        let heard = served.hears("\r\n").await;
        assert!(heard.contains(want), "{more} more: {heard}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_over_http2_too() {
    let served = Served::new();
    let (mut sender, _client) = over_http2(served.client).await;
    for (kib, want) in [(31, 200), (33, 431), (1, 200)] {
        let large = "x".repeat(kib << 10);
        let request = http::Request::get("http://x/").header("large", large);
        let answer = sender.send_request(request.body(Body::empty()).unwrap());
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), want, "{kib} KiB");
    }
}

#[tokio::test]
async fn when_the_server_stops_a_call_under_way_is_finished_and_no_other_is_taken() {
    let mut served = Served::new();
    served.says("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    served.hears("quick").await;
    served.says("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    served.begun.notified().await;
    served.stop.cancel();
    served.go_on.notify_one();
    assert!(served.hears("slow").await.contains("200 OK"));
    served.closes_after().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_is_not_told_that_a_body_of_unknown_length_has_none() {
    let mut served = Served::new();
    for (path, length) in [("/", Some("content-length: 5")), ("/streamed", None)] {
        let asked = format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        served.says(&asked).await;
        let heard = served.hears("\r\n\r\n").await;
        let told = heard
            .lines()
            .find(|line| line.starts_with("content-length"));
        assert_eq!(told, length, "{heard}");
    }
}

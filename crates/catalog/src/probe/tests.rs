use super::*;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket},
};

/// A server that reads a request's head and answers this, for each connection. Lives as long as the test's runtime.
async fn serving(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, answer));
        }
    });
    address
}

async fn answer_one(stream: TcpStream, answer: &'static [u8]) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 2 {}
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert!(head.contains("user-agent: jockey/"), "{head}");
    stream.write_all(answer).await
}

/// Only a failure takes as long, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ask(address: SocketAddr, question: Question) -> Answer {
    let probe = Probe {
        address: address.ip().to_string(),
        port: address.port(),
        question,
        deadline: PATIENCE,
    };
    Probes.probe(&probe).await
}

fn path(path: &str) -> Question {
    Question::Http {
        path: path.to_owned(),
    }
}

/// A port on which nobody listens, nor anybody else may as long as it is held.
fn nobody() -> (TcpSocket, SocketAddr) {
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    (held, address)
}

#[tokio::test]
async fn a_status_of_200_to_399_is_yes() {
    let yes = |text: &str| Answer::Yes(text.to_owned());
    let no = |text: &str| Answer::No(text.to_owned());
    for (answer, want) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..],
            yes("GET /up?a=1 answered 200"),
        ),
        (
            b"HTTP/1.0 204 No Content\r\n\r\n",
            yes("GET /up?a=1 answered 204"),
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n",
            yes("GET /up?a=1 answered 302"),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n",
            no("GET /up?a=1 answered 404"),
        ),
        (
            b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
            no("GET /up?a=1 answered 503"),
        ),
        (
            b"",
            no("GET /up?a=1: the connection was closed without an answer"),
        ),
        (
            b"SSH-2.0-OpenSSH\r\n",
            no("GET /up?a=1: the answer is not HTTP"),
        ),
    ] {
        let address = serving(answer).await;
        assert_eq!(ask(address, path("/up?a=1")).await, want);
    }
}

#[tokio::test]
async fn a_page_without_an_end_is_not_waited_for() {
    let address = serving(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\nbeginning").await;
    let answer = ask(address, path("/")).await;
    assert_eq!(answer, Answer::Yes("GET / answered 200".to_owned()));
}

#[tokio::test]
async fn nobody_there_is_no() {
    let no = Answer::No("connection refused".to_owned());
    let (_held, address) = nobody();
    assert_eq!(ask(address, path("/")).await, no);
    assert_eq!(ask(address, Question::Tcp).await, no);
}

#[tokio::test]
async fn what_is_no_path_is_no() {
    let address = serving(b"").await;
    let answer = ask(address, path("a b")).await;
    assert_eq!(answer, Answer::No("`a b` is not a path".to_owned()));
}

#[tokio::test]
async fn who_says_nothing_in_time_answers_no() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = Probe {
        address: "127.0.0.1".to_owned(),
        port: silent.local_addr().unwrap().port(),
        question: path("/"),
        deadline: Duration::from_millis(30),
    };
    let answer = Probes.probe(&probe).await;
    assert_eq!(answer, Answer::No("no answer within 30ms".to_owned()));
}

#[tokio::test]
async fn a_connection_that_stays_open_is_yes() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answer = ask(silent.local_addr().unwrap(), Question::Tcp).await;
    assert_eq!(answer, Answer::Yes("accepts connections".to_owned()));
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_is_no() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { listener.accept().await.map(drop) });
    let answer = ask(address, Question::Tcp).await;
    assert_eq!(
        answer,
        Answer::No("the connection was closed at once".to_owned())
    );
}

#[tokio::test]
async fn one_connection_that_is_closed_late_makes_no_yes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let late = listener.accept().await.unwrap();
        while let Ok(at_once) = listener.accept().await {
            drop(at_once);
        }
        drop(late);
    });
    let answer = ask(address, Question::Tcp).await;
    let closed = "the connection was closed at once".to_owned();
    assert_eq!(answer, Answer::No(closed));
}

#[tokio::test]
async fn one_who_speaks_first_is_yes_without_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"220 ready\r\n").await
    });
    let answer = ask(address, Question::Tcp).await;
    assert_eq!(answer, Answer::Yes("accepts connections".to_owned()));
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_prober() {
    let (_held, nobody) = nobody();
    let ground = ports::prober::contract::Ground {
        prober: std::sync::Arc::new(Probes),
        address: "127.0.0.1".to_owned(),
        serving: serving(b"HTTP/1.1 200 OK\r\n\r\n").await.port(),
        failing: serving(b"HTTP/1.1 503 Busy\r\n\r\n").await.port(),
        nobody: nobody.port(),
    };
    ports::prober::contract::contract(&ground).await;
}

#[test]
fn a_wait_that_ends_late_is_no_sign_of_an_instance() {
    let [late, at_once] = [150, 101].map(Duration::from_millis);
    assert!(is_starved(late, STAYS_OPEN));
    assert!(!is_starved(at_once, STAYS_OPEN));
    // There is no time to wait again.
    assert!(!is_starved(late, STAYS_OPEN / 2));
}

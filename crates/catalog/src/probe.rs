//! Asking an instance whether it serves: by HTTP/1.1, or by a TCP connection.

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    Request, StatusCode, Uri,
    header::{ACCEPT, CONNECTION, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use ports::{
    Prober,
    prober::{Answer, Probe, Question},
};
use std::{io, time::Duration};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

/// How long a TCP connection has to stay open to count.
///
/// Docker's forwarder takes connections also when nobody listens behind it, then tries the container, and hangs up when
/// that refuses: within 1 ms on an idle machine. So this is how late it may be on a busy one before its connection is
/// taken for the instance's. With eight starts under way on two busy cores one of 700 connections was held for longer, up to
/// 200 ms; so a second one has to stay open as well, after the first. Both are paid for each yes of an instance that does
/// not speak first.
const STAYS_OPEN: Duration = Duration::from_millis(100);
/// By how much that wait may itself end late on a machine that is not starved. Where it ends later, the forwarder may not have
/// had its turn either, and is given the time again.
const LATE: Duration = Duration::from_millis(10);
/// The most of a page that is read, in bytes, and for how long, so that a small one does not end in a reset.
const PAGE_MAX: usize = 16 * 1024;
const PAGE_WAIT: Duration = Duration::from_millis(20);
const AGENT: &str = concat!("jockey/", env!("CARGO_PKG_VERSION"));

/// Asks over connections of their own, which tell more than those that were open before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Probes;

#[async_trait]
impl Prober for Probes {
    async fn probe(&self, probe: &Probe) -> Answer {
        let until = Instant::now() + probe.deadline;
        let asked = async {
            let stream = match connect(probe).await {
                Ok(stream) => stream,
                Err(error) => return Answer::No(words(&error)),
            };
            match &probe.question {
                Question::Http { path } => get(stream, probe, path).await,
                Question::Tcp => accepts(stream, probe, until).await,
            }
        };
        let answer = timeout_at(until, asked).await;
        answer.unwrap_or_else(|_| Answer::No(format!("no answer within {:?}", probe.deadline)))
    }
}

async fn connect(probe: &Probe) -> io::Result<TcpStream> {
    TcpStream::connect((probe.address.as_str(), probe.port)).await
}

/// Whether its connections stay open: this one, and another after it.
async fn accepts(first: TcpStream, probe: &Probe, until: Instant) -> Answer {
    let held = match stays_open(first, until).await {
        Held::Silent => match connect(probe).await {
            Ok(second) => stays_open(second, until).await,
            Err(error) => Held::HungUp(words(&error)),
        },
        held => held,
    };
    match held {
        Held::Spoke | Held::Silent => Answer::Yes("accepts connections".to_owned()),
        Held::HungUp(why) => Answer::No(why),
    }
}

/// What came of a connection in its first moments.
enum Held {
    /// Its other end said something: that is the instance.
    Spoke,
    /// It is open, and nothing came.
    Silent,
    HungUp(String),
}

async fn stays_open(mut stream: TcpStream, until: Instant) -> Held {
    let mut byte = [0];
    loop {
        let began = Instant::now();
        // A deadline that is shorter still gets an answer before it.
        let wait = STAYS_OPEN.min(until.saturating_duration_since(began) / 2);
        match timeout(wait, stream.read(&mut byte)).await {
            Err(_) if is_starved(began.elapsed(), wait) => {}
            Err(_) => return Held::Silent,
            Ok(Ok(1..)) => return Held::Spoke,
            Ok(Ok(0)) => return Held::HungUp("the connection was closed at once".to_owned()),
            Ok(Err(error)) => return Held::HungUp(words(&error)),
        }
    }
}

/// Whether a wait took so much longer than it should that others have waited for the processor as well.
fn is_starved(took: Duration, wait: Duration) -> bool {
    wait == STAYS_OPEN && took > wait + LATE
}

async fn get(stream: TcpStream, probe: &Probe, path: &str) -> Answer {
    let Ok(uri) = path.parse::<Uri>() else {
        return Answer::No(format!("`{path}` is not a path"));
    };
    let request = Request::get(uri)
        .header(HOST, authority(probe))
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let Ok(request) = request else {
        return Answer::No(format!("`{path}` is not a path"));
    };
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let asking = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            // The status is the answer, whatever becomes of the page.
            let _page_is_over = timeout(PAGE_WAIT, skim(response.into_body())).await;
            Ok::<_, hyper::Error>(status)
        };
        tokio::pin!(asking);
        tokio::select! {
            biased;
            status = &mut asking => status,
            // The connection may end first; what it read is still to be had.
            _ = connection => asking.await,
        }
    };
    match exchange.await {
        Ok(status) if is_yes(status) => {
            Answer::Yes(format!("GET {path} answered {}", status.as_u16()))
        }
        Ok(status) => Answer::No(format!("GET {path} answered {}", status.as_u16())),
        Err(error) => Answer::No(format!("GET {path}: {}", http_words(&error))),
    }
}

fn is_yes(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// Reads a small page to its end.
async fn skim(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > PAGE_MAX {
            return;
        }
    }
}

/// `127.0.0.1:80`, `[::1]:80`.
fn authority(probe: &Probe) -> String {
    if probe.address.contains(':') {
        format!("[{}]:{}", probe.address, probe.port)
    } else {
        format!("{}:{}", probe.address, probe.port)
    }
}

fn http_words(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    match cause {
        Some(cause) => words(cause),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            "the connection was closed without an answer".to_owned()
        }
        None if error.is_parse() => "the answer is not HTTP".to_owned(),
        None => error.to_string(),
    }
}

/// The kernel's words without its numbers.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route to the network".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;

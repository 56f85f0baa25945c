//! A server on loopback that is told what happens.

use crate::harness::PATIENCE;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// Answers each path with what was set for it, then with 200. Ends with the process: it holds nothing.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            got: Arc::default(),
            answers: Arc::default(),
        };
        let serving = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.answer(stream);
            }
        });
        receiver
    }

    /// What comes next at this path is answered so, the last of these first.
    pub(super) fn set(&self, path: &str, answers: &[&str]) {
        let answers = answers.iter().map(ToString::to_string).collect();
        self.answers
            .lock()
            .unwrap()
            .insert(path.to_owned(), answers);
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let next = self
            .answers
            .lock()
            .unwrap()
            .get_mut(&path)
            .and_then(Vec::pop);
        self.got.lock().unwrap().push(Got {
            path,
            headers,
            body,
        });
        let answer = next.unwrap_or_else(|| "200 OK".to_owned());
        write!(
            stream,
            "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
    }

    pub(super) fn at(&self, path: &str) -> Vec<Got> {
        let got = self.got.lock().unwrap();
        got.iter().filter(|got| got.path == path).cloned().collect()
    }

    pub(super) fn until(&self, path: &str, count: usize) -> Vec<Got> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let got = self.at(path);
            if got.len() >= count {
                return got;
            }
            assert!(Instant::now() < deadline, "{path}: {got:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Got {
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:#?}"))
    }

    #[track_caller]
    pub(super) fn is_signed_with(&self, secret: &str) {
        let seconds: i64 = self.header("x-jockey-timestamp").parse().unwrap();
        let want = notifier::signature(secret.as_bytes(), seconds, self.body.as_bytes());
        assert_eq!(self.header("x-jockey-signature-256"), want);
    }
}

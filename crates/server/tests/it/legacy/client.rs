//! A plain HTTP client, and the server that these tests share.

use crate::harness::{Jockeyd, PATIENCE, change};
use anyhow::Context;
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};
use testkit::git::Repository;

/// What a form is.
const FORM: &str = "application/x-www-form-urlencoded";

/// A server, and how it is reached.
pub(super) struct Server {
    pub(super) jockeyd: Jockeyd,
    address: String,
    admin: String,
}

/// What the server has answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(super) text: String,
}

/// One request, to be sent.
pub(super) struct Ask<'a> {
    server: &'a Server,
    method: &'a str,
    path: String,
    token: Option<String>,
    /// Whom a proxy names, where the server trusts this machine as one.
    address: Option<String>,
    body: Option<(&'a str, String)>,
}

/// The server that every test shares which does not mind the others. It ends with the last of them.
pub(super) fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    share(&SHARED)
}

/// The one that those share whose builds do not end: elsewhere they would take the places of those that do.
pub(super) fn busy() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    share(&SHARED)
}

fn share(known: &Mutex<Weak<Server>>) -> Arc<Server> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = known.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start().unwrap());
    *known = Arc::downgrade(&server);
    server
}

impl Server {
    /// A server of its own.
    pub(super) fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub(super) fn start_with(extra: &[&str]) -> anyhow::Result<Self> {
        let mut jockeyd = Jockeyd::prepare(extra)?;
        let url = jockeyd.launch()?;
        let admin = std::fs::read_to_string(jockeyd.file("admin-token"))?;
        Ok(Self {
            address: url.trim_start_matches("http://").to_owned(),
            admin: admin.trim().to_owned(),
            jockeyd,
        })
    }

    /// The administrator's token.
    pub(super) fn admin(&self) -> &str {
        &self.admin
    }

    /// Another token of this role.
    pub(super) fn token(&self, role: &str, name: &str) -> String {
        self.token_with(&["--role", role, "--name", name])
    }

    /// Another token, of which the command line says more.
    pub(super) fn token_with(&self, words: &[&str]) -> String {
        let made = Command::new(env!("CARGO_BIN_EXE_jockeyd"))
            .args(["token", "create"])
            .args(words)
            .arg("--state-dir")
            .arg(self.jockeyd.state())
            .args(self.jockeyd.database_flag())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// A request with the administrator's token in its header.
    pub(super) fn ask<'a>(&'a self, method: &'a str, path: &str) -> Ask<'a> {
        Ask {
            server: self,
            method,
            path: path.to_owned(),
            token: Some(self.admin.clone()),
            address: None,
            body: None,
        }
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }

    pub(super) fn post(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path).form(form).send()
    }

    pub(super) fn put(&self, path: &str, form: &str) -> Answer {
        self.ask("PUT", path).form(form).send()
    }

    pub(super) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path).send()
    }

    /// An App of an empty repository, and what the server says of it.
    pub(super) fn app(&self, name: &str) -> Value {
        let form = format!("name={name}&repo=example/{name}");
        self.post("/apps", &form).is(200)["data"].clone()
    }

    /// An App whose repository holds these files, with its first commit.
    pub(super) fn app_of(&self, name: &str, files: &[(&str, &str)]) -> (Repository, String) {
        let repository = self.jockeyd.repositories.create(&format!("example/{name}"));
        let repository = repository.unwrap();
        let commit = repository.commit(&change("first", files)).unwrap();
        self.app(name);
        (repository, commit)
    }

    /// The Worker `web` of an App in `development`.
    pub(super) fn web(&self, app: &str) -> Value {
        let path = format!("/workers?app={app}&environment=development&worker=web");
        self.get(&path).is(200)["data"][0].clone()
    }

    /// Deploys a commit in `development`, and waits for its end.
    pub(super) fn deployed(&self, app: &str, commit: &str) -> Value {
        let form = format!("app={app}&environment=development&rref={commit}");
        let made = self.post("/deploys", &form).is(202)["data"].clone();
        self.ended("deploys", made["id"].as_str().unwrap())
    }

    /// The record once it has an end, as an old client waits for it.
    pub(super) fn ended(&self, records: &str, id: &str) -> Value {
        let ends = ["deployed", "failed", "stopped", "completed"];
        let path = format!("/{records}/{id}");
        self.until(&path, |found| {
            ends.contains(&found["data"]["state"].as_str().unwrap())
        })["data"]
            .clone()
    }

    /// Asks again until the answer is as a condition says.
    pub(super) fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(path).is(200);
            if is_so(&found) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "{found:#}\n{}",
                self.jockeyd.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Ask<'_> {
    pub(super) fn token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    pub(super) fn without_token(self) -> Self {
        Self {
            token: None,
            ..self
        }
    }

    /// As if it came from there, to a server that trusts this machine as a proxy.
    pub(super) fn from(self, address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            ..self
        }
    }

    pub(super) fn form(self, form: &str) -> Self {
        Self {
            body: Some((FORM, form.to_owned())),
            ..self
        }
    }

    pub(super) fn json(self, json: &Value) -> Self {
        self.body("application/json", &json.to_string())
    }

    pub(super) fn body(mut self, kind: &'static str, text: &str) -> Self {
        self.body = Some((kind, text.to_owned()));
        self
    }

    /// Sends it. HTTP 1.0: the answer ends with the connection.
    pub(super) fn send(self) -> Answer {
        let mut head = format!(
            "{} {} HTTP/1.0\r\nHost: {}\r\nAccept: */*\r\nUser-Agent: Ruby\r\n",
            self.method, self.path, self.server.address
        );
        if let Some(token) = &self.token {
            write!(head, "Authorization: Bearer {token}\r\n").unwrap();
        }
        if let Some(address) = &self.address {
            write!(head, "X-Forwarded-For: {address}\r\n").unwrap();
        }
        let (kind, body) = self.body.unwrap_or((FORM, String::new()));
        if !body.is_empty() {
            write!(
                head,
                "Content-Type: {kind}\r\nContent-Length: {}\r\n",
                body.len()
            )
            .unwrap();
        }
        let whole = format!("{head}\r\n{body}");
        exchange(&self.server.address, &whole).unwrap()
    }
}

fn exchange(address: &str, request: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("an answer without an end of its head")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Answer {
        status: status.context("an answer without a status")?.parse()?,
        headers: headers.collect(),
        text: body.to_owned(),
    })
}

impl Answer {
    /// The JSON of an answer with this status. Every answer is a JSON object, and says so.
    #[track_caller]
    pub(super) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            Some("application/json; charset=utf-8")
        );
        let json: Value = serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text));
        assert!(json.is_object(), "{json}");
        json
    }

    /// An error in its envelope.
    #[track_caller]
    pub(super) fn refuses(&self, status: u16, code: &str, message: &str) {
        let json = self.is(status);
        assert_eq!(
            (&json["error"]["code"], &json["error"]["message"]),
            (&Value::from(code), &Value::from(message)),
            "{json}"
        );
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The names of an object's fields, in their order.
#[track_caller]
pub(super) fn fields(text: &str, of: &str) -> Vec<String> {
    // `serde_json` sorts keys; what is asserted here is their order on the wire.
    let begin = text.find(of).unwrap_or_else(|| panic!("no {of} in {text}")) + of.len();
    let mut depth = 0;
    let mut names = Vec::new();
    let mut letters = text[begin..].char_indices();
    let mut name = None;
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let rest = &text[begin + at + 1..];
                let end = rest.find('"').unwrap();
                if depth == 1 && rest[end + 1..].starts_with(':') {
                    name = Some(rest[..end].to_owned());
                }
                for _ in 0..=rest[..end].chars().count() {
                    letters.next();
                }
            }
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    return names;
                }
            }
            _ => {}
        }
        names.extend(name.take());
    }
    names
}

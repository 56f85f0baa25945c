//! Messages that nobody gets.

use super::lock;
use async_trait::async_trait;
use domain::reach::{Reach, is_number};
use ports::notifier::{Answered, Error, Message};
use secrecy::ExposeSecret;
use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::Mutex,
    time::Duration,
};

/// Keeps what was sent, and answers what it was told to; 200 when it was told nothing.
#[derive(Default)]
pub struct Notifier {
    reach: Reach,
    answers: Mutex<VecDeque<Result<Answered, Error>>>,
    sent: Mutex<Vec<Message>>,
    /// Hosts that answer otherwise, each time.
    hosts: Mutex<BTreeMap<String, Host>>,
}

/// How a host answers that does not do so well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    Silent,
    Broken,
}

/// How long a real one waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Notifier {
    /// From now on this host takes messages and says nothing.
    pub fn silence(&self, host: &str) {
        lock(&self.hosts).insert(host.to_owned(), Host::Silent);
    }

    /// From now on this host answers every message with 500.
    pub fn break_down(&self, host: &str) {
        lock(&self.hosts).insert(host.to_owned(), Host::Broken);
    }

    /// Answers the next message so, after those that have an answer already.
    pub fn answer(&self, answer: Result<Answered, Error>) {
        lock(&self.answers).push_back(answer);
    }

    /// Answers the next message with this status.
    pub fn answer_with(&self, status: u16) {
        self.answer(Ok(Answered {
            status,
            retry_after: None,
        }));
    }

    /// What was sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        lock(&self.sent).clone()
    }
}

#[async_trait]
impl ports::Notifier for Notifier {
    fn check(&self, url: &str) -> Result<(), Error> {
        let bad = || Error::BadUrl("the address is none; write it as https://host/path".to_owned());
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))
            .ok_or_else(bad)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            Some(_) | None => authority,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => match self.reach.forbids(address) {
                Some(inside) => Err(Error::Forbidden {
                    host: host.to_owned(),
                    what: inside.to_string(),
                }),
                None => Ok(()),
            },
            Err(_) if bare.is_empty() || is_number(bare) => Err(bad()),
            Err(_) => Ok(()),
        }
    }

    async fn send(&self, message: &Message) -> Result<Answered, Error> {
        self.check(message.url.expose_secret())?;
        lock(&self.sent).push(message.clone());
        let url = message.url.expose_secret();
        let host = url.split('/').nth(2).unwrap_or_default().to_owned();
        let bad = lock(&self.hosts).get(&host).copied();
        match bad {
            Some(Host::Silent) => {
                tokio::time::sleep(PATIENCE).await;
                let within = PATIENCE;
                return Err(Error::TooSlow { host, within });
            }
            Some(Host::Broken) => {
                return Ok(Answered {
                    status: 500,
                    retry_after: None,
                });
            }
            None => {}
        }
        let answer = lock(&self.answers).pop_front();
        answer.unwrap_or(Ok(Answered {
            status: 200,
            retry_after: None,
        }))
    }
}

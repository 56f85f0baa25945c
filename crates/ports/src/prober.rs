//! Asks an instance, from outside, whether it serves.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use std::time::Duration;

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// `GET` of this path: a status of 200 to 399 is yes.
    Http { path: String },
    /// A TCP connection that is accepted, and not closed at once by a forwarder with nobody behind it, is yes.
    Tcp,
}

/// Where and how to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Host name or IP address.
    pub address: String,
    pub port: u16,
    pub question: Question,
    /// An answer that takes longer is no.
    pub deadline: Duration,
}

/// The answer. The sentence says what was seen: `GET / answered 200`, `connection refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Yes(String),
    No(String),
}

/// Asks instances whether they serve.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks once. Cannot fail: not to get an answer is an answer.
    async fn probe(&self, probe: &Probe) -> Answer;
}

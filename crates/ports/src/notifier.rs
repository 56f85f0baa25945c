//! Telling others: a message to an address that a user gave.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use secrecy::SecretString;
use std::time::Duration;

/// A message to be sent once. What is said of it in an error never holds the address, which may be a secret itself.
#[derive(Debug, Clone)]
pub struct Message {
    /// `http://…` or `https://…`.
    pub url: SecretString,
    pub content_type: &'static str,
    pub body: Bytes,
    /// What it is signed with. None: it is not signed.
    pub secret: Option<SecretString>,
    /// The same for each time that one message is sent, so that a receiver knows it again.
    pub delivery: String,
    /// When it is sent. Part of what is signed.
    pub at: Timestamp,
}

/// What the receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The status of HTTP.
    pub status: u16,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Never to be called, in words that say what is wrong with it.
    #[error("{0}")]
    BadUrl(String),
    /// It leads to where nobody from outside may call.
    #[error(
        "{host} is not called: it is {what}; whoever runs the server may allow it by --callback-allow"
    )]
    Forbidden { host: String, what: String },
    #[error("{host} has no address: {why}")]
    Unknown { host: String, why: String },
    #[error("{host} does not answer: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} did not answer within {} s", .within.as_secs())]
    TooSlow { host: String, within: Duration },
    #[error("{host} redirects more than {most} times")]
    TooManyRedirects { host: String, most: u8 },
}

impl Error {
    /// Whether the same message may arrive later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::BadUrl(_) | Self::Forbidden { .. } => false,
            Self::Unknown { .. }
            | Self::Unreachable { .. }
            | Self::TooSlow { .. }
            | Self::TooManyRedirects { .. } => true,
        }
    }
}

/// Sends messages to where users want them.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Looks whether an address could be called, as far as that can be said without asking anybody.
    ///
    /// # Errors
    /// `BadUrl`, and `Forbidden` where the host is an address.
    fn check(&self, url: &str) -> Result<(), Error>;

    /// Sends a message and waits for the answer, whatever it is.
    ///
    /// # Errors
    /// When there is none, or the address may not be called.
    async fn send(&self, message: &Message) -> Result<Answered, Error>;
}

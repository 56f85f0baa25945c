//! How a person signs in: OAuth by device code, for a terminal, and by redirect, for a browser.
//!
//! Both end with a token of the person's. What to do with it is `Directory`'s to tell.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use domain::Timestamp;
use secrecy::SecretString;
use std::time::Duration;

/// What signing in can end with instead. No text holds a code, a verifier or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server was not told which OAuth App it is, or not its secret, which a browser's way needs.
    #[error("signing in by GitHub is not configured: {missing} is missing")]
    NotConfigured { missing: &'static str },
    /// The code is wrong, was used before, is older than ten minutes, or its verifier does not fit. Begin again.
    #[error("GitHub does not take the code; begin again")]
    BadCode,
    /// The OAuth App is not set up for this. `reason` is GitHub's word: `device_flow_disabled`.
    #[error("GitHub refuses to sign anybody in here: {reason}; see the settings of the OAuth App")]
    Refused { reason: String },
    /// A browser came back from GitHub without a code. `said`: why, in GitHub's words.
    #[error("GitHub says `{said}`")]
    SentBack { why: SentBack, said: String },
    /// Too much was asked. Worth a retry, but not before `until`.
    #[error("GitHub answers no more until {until}: its rate limit is used up")]
    RateLimited { until: Timestamp },
    /// Worth a retry.
    #[error("GitHub does not answer: {detail}")]
    NotReachable { detail: String },
}

/// Why a browser comes back from GitHub without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentBack {
    /// The person said no.
    Denied,
    /// This address is not below the one that the OAuth App has on record.
    WrongRedirect { redirect: String },
    /// GitHub has suspended the OAuth App.
    Suspended,
    /// By a word that is not known here.
    Other,
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::NotReachable { .. } => true,
            Self::NotConfigured { .. }
            | Self::BadCode
            | Self::Refused { .. }
            | Self::SentBack { .. } => false,
        }
    }
}

/// A sign-in by device that has begun.
#[derive(Debug, Clone)]
pub struct DeviceCode {
    /// With which to ask for the outcome. Secret: whoever has it gets the token.
    pub device_code: SecretString,
    /// What the person types: `WDJB-MJHT`.
    pub user_code: String,
    /// Where they type it.
    pub verification_address: String,
    /// How long both codes are good. GitHub: 15 min.
    pub expires_in: Duration,
    /// The least time between two questions. GitHub: 5 s.
    pub interval: Duration,
}

/// How a sign-in by device stands.
#[derive(Debug, Clone)]
pub enum DeviceAnswer {
    /// The person has not answered. Ask again after the interval.
    Pending,
    /// Asked too soon. From now on wait this long between questions.
    SlowDown { interval: Duration },
    /// The codes are too old, or were used. Begin again.
    Expired,
    /// The person said no.
    Denied,
    /// The person said yes. This is their token, given once.
    Granted(SecretString),
}

/// A sign-in by a browser that is about to begin. Who calls keeps it until the browser comes back.
#[derive(Debug, Clone)]
pub struct WebSignIn {
    /// Random, and bound to the browser: what comes back with another is a forgery.
    pub state: SecretString,
    /// The verifier of PKCE (RFC 7636): 43 to 128 random characters of `A-Za-z0-9-._~`. Never leaves the server before
    /// the exchange; only its hash is in the address.
    pub verifier: SecretString,
    /// Where the browser comes back to: below the address that the OAuth App has on record.
    pub redirect: String,
}

/// Signs people in.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// Begins a sign-in by device.
    ///
    /// # Errors
    /// `NotConfigured`, `Refused`, `RateLimited`, `NotReachable`.
    async fn start_device(&self) -> Result<DeviceCode, Error>;

    /// Asks once how it stands. Who calls waits between questions.
    ///
    /// # Errors
    /// `BadCode` for a code that was never given out; `NotConfigured`, `Refused`, `RateLimited`, `NotReachable`.
    async fn poll_device(&self, device_code: &SecretString) -> Result<DeviceAnswer, Error>;

    /// The address to send a browser to.
    ///
    /// # Errors
    /// `NotConfigured`.
    fn authorise_address(&self, begun: &WebSignIn) -> Result<String, Error>;

    /// Turns the code that a browser came back with into the person's token. A code is good once.
    ///
    /// # Errors
    /// `BadCode`, `NotConfigured`, `Refused`, `RateLimited`, `NotReachable`.
    async fn exchange(&self, code: &SecretString, begun: &WebSignIn)
    -> Result<SecretString, Error>;
}

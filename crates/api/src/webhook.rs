//! Deliveries of GitHub's webhooks: whether one is genuine, and what it says. Anybody can send one, so that nothing of it
//! is read before its signature fits.

use crate::status::Refusal;
use domain::HostEvent;
use github::webhook::{self, Accepted, BadPayload, BadSignature, Signatures};
use secrecy::SecretString;

/// The types of bodies that GitHub sends.
const TYPES: [&str; 2] = ["application/json", "application/x-www-form-urlencoded"];

/// A delivery as it came.
pub(crate) struct Delivery<'a> {
    pub(crate) event: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) sha256: &'a str,
    pub(crate) sha1: &'a str,
}

impl Delivery<'_> {
    /// Goes on when the signature fits.
    ///
    /// # Errors
    /// `BadSignature`.
    pub(crate) fn check(
        &self,
        secret: Option<&SecretString>,
        accepted: Accepted,
    ) -> Result<(), BadSignature> {
        let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let signatures = Signatures {
            sha256: some(self.sha256),
            sha1: some(self.sha1),
        };
        let secret = secret.ok_or(BadSignature::NoSecret)?;
        webhook::check(secret, self.body, signatures, accepted)
    }

    /// What it says. Only of one whose signature fits.
    ///
    /// # Errors
    /// `Field` for another type of body, `Payload` for a body that GitHub would not have written.
    pub(crate) fn read(&self) -> Result<HostEvent, Refusal> {
        let essence = self.content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        if !TYPES.contains(&essence.as_str()) {
            let problem = format!(
                "a delivery is application/json, and this one is `{}`; set the content type of the hook so",
                self.content_type
            );
            return Err(Refusal::field("content-type", problem));
        }
        if self.event.is_empty() {
            return Err(Refusal::field(
                "x-github-event",
                "the delivery does not say its event",
            ));
        }
        let json = webhook::json(&essence, self.body)?;
        Ok(webhook::parse(self.event, &json)?)
    }

    /// The body as it is kept. GitHub writes UTF-8.
    pub(crate) fn kept(&self) -> SecretString {
        SecretString::from(String::from_utf8_lossy(self.body).into_owned())
    }
}

impl From<BadPayload> for Refusal {
    fn from(error: BadPayload) -> Self {
        Self::Payload(error)
    }
}

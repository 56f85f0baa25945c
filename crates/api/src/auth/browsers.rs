//! Sign-ins by a browser. The browser has a ticket, out of which comes what GitHub's answer needs: so the sign-in may end
//! at another server than where it began, and who has another's answer has no use for it without their ticket.

use super::Sessions;
use crate::{
    secret::{NewSecret, sha256},
    status::Refusal,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::{
    SignIn,
    sign_in::{Error, WebSignIn},
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// How long a person may take at GitHub: as long as its codes are good.
pub(crate) const LIVES: Duration = Duration::from_secs(10 * 60);
/// What such a ticket is for.
const BROWSER: &str = "browser";

/// Begins sign-ins, and ends them.
pub(crate) struct Browsers {
    sign_in: Arc<dyn SignIn>,
    /// Where browsers come back to. None: nobody has said.
    redirect: Option<String>,
}

/// A sign-in that has begun.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) address: String,
    /// What it shows when it comes back.
    pub(crate) ticket: SecretString,
}

impl Browsers {
    pub(crate) fn new(sign_in: Arc<dyn SignIn>, redirect: Option<String>) -> Self {
        Self { sign_in, redirect }
    }

    /// The same, that come back to another address.
    pub(crate) fn coming_back_to(self, redirect: String) -> Self {
        Self {
            redirect: Some(redirect),
            ..self
        }
    }

    /// # Errors
    /// `SignIn`: `NotConfigured`; those of the database.
    pub(crate) async fn begin(&self, sessions: &Sessions) -> Result<Begun, Refusal> {
        let random = NewSecret::random();
        let ticket = sessions.ticket(BROWSER, random.expose(), LIVES).await?;
        let web = self.of(ticket.expose_secret())?;
        let address = self.sign_in.authorise_address(&web)?;
        Ok(Begun { address, ticket })
    }

    /// The token of the person who has come back. The code is good once, which GitHub sees to.
    ///
    /// # Errors
    /// `SignIn`: `BadCode` for a ticket that is none of this installation's or too old, and for a state that is not its
    /// own; those of the database.
    pub(crate) async fn finish(
        &self,
        sessions: &Sessions,
        ticket: &str,
        state: &str,
        code: SecretString,
    ) -> Result<SecretString, Refusal> {
        let is_ours = sessions.shown(BROWSER, ticket).await?.is_some();
        let web = self.of(ticket)?;
        // Hashes, so that the time it takes tells nothing of the state.
        let own = sha256(web.state.expose_secret().as_bytes());
        if !is_ours || own != sha256(state.as_bytes()) {
            return Err(Error::BadCode.into());
        }
        Ok(self.sign_in.exchange(&code, &web).await?)
    }

    /// What belongs to a ticket. Neither the state, which GitHub and whoever sees the address learn, nor the hash of the
    /// verifier leads to the other.
    fn of(&self, ticket: &str) -> Result<WebSignIn, Error> {
        let redirect = self.redirect.clone();
        let redirect = redirect.ok_or(Error::NotConfigured {
            missing: "the server's --public-url",
        })?;
        let derived = |what: &str| {
            let hash = sha256(format!("{what} of {ticket}").as_bytes());
            SecretString::from(URL_SAFE_NO_PAD.encode(hash))
        };
        Ok(WebSignIn {
            state: derived("state"),
            verifier: derived("verifier"),
            redirect,
        })
    }
}

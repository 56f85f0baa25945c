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
    sign_in::{Error, SentBack, WebSignIn},
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// How long a person may take at GitHub: as long as its codes are good.
pub(crate) const LIVES: Duration = Duration::from_secs(10 * 60);
/// What such a ticket is for.
const BROWSER: &str = "browser";
/// The most characters of GitHub's words that are told.
const SAID_MAX: usize = 200;
/// The longest word of an error that is told.
const WORD_MAX: usize = 64;

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

/// With what a browser comes back, besides its state.
pub(crate) enum Came {
    Code(SecretString),
    /// The word of an error, and what GitHub says of it.
    Error {
        word: String,
        description: String,
    },
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
    /// own; `SentBack`; those of the database.
    pub(crate) async fn finish(
        &self,
        sessions: &Sessions,
        ticket: &str,
        state: &str,
        came: Came,
    ) -> Result<SecretString, Refusal> {
        let is_ours = sessions.shown(BROWSER, ticket).await?.is_some();
        let web = self.of(ticket)?;
        // A callback URL that is wrong at GitHub leads to another name of the server, for which the browser has no ticket.
        if let Came::Error { word, .. } = &came
            && (ticket.is_empty() || state.is_empty())
        {
            return Err(sent_back_by_anybody(word, web.redirect).into());
        }
        // Hashes, so that the time it takes tells nothing of the state.
        let own = sha256(web.state.expose_secret().as_bytes());
        if !is_ours || own != sha256(state.as_bytes()) {
            return Err(Error::BadCode.into());
        }
        match came {
            Came::Code(code) => Ok(self.sign_in.exchange(&code, &web).await?),
            Came::Error { word, description } => {
                let said = said(&word, &description);
                let why = why(&word, web.redirect);
                Err(Error::SentBack { why, said }.into())
            }
        }
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

/// What an error comes to that no state vouches for. Whoever leads a browser here may have made it up: nothing of theirs
/// is shown but a word that is known.
fn sent_back_by_anybody(word: &str, redirect: String) -> Error {
    match why(word, redirect) {
        SentBack::Other => Error::BadCode,
        why @ (SentBack::Denied | SentBack::WrongRedirect { .. } | SentBack::Suspended) => {
            let said = word.to_owned();
            Error::SentBack { why, said }
        }
    }
}

fn why(word: &str, redirect: String) -> SentBack {
    match word {
        "access_denied" => SentBack::Denied,
        "redirect_uri_mismatch" => SentBack::WrongRedirect { redirect },
        "application_suspended" => SentBack::Suspended,
        _ => SentBack::Other,
    }
}

/// What GitHub says, and the word by which it is looked up.
fn said(word: &str, description: &str) -> String {
    let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let word = match word.len() <= WORD_MAX && is_word(word) {
        true => word,
        false => "?",
    };
    let words: String = description.chars().take(SAID_MAX).collect();
    // The sentence goes on.
    match words.trim().trim_end_matches('.') {
        "" => word.to_owned(),
        words => format!("{words} ({word})"),
    }
}

//! Sign-ins by a browser that have begun here. What GitHub's answer needs is kept here and not in the browser, which has
//! but a ticket for it: who has another's answer has no use for it.

use crate::{
    secret::{self, NewSecret},
    status::{Refusal, Stranger},
};
use ports::{
    SignIn,
    sign_in::{Error, WebSignIn},
    store::tokens::TokenHash,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a person may take at GitHub: as long as its codes are good.
pub(crate) const LIVES: Duration = Duration::from_secs(10 * 60);
/// How many may begin in a minute. Anybody may begin one, so that this bounds what is kept: some 3,000.
const BEGUN_A_MINUTE: u32 = 300;
const MINUTE: Duration = Duration::from_secs(60);

/// Begins sign-ins, and ends them.
pub(crate) struct Browsers {
    sign_in: Arc<dyn SignIn>,
    /// Where browsers come back to. None: nobody has said.
    redirect: Option<String>,
    state: Mutex<State>,
}

/// A sign-in that has begun.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) address: String,
    /// What it shows when it comes back.
    pub(crate) ticket: SecretString,
}

#[derive(Default)]
struct State {
    /// Each until when it is good, by the hash of its ticket.
    begun: BTreeMap<TokenHash, (WebSignIn, Instant)>,
    /// Since when they are counted, and how many there were.
    count: Option<(Instant, u32)>,
}

impl Browsers {
    pub(crate) fn new(sign_in: Arc<dyn SignIn>, redirect: Option<String>) -> Self {
        Self {
            sign_in,
            redirect,
            state: Mutex::default(),
        }
    }

    /// The same, that come back to another address.
    pub(crate) fn coming_back_to(self, redirect: String) -> Self {
        Self {
            redirect: Some(redirect),
            ..self
        }
    }

    /// # Errors
    /// `TooManyStrangers`, `SignIn`: `NotConfigured`.
    pub(crate) fn begin(&self) -> Result<Begun, Refusal> {
        let redirect = self.redirect.clone();
        let redirect = redirect.ok_or(Error::NotConfigured {
            missing: "the server's --public-url",
        })?;
        let web = WebSignIn {
            state: random(),
            verifier: random(),
            redirect,
        };
        let address = self.sign_in.authorise_address(&web)?;
        let ticket = random();
        let hash = secret::hash(ticket.expose_secret());
        let now = Instant::now();
        let mut state = self.state();
        if !state.may_begin(now) {
            return Err(Stranger::TooManyStrangers.into());
        }
        state.begun.insert(hash, (web, now + LIVES));
        Ok(Begun { address, ticket })
    }

    /// The token of the person who has come back, whose ticket is good once.
    ///
    /// # Errors
    /// `SignIn`: `BadCode` for a ticket that is not from here, and for a state that is not its own.
    pub(crate) async fn finish(
        &self,
        ticket: &str,
        state: &str,
        code: SecretString,
    ) -> Result<SecretString, Refusal> {
        let begun = self.state().begun.remove(&secret::hash(ticket));
        let good = begun.filter(|(web, until)| {
            // Hashes, so that the time it takes tells nothing of the state.
            let own = secret::hash(web.state.expose_secret());
            Instant::now() < *until && own == secret::hash(state)
        });
        let (web, _) = good.ok_or(Error::BadCode)?;
        Ok(self.sign_in.exchange(&code, &web).await?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_begin(&mut self, now: Instant) -> bool {
        self.begun.retain(|_, (_, until)| now < *until);
        let (since, count) = match self.count {
            Some((since, count)) if now - since < MINUTE => (since, count),
            Some(_) | None => (now, 0),
        };
        self.count = Some((since, count.saturating_add(1)));
        count < BEGUN_A_MINUTE
    }
}

/// 256 random bits as 47 letters, which PKCE takes for a verifier.
fn random() -> SecretString {
    SecretString::from(NewSecret::random().expose().to_owned())
}

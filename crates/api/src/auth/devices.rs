//! Sign-ins by device that have begun here. Anybody may begin one, so there are few, and GitHub is not asked about codes
//! that it never gave out.

use crate::{
    secret,
    status::{Refusal, Stranger},
};
use ports::{
    SignIn,
    sign_in::{DeviceAnswer, DeviceCode, Error},
    store::tokens::TokenHash,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How many may begin in a minute: as many people as begin their day at once.
const BEGUN_A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Begins sign-ins, and asks how they stand.
pub(crate) struct Devices {
    sign_in: Arc<dyn SignIn>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Until when each code is good, by its hash. As many at most as begin while one is good.
    begun: BTreeMap<TokenHash, Instant>,
    /// Since when they are counted, and how many there were.
    count: Option<(Instant, u32)>,
}

impl Devices {
    pub(crate) fn new(sign_in: Arc<dyn SignIn>) -> Self {
        Self {
            sign_in,
            state: Mutex::default(),
        }
    }

    /// # Errors
    /// `TooManyStrangers`, `SignIn`.
    pub(crate) async fn begin(&self) -> Result<DeviceCode, Refusal> {
        if !self.state().may_begin() {
            return Err(Stranger::TooManyStrangers.into());
        }
        let begun = self.sign_in.start_device().await?;
        let hash = secret::hash(begun.device_code.expose_secret());
        let until = Instant::now() + begun.expires_in;
        self.state().begun.insert(hash, until);
        Ok(begun)
    }

    /// # Errors
    /// `SignIn`: `BadCode` for one that did not begin here, or before this server did.
    pub(crate) async fn poll(&self, code: String) -> Result<DeviceAnswer, Refusal> {
        let hash = secret::hash(&code);
        if !self.state().begun.contains_key(&hash) {
            return Err(Error::BadCode.into());
        }
        let answer = self.sign_in.poll_device(&SecretString::from(code)).await?;
        match answer {
            DeviceAnswer::Pending | DeviceAnswer::SlowDown { .. } => {}
            DeviceAnswer::Expired | DeviceAnswer::Denied | DeviceAnswer::Granted(_) => {
                self.state().begun.remove(&hash);
            }
        }
        Ok(answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_begin(&mut self) -> bool {
        let now = Instant::now();
        self.begun.retain(|_, until| now < *until);
        let (since, count) = match self.count {
            Some((since, count)) if since.elapsed() < MINUTE => (since, count),
            Some(_) | None => (now, 0),
        };
        self.count = Some((since, count.saturating_add(1)));
        count < BEGUN_A_MINUTE
    }
}

//! Sign-ins by device. The device has a ticket for GitHub's code: so any server of this installation can be asked how it
//! stands, and GitHub is not asked about codes that it never gave out. Anybody may begin one, so there are few.

use super::Sessions;
use crate::status::{Refusal, Stranger};
use ports::{
    SignIn,
    sign_in::{DeviceAnswer, DeviceCode, Error},
};
use secrecy::ExposeSecret;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How many may begin in a minute: as many people as begin their day at once.
const BEGUN_A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// What such a ticket is for.
const DEVICE: &str = "device";
/// For how long after a code's time a ticket is good, so that it is GitHub who says that the time is over.
const AFTER: Duration = Duration::from_secs(60);

/// Begins sign-ins, and asks how they stand.
pub(crate) struct Devices {
    sign_in: Arc<dyn SignIn>,
    /// Since when they are counted, and how many there were.
    count: Mutex<Option<(Instant, u32)>>,
}

impl Devices {
    pub(crate) fn new(sign_in: Arc<dyn SignIn>) -> Self {
        Self {
            sign_in,
            count: Mutex::default(),
        }
    }

    /// Begins one. Its code is a ticket for GitHub's.
    ///
    /// # Errors
    /// `TooManyStrangers`, `SignIn`; those of the database.
    pub(crate) async fn begin(&self, sessions: &Sessions) -> Result<DeviceCode, Refusal> {
        if !self.may_begin() {
            return Err(Stranger::TooManyStrangers.into());
        }
        let begun = self.sign_in.start_device().await?;
        let code = begun.device_code.expose_secret();
        let lives = begun.expires_in + AFTER;
        Ok(DeviceCode {
            device_code: sessions.ticket(DEVICE, code, lives).await?,
            ..begun
        })
    }

    /// # Errors
    /// `SignIn`: `BadCode` for one that did not begin at a server of this installation; those of the database.
    pub(crate) async fn poll(
        &self,
        sessions: &Sessions,
        ticket: &str,
    ) -> Result<DeviceAnswer, Refusal> {
        let code = sessions.shown(DEVICE, ticket).await?;
        let code = code.ok_or(Error::BadCode)?;
        Ok(self.sign_in.poll_device(&code).await?)
    }

    fn may_begin(&self) -> bool {
        // Nothing in here can be left half done.
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, begun) = match *count {
            Some((since, begun)) if since.elapsed() < MINUTE => (since, begun),
            Some(_) | None => (Instant::now(), 0),
        };
        *count = Some((since, begun.saturating_add(1)));
        begun < BEGUN_A_MINUTE
    }
}

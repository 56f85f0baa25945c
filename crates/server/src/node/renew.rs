//! Keeps the host's certificate good.

use super::{
    AGAIN, AGAIN_MAX, Said,
    server::{Refusal, Server},
    state::State,
};
use crate::machine::SystemClock;
use anyhow::bail;
use ports::Clock;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

/// How often the clock is looked at while a certificate is good.
const LOOK: Duration = Duration::from_secs(60);

/// Says anew what the host is, at once and whenever two thirds of a certificate's life are over.
///
/// # Errors
/// It is a node no more.
pub(super) async fn keep(
    state: &Mutex<State>,
    server: &Server,
    said: &Said,
    show: &watch::Sender<Arc<ServerConfig>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut wait = Duration::ZERO;
    let mut again = AGAIN;
    // Whether it waits for the end of a certificate, and not to ask again.
    let mut is_shown = false;
    loop {
        // Sleeping is given up at any point.
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait.min(LOOK)) => {}
        }
        // A host that was suspended has slept longer than it knows.
        wait = wait.saturating_sub(LOOK);
        if is_shown {
            wait = locked(state).renew_in(SystemClock.now()).min(wait);
        }
        if !wait.is_zero() {
            continue;
        }
        let asked = async {
            let claim = locked(state).claim(said).map_err(Refusal::passing)?;
            let certificate = server.renew(claim).await?;
            locked(state)
                .keep(said.name.clone(), certificate)
                .map_err(Refusal::passing)?;
            locked(state).shown().map_err(Refusal::passing)
        };
        // An answer that is not heard is asked for again; a claim that was half made is none.
        let answer = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            answer = asked => answer,
        };
        match answer {
            Ok(config) => {
                show.send_replace(config);
                again = AGAIN;
                is_shown = true;
                // At once never: by a clock that is ahead every certificate is over when it comes.
                wait = locked(state).renew_in(SystemClock.now()).max(AGAIN);
                tracing::info!(next_s = wait.as_secs(), "has a new certificate");
            }
            Err(Refusal::Gone(why)) => bail!(why),
            Err(Refusal::Final(why) | Refusal::Over(why) | Refusal::Passing(why)) => {
                tracing::warn!(why, "has no new certificate yet; trying again");
                is_shown = false;
                wait = again;
                again = (again * 2).min(AGAIN_MAX);
            }
        }
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // What a panic elsewhere left half done is not on the disk.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

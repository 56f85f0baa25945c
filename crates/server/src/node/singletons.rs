//! The singletons of this host: they run as long as its lease lasts.

use super::{
    guard::Warden,
    lease::{Asking, GivenBack, Lease},
    pools::AtEnd,
    server::Server,
    state::State,
};
use anyhow::anyhow;
use domain::NodeName;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How long a program that ends waits for what it stops.
const END: Duration = Duration::from_secs(5);

/// What looks after the singletons of a host is given.
pub(super) struct Host {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) server: Server,
    pub(super) directory: PathBuf,
    pub(super) engine: PathBuf,
    pub(super) name: NodeName,
    pub(super) at_end: AtEnd,
}

/// Looks after them until it is told to stop. Then it gives the lease back; where nobody hears that, they end with it. A
/// program that another one follows keeps the lease for that.
///
/// # Errors
/// The host is a node no more, and nothing of them runs. `over` is cancelled then, as it is when somebody else is told so.
pub(super) async fn keep(
    host: Host,
    stop: &CancellationToken,
    over: &CancellationToken,
) -> anyhow::Result<()> {
    let installation = {
        let state = host.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).installation()
    };
    let lease = Lease::open(&host.directory, installation);
    let warden = Warden::new(lease.clone(), host.engine, host.name);
    let done = CancellationToken::new();
    let watching = tokio::spawn(warden.keep(done.clone()));
    let asking = Asking::new(lease.clone(), host.state, host.server, host.directory);
    let asked = tokio::select! {
        asked = asking.keep(stop) => asked,
        why = told(over, stop, &lease) => why,
    };
    done.cancel();
    let mut warden = watching.await?;
    let mut asking = match asked {
        Ok(asking) => asking,
        Err(why) => {
            over.cancel();
            return Err(anyhow!(why));
        }
    };
    if host.at_end == AtEnd::Leave && asking.give_back(END).await == GivenBack::No {
        warden.end_all(END).await;
    }
    Ok(())
}

/// Waits until somebody else is told that this host is a node no more, and then until nothing runs.
async fn told(
    over: &CancellationToken,
    stop: &CancellationToken,
    lease: &Lease,
) -> Result<Asking, String> {
    over.cancelled().await;
    if stop.is_cancelled() {
        // It is told to stop like everything: who asks for the lease sees to that.
        return std::future::pending().await;
    }
    lease.remove();
    while !lease.known().is_clear() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("it was removed".to_owned())
}

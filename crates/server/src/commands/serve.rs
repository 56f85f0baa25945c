//! `jockeyd serve`.

mod door;

use crate::{
    args,
    listen::Tls,
    logging,
    machine::{RandomIds, SystemClock},
    membership, metrics, seed,
    state::{self, Make},
    wiring::{self, Machinery},
};
use anyhow::{Context, bail};
use controller::Server;
use domain::token::Role;
use door::Door;
use ports::{Clock, Ids};
use std::{path::Path, process::ExitCode, sync::Arc};
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The file by which a state directory is known in which a server has served.
const INSTALLATION: &str = "installation";

pub(crate) async fn run(args: args::Serve) -> anyhow::Result<ExitCode> {
    logging::start(args.log);
    if args.state.dev && !args.listen.ip().is_loopback() {
        bail!(
            "--dev serves on loopback only, and {} is not; leave --dev out to serve others",
            args.listen
        );
    }
    let metrics = metrics::record()?;
    let tls = door::certificate(&args)?;
    let dir = args.state.dir();
    if !dir.join(INSTALLATION).exists() {
        can_listen(&args, tls.as_ref()).await?;
    }
    let store = Arc::new(state::open(&args.state, Make::IfMissing(args.installation)).await?);
    let lock = store.serve_lock()?;
    store
        .break_leases(&lock)
        .await
        .with_context(|| {
            format!(
                "the leases of the server before this one; if the disk is full, free some space: `{}` is a cache and may be \
                 removed",
                dir.join("mirrors").display()
            )
        })?;
    let server = format!("{}-{:08x}", std::process::id(), RandomIds.bits() >> 32);
    let machinery = wiring::machinery(&args, store.clone(), server)?;
    // Before anything is made that gets an id, by the seed or by a caller.
    if let Err(error) = controller::strangers::guard_ids(&machinery.deps).await {
        tracing::warn!(%error, "could not look for instances that the database does not know; the loop will");
    }
    if let Err(error) = controller::code_host::look_at_hooks(&machinery.deps).await {
        tracing::warn!(%error, "could not look at the hooks of apps; they are looked at when their apps change");
    }
    if args.state.dev {
        seed::seed(&*store, SystemClock.now())
            .await
            .context("environments and stacks to begin with")?;
        ensure_admin_token(&store, &dir).await?;
    }
    let door = Door::open(&args, tls).await?;
    let for_metrics = match args.metrics_listen {
        Some(at) => Some(metrics::listen(at).await?),
        None => None,
    };
    let stop = CancellationToken::new();
    let services = wiring::api(&args, &machinery, door.own_url.as_deref(), stop.clone())?;
    let workforce = wiring::workforce(&args, &machinery)?;
    let url = door.url.clone();
    let serving = tokio::spawn(door.serve(services, args, stop.clone()));
    let figures =
        for_metrics.map(|listener| tokio::spawn(metrics::serve(listener, metrics, stop.clone())));
    let loops = Server::start_with(machinery.deps.clone(), workforce);
    announce(&dir, &store, &url)?;
    let announced = tokio::spawn(announce_to_consul(&machinery, url, stop.clone()));

    stopped().await?;
    tracing::info!("stopping: no more calls; steps under way are finished");
    stop.cancel();
    loops.shutdown().await;
    serving.await.context("the API")?;
    if let Some(figures) = figures {
        figures.await??;
    }
    announced.await?;
    std::fs::remove_file(dir.join("address")).ok();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Whether the ports can be had: asked before a database, a key and a token are made, which a server that cannot serve would
/// leave behind. They are let go again, so that nobody who calls is kept waiting while the server gets ready.
async fn can_listen(args: &args::Serve, tls: Option<&Arc<Tls>>) -> anyhow::Result<()> {
    let _door = Door::open(args, tls.cloned()).await?;
    if let Some(at) = args.metrics_listen {
        drop(metrics::listen(at).await?);
    }
    Ok(())
}

/// Says where the server is: in its log, and to other programs of this user.
fn announce(dir: &Path, store: &Store, url: &str) -> anyhow::Result<()> {
    let installation = ports::Store::installation(store);
    state::write_private(dir, INSTALLATION, &format!("{installation}\n"))?;
    state::write_private(dir, "address", &format!("{url}\n"))?;
    tracing::info!(%url, %installation, state = %dir.display(), version = env!("CARGO_PKG_VERSION"), "serving");
    Ok(())
}

/// Makes the server known to Consul, where there is one, until it ends.
fn announce_to_consul(
    machinery: &Machinery,
    url: String,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let installation = machinery.deps.store.installation();
    membership::announce(machinery.membership.clone(), url, installation, stop)
}

/// An admin token that `jockey` on the same machine finds. One that is there and still good stays.
async fn ensure_admin_token(store: &Store, dir: &Path) -> anyhow::Result<()> {
    let path = dir.join("admin-token");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Some(token) =
            ports::store::Tokens::find_token(store, &api::secret::hash(text.trim())).await?
        && token.is_good(SystemClock.now())
    {
        return Ok(());
    }
    // Another name each time: the old one may still be known under its own, and its secret is lost.
    let name = format!("dev-{:08x}", RandomIds.bits() >> 32);
    let secret = super::token::create(store, &name, Role::Admin, None).await?;
    state::write_private(dir, "admin-token", &format!("{}\n", secret.expose()))?;
    Ok(())
}

/// Ends at the first SIGTERM or SIGINT.
pub(super) async fn stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Both are levels: a signal that came is not lost.
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

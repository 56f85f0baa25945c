//! Lets servers in, and carries bytes between them and the Engine's socket. What they mean is not looked at, so that
//! streams, and connections that become something else half-way, go through like everything.

use anyhow::Context;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream, UnixStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_util::sync::CancellationToken;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The most connections at once: each server keeps 32, and one for each log and each terminal that is followed.
const CONNECTIONS: usize = 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// After the system could not accept, for want of files above all.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the port.
///
/// # Errors
/// When it is taken.
pub(super) fn listen(at: SocketAddr) -> anyhow::Result<TcpListener> {
    let taken = || format!("cannot listen on {at}: choose another --listen");
    let socket = match at {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.with_context(taken)?;
    socket.set_reuseaddr(true).with_context(taken)?;
    // Connections have it from the listener: a server that is cut off is noticed some day.
    socket.set_keepalive(true).with_context(taken)?;
    socket.bind(at).with_context(taken)?;
    socket.listen(BACKLOG).with_context(taken)
}

/// Carries until it is told to stop; what is under way is broken off then.
pub(super) async fn carry(
    listener: TcpListener,
    shown: watch::Receiver<Arc<ServerConfig>>,
    engine: PathBuf,
    stop: CancellationToken,
) {
    let mut under_way = JoinSet::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Accepting is given up at any point; ended tasks are only taken out.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = under_way.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(%peer, "too many connections; this one is closed");
            continue;
        };
        let (config, engine) = (shown.borrow().clone(), engine.clone());
        under_way.spawn(async move {
            if let Err(error) = one(stream, config, engine).await {
                tracing::debug!(%peer, %error, "a connection ended");
            }
            drop(permit);
        });
    }
    under_way.shutdown().await;
}

async fn one(stream: TcpStream, config: Arc<ServerConfig>, engine: PathBuf) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let accepted = TlsAcceptor::from(config).accept(stream);
    let mut server = tokio::time::timeout(HANDSHAKE, accepted).await??;
    // A connection is made before anything is said: an Engine that is down is seen as a connection that ends.
    let mut engine = UnixStream::connect(engine).await?;
    copy_bidirectional(&mut server, &mut engine).await.map(drop)
}

//! The one port: gRPC for who says that it is, and REST for everybody else.

mod connection;
mod peers;
mod proxies;
mod quiet;
mod stall;
pub(crate) mod tls;
mod unread;

pub(crate) use proxies::Network;
pub(crate) use tls::Tls;

use api::CallerAddress;
use axum::{Router, extract::Request, serve::Listener};
use connection::Connections;
use http::header::CONTENT_TYPE;
pub(crate) use peers::Peers;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tower::ServiceExt;
use tracing::Instrument;

/// How long calls under way may go on once the server was told to stop. Streams that follow something never end by
/// themselves; their clients come back to the next server.
const GRACE: Duration = Duration::from_secs(3);
/// The most connections at once: half of the files that a process may have open where nobody has said otherwise. More
/// wait until one is closed.
const CONNECTIONS_MAX: usize = 512;

/// Serves until it is told to stop, and calls under way a little longer. Connections for which there is no place among
/// their peers are closed. Without certificates it speaks plain HTTP.
pub(crate) async fn serve(
    mut listener: TcpListener,
    app: Router,
    peers: Peers,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let connections = Connections::new(app, stop.clone());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let room = Arc::clone(&room).acquire_owned().await;
            (room, Listener::accept(&mut listener).await)
        };
        let (room, (stream, peer)) = tokio::select! {
            // Whoever has not been accepted yet may ask the next server.
            () = stop.cancelled() => break,
            next = next => next,
            // A connection that ended leaves nothing behind.
            Some(_) = open.join_next() => continue,
        };
        // It does not wait: whoever waits here keeps others out.
        let Some(place) = peers.take(peer.ip()) else {
            metrics::counter!("jockey_connections_refused_total").increment(1);
            tracing::debug!(%peer, "too many connections from one address");
            continue;
        };
        // Small answers must not wait for more. Without it they only come later.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let (connections, tls) = (connections.clone(), tls.clone());
        let connection = async move {
            match tls {
                None => connections.serve(stream).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => connections.serve(stream).await,
                    Err(error) => tracing::debug!(%error, "no handshake"),
                },
            }
            drop((place, room));
        };
        open.spawn(connection.instrument(tracing::debug_span!("connection", %peer)));
    }
    // What goes on after that is aborted with its task.
    let ended = async { while open.join_next().await.is_some() {} };
    tokio::time::timeout(GRACE, ended).await.ok();
}

/// The services over gRPC and over REST. They are told from which address a call comes, also behind these proxies.
pub(crate) fn both(
    services: Routes,
    settings: &gateway::Settings,
    trusted_proxies: Vec<Network>,
) -> Router {
    let grpc = services.clone().into_axum_router();
    let rest = gateway::router(services, settings);
    Router::new().fallback(move |mut request: Request| {
        if let Some(peer) = peer(&request) {
            let address = proxies::caller(peer, request.headers(), &trusted_proxies);
            request.extensions_mut().insert(CallerAddress(address));
        }
        let asked = if is_grpc(&request) { &grpc } else { &rest };
        asked.clone().oneshot(request)
    })
}

/// The other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    let known = request.extensions();
    let plain = known.get::<TcpConnectInfo>();
    let plain = plain.or_else(|| {
        let secured = known.get::<TlsConnectInfo<TcpConnectInfo>>();
        secured.map(TlsConnectInfo::get_ref)
    });
    Some(plain?.remote_addr()?.ip())
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests;

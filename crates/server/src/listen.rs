//! The one port: gRPC for who says that it is, and REST for everybody else.

mod connection;
mod peers;
mod quiet;
mod stall;

use axum::{Router, extract::Request, serve::Listener};
use connection::Connections;
use http::{HeaderValue, header::CONTENT_TYPE};
pub(crate) use peers::Peers;
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt;
use tracing::Instrument;

/// How long calls under way may go on once the server was told to stop. Streams that follow something never end by
/// themselves; their clients come back to the next server.
const GRACE: Duration = Duration::from_secs(3);
/// The most connections at once: half of the files that a process may have open where nobody has said otherwise. More
/// wait until one is closed.
const CONNECTIONS_MAX: usize = 512;

/// Serves until it is told to stop, and calls under way a little longer. Connections for which there is no place among
/// their peers are closed.
pub(crate) async fn serve(
    mut listener: TcpListener,
    app: Router,
    peers: Peers,
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
        let connection = connections.serve(stream);
        let connection = connection.instrument(tracing::debug_span!("connection", %peer));
        open.spawn(async move {
            connection.await;
            drop((place, room));
        });
    }
    // What goes on after that is aborted with its task.
    let ended = async { while open.join_next().await.is_some() {} };
    tokio::time::timeout(GRACE, ended).await.ok();
}

/// The services over gRPC and over REST, the latter for pages of these origins too.
pub(crate) fn both(services: Routes, cors_origins: Vec<HeaderValue>) -> Router {
    let grpc = services.clone().into_axum_router();
    let rest = gateway::router(services, &gateway::Settings { cors_origins });
    Router::new().fallback(move |request: Request| {
        let asked = if is_grpc(&request) { &grpc } else { &rest };
        asked.clone().oneshot(request)
    })
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

#[cfg(test)]
mod tests;

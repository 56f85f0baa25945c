//! The one port: gRPC for who says that it is, and REST for everybody else.

use axum::{Router, extract::Request, serve::ListenerExt};
use http::header::CONTENT_TYPE;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt;

/// How long calls under way may go on once the server was told to stop. Streams that follow something never end by
/// themselves; their clients come back to the next server.
const GRACE: Duration = Duration::from_secs(3);

/// Serves the API until it is told to stop, and calls under way a little longer.
///
/// # Errors
/// When the listener breaks.
pub(crate) async fn serve(
    listener: TcpListener,
    services: Routes,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = both(services);
    let listener = listener.tap_io(|stream| {
        // Small answers must not wait for more. Without it they only come later.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let ending = stop.clone();
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        served = async { serving.await } => served,
        () = async { ending.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// The services over gRPC and over REST.
fn both(services: Routes) -> Router {
    let grpc = services.clone().into_axum_router();
    let rest = gateway::router(services, &gateway::Settings::default());
    Router::new().fallback(move |request: Request| {
        let asked = if is_grpc(&request) { &grpc } else { &rest };
        asked.clone().oneshot(request)
    })
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

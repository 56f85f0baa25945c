//! The one port: gRPC now; whoever speaks something else is told so.

use axum::{Router, serve::ListenerExt};
use http::StatusCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long calls under way may go on once the server was told to stop. Streams that follow something never end by
/// themselves; their clients come back to the next server.
const GRACE: Duration = Duration::from_secs(3);

/// Serves the API until it is told to stop, and calls under way a little longer.
///
/// # Errors
/// When the listener breaks.
pub(crate) async fn serve(
    listener: TcpListener,
    grpc: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = grpc.fallback(|| async {
        (
            StatusCode::NOT_FOUND,
            "this is Jockey's gRPC API; the `jockey` command speaks it\n",
        )
    });
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

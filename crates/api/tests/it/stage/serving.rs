//! Serving without a network.

use hyper_util::rt::TokioIo;
use std::io;
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    service::Routes,
    transport::{Channel, Endpoint, Server, Uri},
};

/// More than any message of these tests, so that no write waits for a read.
const PIPE: usize = 1 << 20;

/// Serves in this runtime, over pipes in memory.
pub(super) async fn serve(routes: Routes) -> Channel {
    let (connect, accept) = mpsc::channel::<DuplexStream>(8);
    let incoming = ReceiverStream::new(accept).map(Ok::<_, io::Error>);
    tokio::spawn(
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(incoming),
    );
    let connector = tower::service_fn(move |_: Uri| {
        let connect = connect.clone();
        async move {
            let (ours, theirs) = duplex(PIPE);
            connect.send(theirs).await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(TokioIo::new(ours))
        }
    });
    let endpoint = Endpoint::from_static("http://jockey.test");
    endpoint.connect_with_connector(connector).await.unwrap()
}

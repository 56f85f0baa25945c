use super::*;
use axum::routing::get;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

async fn serving(peers: Peers) -> (SocketAddr, JoinHandle<()>, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let app = Router::new().route("/", get(async || "here"));
    let task = tokio::spawn(serve(listener, app, peers, None, stop.clone()));
    (address, task, stop)
}

/// A connection on which nothing has been asked, and which the server has accepted before those that come after.
async fn silent(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// What a request on a fresh connection is answered with: nothing, when the connection is closed.
async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = b"GET / HTTP/1.0\r\nhost: x\r\n\r\n";
    // The server may have closed it already.
    stream.write_all(asked).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_holds_all_the_connections_of_one_address_gets_no_more() {
    let (address, task, stop) = serving(Peers::at_most_of_all(2)).await;
    let held = [silent(address).await, silent(address).await];
    assert_eq!(ask(address).await, "", "the third is closed at once");
    drop(held);
    // The server sees that they are gone when it reads on.
    while !ask(address).await.ends_with("here") {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn this_machine_itself_is_not_counted() {
    let (address, task, stop) = serving(Peers::at_most(1)).await;
    let held = [silent(address).await, silent(address).await];
    assert!(ask(address).await.ends_with("here"));
    drop(held);
    stop.cancel();
    task.await.unwrap();
}

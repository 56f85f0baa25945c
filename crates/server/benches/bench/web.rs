//! The App that is measured: one static binary that answers over HTTP at once.

use anyhow::ensure;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Its files. `web` answers with a page; the scale is the API's.
pub(crate) const FILES: [(&str, &str); 3] = [
    (
        "Dockerfile",
        "FROM busybox:1\nCOPY page /www/index.html\nCMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]\n",
    ),
    ("page", "hello"),
    (
        "jockey.toml",
        "[workers.web]\nport = 8888\ndrain = \"0s\"\n",
    ),
];

/// How long an answer is waited for. Only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something answers over HTTP there, asking each 5 ms.
pub(crate) async fn answers(address: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while ask(address).await.is_err() {
        ensure!(Instant::now() < deadline, "nothing answers at {address}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Asks once.
pub(crate) async fn ask(address: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    ensure!(
        answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"),
        "not 200"
    );
    Ok(())
}

//! An Engine that says what a test tells it to.

use domain::InstallationId;
use futures_util::future::BoxFuture;
use runtime::{Address, Docker, Settings};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// A status line, and what is said below it.
pub(crate) type Answer = (&'static str, String);
/// Answers a request to this target, without the version before it.
pub(crate) type Script = Arc<dyn Fn(String) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Listens until it is dropped.
pub(crate) struct Scripted {
    directory: TempDir,
    door: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Scripted {
    pub(crate) fn start(script: Script) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script)));
            }
        });
        Self { directory, door }
    }

    pub(crate) fn docker(&self, settings: Settings) -> Docker {
        let socket: PathBuf = self.directory.path().join("docker.sock");
        let installation = InstallationId::from_bits(9);
        Docker::connect(Address::Unix(socket), installation, settings).unwrap()
    }
}

/// One request, one answer.
async fn serve(stream: UnixStream, script: Script) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    stream.read_line(&mut first).await.unwrap();
    while stream.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let target = target.strip_prefix("/v1.").map_or(target, |rest| {
        let at = rest.find('/').unwrap_or(rest.len());
        &rest[at..]
    });
    let (status, body) = script(target.to_owned()).await;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Whoever asked may have gone.
    let _told = stream.write_all((head + &body).as_bytes()).await;
    let _ended = stream.shutdown().await;
    let _rest = stream.read_to_end(&mut Vec::new()).await;
}

/// What such an Engine says of itself.
pub(crate) fn version(api: &str) -> Answer {
    let version = serde_json::json!({
        "Version": "20.10.24", "ApiVersion": api, "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"
    });
    ("200 OK", version.to_string())
}

pub(crate) fn missing() -> Answer {
    (
        "404 Not Found",
        r#"{"message": "no such thing"}"#.to_owned(),
    )
}

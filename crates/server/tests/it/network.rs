//! Reaches instances over HTTP, and a server that runs in another network.

use crate::harness::{Jockeyd, PATIENCE};
use anyhow::{Context, bail, ensure};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use testkit::docker::Engine;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};
use tonic::transport::Channel;

/// The body that an instance answers with, over a connection of its own.
pub(crate) async fn get(address: &str) -> anyhow::Result<String> {
    get_within(PATIENCE, address, "/").await
}

/// The same at a path, by who does not wait for long.
pub(crate) async fn get_at(address: &str, path: &str) -> anyhow::Result<String> {
    get_within(Duration::from_secs(10), address, path).await
}

async fn get_within(patience: Duration, address: &str, path: &str) -> anyhow::Result<String> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = tokio::time::timeout(patience, asked)
        .await
        .with_context(|| format!("{address} does not answer in time"))?
        .with_context(|| address.to_owned())?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{address} answers `{answer}`"))?;
    ensure!(
        head.starts_with("HTTP/1") && head.contains(" 200 "),
        "{address} answers {head}"
    );
    Ok(body.to_owned())
}

impl Jockeyd {
    /// A server in the network of an engine of its own, where that publishes its ports.
    pub(crate) async fn start_in(engine: &Engine) -> anyhow::Result<Self> {
        let docker = format!("unix://{}", engine.socket().display());
        let mut server = Self::prepare(&["--docker", &docker])?;
        let entered = engine.enter("");
        server.launcher = std::iter::once(entered.get_program())
            .chain(entered.get_args().filter(|word| !word.is_empty()))
            .map(ToOwned::to_owned)
            .collect();
        server.resume_inside()?;
        Ok(server)
    }

    /// Starts the process again, in the same network.
    pub(crate) fn resume_inside(&mut self) -> anyhow::Result<()> {
        let url = self.launch()?;
        let address = url.trim_start_matches("http://").to_owned();
        let launcher = self.launcher.clone();
        let connector = tower::service_fn(move |_| {
            let pipe = pipe(&launcher, &address);
            async move { pipe.map(hyper_util::rt::TokioIo::new) }
        });
        let channel = Channel::from_shared(url)?.connect_with_connector_lazy(connector);
        self.reach_by(channel);
        Ok(())
    }

    /// The body that an instance in the server's network answers with.
    pub(crate) async fn get_inside(&self, address: &str) -> anyhow::Result<String> {
        let answer = Command::new(&self.launcher[0])
            .args(&self.launcher[1..])
            .args(["curl", "-sS", "-m", "10", "--fail"])
            .arg(format!("http://{address}/"))
            .output()
            .await?;
        if !answer.status.success() {
            bail!("{}", String::from_utf8_lossy(&answer.stderr));
        }
        Ok(String::from_utf8(answer.stdout)?)
    }

    /// Waits until something in the server's network answers.
    pub(crate) async fn get_inside_soon(&self, address: &str) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.get_inside(address).await {
                Ok(body) => return Ok(body),
                Err(error) => ensure!(Instant::now() < deadline, "{address}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

type Pipe = tokio::io::Join<tokio::process::ChildStdout, tokio::process::ChildStdin>;

/// A connection through a process that lives in the other network. It ends when the connection does.
fn pipe(launcher: &[std::ffi::OsString], address: &str) -> std::io::Result<Pipe> {
    let (host, port) = address
        .split_once(':')
        .ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(&launcher[0])
        .args(&launcher[1..])
        .args(["busybox", "nc", host, port])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    };
    Ok(tokio::io::join(output, input))
}

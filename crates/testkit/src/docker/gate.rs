use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::SOCKET;

/// A socket in front of the engine's own that a test can shut: for one client the engine goes away, or hangs, while
/// everybody else goes on using it.
///
/// Each change of state cuts the connections of the one before. Lives in the tokio runtime that opened it.
#[derive(Debug)]
pub struct Gate {
    directory: TempDir,
    door: Option<JoinHandle<()>>,
    frozen: watch::Sender<bool>,
}

/// What happens to a connection that comes in.
#[derive(Debug, Clone, Copy)]
enum Door {
    Forwards,
    Hangs,
}

impl Gate {
    /// A gate that stands open.
    ///
    /// # Errors
    /// The socket could not be made.
    pub fn open() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("jockey-gate-").tempdir()?;
        let mut gate = Self {
            directory,
            door: None,
            frozen: watch::Sender::new(false),
        };
        gate.pass()?;
        Ok(gate)
    }

    /// The socket to give to the client under test.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// From now on the engine is gone: connections break off, new ones find no socket.
    pub fn shut(&mut self) {
        if let Some(door) = self.door.take() {
            door.abort();
        }
        // Missing when it was shut before.
        let _was_shut = fs::remove_file(self.socket());
    }

    /// From now on the engine takes connections and answers nothing.
    ///
    /// # Errors
    /// The socket could not be made.
    pub fn hang(&mut self) -> io::Result<()> {
        self.set(Door::Hangs)
    }

    /// From now on nothing comes from the engine, as from a host that is gone: connections stay open and are silent, and
    /// to those that were open it is as if its client had hung up.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// From now on the engine answers, as if nothing had been.
    ///
    /// # Errors
    /// The socket could not be made.
    pub fn pass(&mut self) -> io::Result<()> {
        self.set(Door::Forwards)
    }

    fn set(&mut self, door: Door) -> io::Result<()> {
        self.shut();
        self.frozen.send_replace(false);
        let listener = UnixListener::bind(self.socket())?;
        let frozen = self.frozen.subscribe();
        self.door = Some(tokio::spawn(serve(listener, door, frozen)));
        Ok(())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Ends only by being aborted, and its connections with it.
async fn serve(listener: UnixListener, door: Door, frozen: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let frozen = frozen.clone();
        connections.spawn(async move {
            // A broken connection is the client's to see.
            let _broken = match door {
                Door::Forwards => forward(client, frozen).await,
                Door::Hangs => hold(client).await,
            };
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(mut client: UnixStream, mut frozen: watch::Receiver<bool>) -> io::Result<()> {
    let passing = async {
        let mut engine = UnixStream::connect(Path::new(SOCKET)).await?;
        copy_bidirectional(&mut client, &mut engine).await.map(drop)
    };
    tokio::select! {
        done = passing => return done,
        _ = frozen.wait_for(|frozen| *frozen) => {}
    }
    hold(client).await
}

async fn hold(client: UnixStream) -> io::Result<()> {
    let _open = client;
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::docker::check;

    /// What the engine says to a ping, over a connection of its own.
    async fn ping(gate: &Gate) -> io::Result<String> {
        let mut stream = UnixStream::connect(gate.socket()).await?;
        stream
            .write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_gate_passes_until_it_is_shut_and_again_after() {
        check().unwrap();
        let mut gate = Gate::open().unwrap();
        assert!(ping(&gate).await.unwrap().ends_with("OK"));
        gate.shut();
        let error = ping(&gate).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        gate.pass().unwrap();
        assert!(ping(&gate).await.unwrap().ends_with("OK"));
    }

    #[tokio::test]
    async fn shutting_cuts_what_is_open() {
        let mut gate = Gate::open().unwrap();
        gate.hang().unwrap();
        let mut stream = UnixStream::connect(gate.socket()).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
        assert!(waits.is_err(), "an engine that hangs answered {waits:?}");
        gate.shut();
        let end = stream.read_u8().await.unwrap_err();
        assert!(
            matches!(
                end.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            ),
            "{end:?}"
        );
    }
}

//! What the process writes, on its way to the terminal or the file that it goes to here.
//!
//! A thread of its own writes it: a terminal that is held, or a pipe that nobody reads, keeps it waiting for as long as they
//! like. Nothing else waits meanwhile: the server still hears that somebody is there, and the process waits with what it
//! writes, for little of that is kept in between.

use std::io::{self, Write};

use tokio::sync::{mpsc, oneshot};

use crate::exit::Error;

/// Pieces that wait to be written. One has at most 64 KiB.
const PIECES: usize = 4;

/// Something that the process has written.
pub(super) enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// The way to where it is written.
pub(super) struct Written {
    /// None: it is told that nothing more comes.
    pieces: Option<mpsc::Sender<Piece>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Written {
    pub(super) fn begin() -> Self {
        let (pieces, to_write) = mpsc::channel(PIECES);
        let (end, ended) = oneshot::channel();
        // Nothing can end a write that waits: the thread goes with the program.
        std::thread::spawn(move || end.send(write_all(to_write)));
        Self {
            pieces: Some(pieces),
            ended,
        }
    }

    /// Waits for room, and answers with it. May be dropped.
    ///
    /// # Errors
    /// `Output`.
    pub(super) async fn room(&mut self) -> Result<mpsc::OwnedPermit<Piece>, Error> {
        if let Some(pieces) = self.pieces.clone()
            && let Ok(place) = pieces.reserve_owned().await
        {
            return Ok(place);
        }
        self.end().await?;
        // It ends without being told to by a failed write alone.
        Err(Error::Output(io::ErrorKind::BrokenPipe.into()))
    }

    /// Waits until all is written. May be dropped, and asked again.
    ///
    /// # Errors
    /// `Output`.
    pub(super) async fn end(&mut self) -> Result<(), Error> {
        self.pieces = None;
        let ended = (&mut self.ended).await;
        ended.unwrap_or(Ok(())).map_err(Error::Output)
    }
}

fn write_all(mut pieces: mpsc::Receiver<Piece>) -> io::Result<()> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Out(bytes) => write(io::stdout().lock(), &bytes)?,
            Piece::Err(bytes) => write(io::stderr().lock(), &bytes)?,
        }
    }
    Ok(())
}

fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

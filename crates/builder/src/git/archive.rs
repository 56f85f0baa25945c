//! The tree of a commit as a stream.

use std::{io, path::PathBuf, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use tokio::{io::AsyncReadExt, process::ChildStdout, time::timeout};

use super::{
    child::{Run, Running},
    failure::telling_line,
    mirror,
};
use crate::tarball::{self, Rules};

/// Read from git at once.
const CHUNK: usize = 64 << 10;
/// How long git may take for the next chunk: it may have to put a large file together first.
const CHUNK_WITHIN: Duration = Duration::from_secs(5 * 60);

/// A `git archive` that runs. Dropped with the stream, it is killed.
struct Archiving {
    running: Running,
    stdout: ChildStdout,
    mirror: PathBuf,
}

/// Starts `run` and streams what it prints, with constant times.
pub(super) async fn stream(
    run: Run,
    mirror: PathBuf,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let (running, stdout) = run.start().await?;
    let stdout = stdout.ok_or_else(|| io::Error::other("git has no stdout"))?;
    let archiving = Archiving {
        running,
        stdout,
        mirror,
    };
    let chunks = stream::try_unfold(archiving, |mut archiving| async {
        let chunk = archiving.next().await?;
        Ok(chunk.map(|chunk| (chunk, archiving)))
    });
    Ok(tarball::rewrite(Box::pin(chunks), Rules::everything()))
}

impl Archiving {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = timeout(CHUNK_WITHIN, self.stdout.read_buf(&mut chunk)).await;
        let read = read.map_err(|_late| io::Error::other("git archive does not go on"))??;
        if read > 0 {
            return Ok(Some(chunk.freeze()));
        }
        let mut stderr = String::new();
        if let Some(pipe) = self.running.child.stderr.take() {
            pipe.take(CHUNK as u64).read_to_string(&mut stderr).await?;
        }
        if self.running.child.wait().await?.success() {
            return Ok(None);
        }
        mirror::suspect(&self.mirror);
        Err(io::Error::other(telling_line(&stderr)))
    }
}

//! The lines of several instances in one stream.
//!
//! Pulled by its reader: nothing is read from a node that the reader has no room for.

use super::{Ended, Filter, InstanceView, Standing};
use crate::{
    Look,
    usecases::{Ctx, Error},
};
use domain::{InstanceId, Timestamp};
use futures_util::{
    FutureExt, Stream, StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use ports::runtime::{Follow, LogLine, LogQuery, LogStream};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// The most instances whose lines are read at once.
const INSTANCES_MAX: usize = 200;
/// How many lines of one instance are passed on together. A message costs as much as tens of them.
const LINES: usize = 500;
/// How many bytes of lines are enough to be passed on: a line may have 256 KiB.
const BYTES: usize = 64 << 10;
/// How often a log that is followed looks for instances that are new.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whose lines are wanted.
#[derive(Debug, Clone)]
pub enum Source {
    /// By id.
    Instance(String),
    /// Those of an App in an Environment; of one Worker, where it is not empty.
    App {
        app: String,
        environment: String,
        worker: String,
    },
}

/// From where on, and whether to wait for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// How many of the last lines of each instance. None: all.
    pub tail: Option<u32>,
    pub since: Option<Timestamp>,
    pub follow: Follow,
}

/// Some lines of one instance, in order.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub instance: InstanceId,
    pub worker: String,
    pub lines: Vec<LogLine>,
}

/// A merged log.
pub struct Logs {
    ctx: Ctx,
    filter: Option<Filter>,
    from: From,
    known: BTreeSet<InstanceId>,
    /// When to look for instances that are new.
    look_at: Instant,
    streams: SelectAll<BoxStream<'static, Chunk>>,
}

/// Opens the log.
///
/// # Errors
/// `Unknown`, `Invalid`, `World`.
pub async fn open(ctx: Ctx, source: Source, from: From) -> Result<Logs, Error> {
    let mut logs = Logs {
        ctx,
        filter: None,
        known: BTreeSet::new(),
        look_at: Instant::now() + LOOK_EVERY,
        streams: SelectAll::new(),
        from,
    };
    match source {
        Source::Instance(which) => {
            let instance = super::get(&logs.ctx, &which).await?;
            let from = logs.from.clone();
            logs.add(&instance, &from).await;
        }
        Source::App {
            app,
            environment,
            worker,
        } => {
            // Named and unknown is an error; that no instance runs is none.
            let (of, within) = (
                logs.ctx.app(&app).await?,
                logs.ctx.environment(&environment).await?,
            );
            if !worker.is_empty() {
                logs.ctx.worker_of(&of, &within, &worker).await?;
            }
            logs.filter = Some(Filter {
                app,
                environment,
                worker,
                ended: Ended::LeftOut,
                ..Filter::default()
            });
            // Whoever follows is told of what comes up later all the same.
            let look = match logs.from.follow {
                Follow::No => Look::Afresh,
                Follow::Yes => Look::AsLoopsDo,
            };
            logs.look(look).await?;
        }
    }
    // What comes up later is read from its beginning.
    logs.from.tail = None;
    logs.from.since = None;
    Ok(logs)
}

impl Logs {
    /// The next lines; none when there are no more, which of a log that is followed is when its one instance ended.
    ///
    /// While a log is followed, a catalog that does not answer for a moment is no error.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Option<Result<Chunk, Error>> {
        loop {
            if self.filter.is_none() || self.from.follow == Follow::No {
                return self.streams.next().await.map(Ok);
            }
            let quiet = self.streams.is_empty();
            // Both may be dropped: a chunk that is ready stays in its stream, and a look that is due stays so. The look
            // comes first, lest instances that always have something to say keep it off.
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.look_at) => {}
                chunk = self.streams.next(), if !quiet => match chunk {
                    Some(chunk) => return Some(Ok(chunk)),
                    None => continue,
                },
            }
            self.look_at = Instant::now() + LOOK_EVERY;
            match self.look(Look::AsLoopsDo).await {
                Err(Error::World(error)) if error.is_transient() => {
                    tracing::debug!(%error, "new instances cannot be looked for just now");
                }
                Err(error) => return Some(Err(error)),
                Ok(()) => {}
            }
        }
    }

    /// Takes up instances that are new.
    async fn look(&mut self, look: Look) -> Result<(), Error> {
        let Some(filter) = self.filter.clone() else {
            return Ok(());
        };
        let from = self.from.clone();
        for instance in super::list_by(&self.ctx, &filter, look).await? {
            if self.streams.len() < INSTANCES_MAX && !self.known.contains(&instance.id) {
                self.add(&instance, &from).await;
            }
        }
        Ok(())
    }

    async fn add(&mut self, instance: &InstanceView, from: &From) {
        let (id, worker) = (instance.id, instance.worker.clone());
        if let Some(end) = &instance.end {
            let keep = from.tail.map_or(usize::MAX, |tail| tail as usize);
            let skip = end.log_tail.len().saturating_sub(keep);
            let lines = end.log_tail.iter().skip(skip).map(|text| LogLine {
                at: end.at,
                stream: LogStream::Out,
                text: text.clone().into(),
            });
            let chunk = Chunk {
                instance: id,
                worker,
                lines: lines.collect(),
            };
            self.known.insert(id);
            self.streams.push(stream::iter([chunk]).boxed());
            return;
        }
        if instance.standing == Standing::Unknown || instance.handle.is_empty() {
            return;
        }
        let query = LogQuery {
            tail: from.tail,
            since: from.since,
            follow: from.follow,
        };
        let lines = match self.ctx.deps.fleet.runtime(&instance.node) {
            Ok(runtime) => runtime.logs(&instance.handle, &query).await,
            Err(error) => return tracing::debug!(instance = %id, %error, "its log cannot be read"),
        };
        match lines {
            Ok(lines) => {
                self.known.insert(id);
                // A log that breaks off ends: what else is to be read goes on.
                let whole = lines.take_while(|line| std::future::ready(line.is_ok()));
                let lines = whole.filter_map(|line| std::future::ready(line.ok()));
                let chunks = gathered(lines, from.follow).map(move |lines| Chunk {
                    instance: id,
                    worker: worker.clone(),
                    lines,
                });
                self.streams.push(chunks.boxed());
            }
            Err(error) => tracing::debug!(instance = %id, %error, "its log cannot be read"),
        }
    }
}

/// Lines, several at once: as many as fit together of a log that is read to its end; of one that is followed those that
/// are there, for the next may take its time.
fn gathered(
    lines: impl Stream<Item = LogLine> + Send + 'static,
    follow: Follow,
) -> impl Stream<Item = Vec<LogLine>> {
    let lines = lines.fuse().boxed();
    stream::unfold(lines, move |mut lines| async move {
        let first = lines.next().await?;
        let (mut bytes, mut chunk) = (first.text.len(), vec![first]);
        while chunk.len() < LINES && bytes < BYTES {
            let next = match follow {
                Follow::No => lines.next().await,
                Follow::Yes => lines.next().now_or_never().flatten(),
            };
            let Some(line) = next else {
                break;
            };
            bytes += line.text.len();
            chunk.push(line);
        }
        Some((chunk, lines))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: usize) -> LogLine {
        LogLine {
            at: Timestamp::EPOCH,
            stream: LogStream::Out,
            text: vec![b'x'; length].into(),
        }
    }

    async fn sizes(lines: Vec<LogLine>, follow: Follow) -> Vec<usize> {
        // Each line comes after a pause, as those of a busy node do.
        let slow = stream::iter(lines).then(|line| async {
            tokio::task::yield_now().await;
            line
        });
        let chunks: Vec<_> = gathered(slow, follow).collect().await;
        chunks.iter().map(Vec::len).collect()
    }

    #[tokio::test]
    async fn a_log_that_is_read_to_its_end_comes_in_few_pieces() {
        let lines = vec![line(10); LINES + 2];
        assert_eq!(sizes(lines, Follow::No).await, [LINES, 2]);
    }

    #[tokio::test]
    async fn a_line_of_a_log_that_is_followed_waits_for_no_other() {
        assert_eq!(sizes(vec![line(10); 3], Follow::Yes).await, [1, 1, 1]);
        let there = stream::iter(vec![line(10); 3]);
        let chunks: Vec<_> = gathered(there, Follow::Yes).collect().await;
        assert_eq!(chunks.len(), 1, "what is there goes together");
    }

    #[tokio::test]
    async fn long_lines_are_not_gathered() {
        let lines = vec![line(BYTES), line(BYTES - 1), line(1), line(1)];
        assert_eq!(sizes(lines, Follow::No).await, [1, 2, 1]);
    }
}

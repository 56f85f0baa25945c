//! The log of an instance, as lines.
//!
//! The Engine sends frames: eight bytes that name the stream and the length, then one entry of its log, with a time
//! before it. An entry is a line, or up to 16 KiB of one: the last of its entries ends with a line end.

mod frames;
mod lines;

use crate::{docker::Inner, moment, query::Query};
use frames::Frames;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use lines::Joiner;
use ports::runtime::{Error, Follow, LogLine, LogQuery};
use std::{collections::VecDeque, time::Duration};

/// A log under way. Holds one frame and one unfinished line of each stream, whatever the reader's speed.
struct Reading {
    frames: Frames,
    joiner: Joiner,
    ready: VecDeque<LogLine>,
    query: LogQuery,
    patience: Duration,
    over: bool,
}

impl Inner {
    pub(super) async fn logs(
        &self,
        handle: &str,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Error>>, Error> {
        let Some(seen) = self.look(handle).await? else {
            return Err(Error::Missing(handle.to_owned()));
        };
        let mut asked = Query::default()
            .with("stdout", "1")
            .with("stderr", "1")
            .with("timestamps", "1");
        if let Some(tail) = query.tail {
            asked = asked.with("tail", &tail.to_string());
        }
        if let Some(since) = query.since {
            asked = asked.with("since", &moment::to_since(since));
        }
        if query.follow == Follow::Yes {
            asked = asked.with("follow", "1");
        }
        let path = asked.of(&format!("/containers/{}/logs", seen.id));
        let reading = Reading {
            frames: Frames::of(self.engine.open_own(&path).await?),
            joiner: Joiner::default(),
            ready: VecDeque::new(),
            query: query.clone(),
            patience: self.engine.patience(),
            over: false,
        };
        let lines = stream::unfold(reading, |mut reading| async {
            let line = reading.next().await?;
            Some((line, reading))
        });
        Ok(lines.boxed())
    }
}

impl Reading {
    async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            if self.over {
                return None;
            }
            match self.frame().await {
                Ok(Some(frame)) => self.ready.extend(self.joiner.take(frame)),
                Ok(None) => {
                    self.over = true;
                    self.ready.extend(self.joiner.finish());
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
            if let Some(since) = self.query.since {
                self.ready.retain(|line| line.at >= since);
            }
        }
    }

    /// The next frame. Only a log that is followed may be silent for long.
    async fn frame(&mut self) -> Result<Option<frames::Frame>, Error> {
        match self.query.follow {
            Follow::Yes => Ok(self.frames.next().await?),
            Follow::No => Ok(crate::engine::within(self.patience, self.frames.next()).await?),
        }
    }
}

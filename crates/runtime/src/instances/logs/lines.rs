//! Lines out of the entries of a log.

use super::frames::Frame;
use crate::moment;
use bytes::{Bytes, BytesMut};
use domain::Timestamp;
use ports::runtime::{LogLine, LogStream};

/// The longest line that is kept together, in bytes. What is longer comes as several.
const LINE_MAX: usize = 256 * 1024;

/// Joins the entries of each stream to lines.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    out: Option<Part>,
    err: Option<Part>,
}

/// The beginning of a line whose end has not come yet.
#[derive(Debug)]
struct Part {
    at: Timestamp,
    text: BytesMut,
}

impl Joiner {
    /// The line that this entry ends, if it ends one.
    pub(super) fn take(&mut self, frame: Frame) -> Option<LogLine> {
        let (at, text) = split_time(frame.entry);
        let begun = match frame.stream {
            LogStream::Out => &mut self.out,
            LogStream::Err => &mut self.err,
        };
        let whole = text.ends_with(b"\n");
        if begun.is_none() && whole {
            return Some(line(frame.stream, at, text));
        }
        let part = begun.get_or_insert_with(|| Part {
            at,
            text: BytesMut::new(),
        });
        part.text.extend_from_slice(&text);
        if !whole && part.text.len() < LINE_MAX {
            return None;
        }
        let part = begun.take()?;
        Some(line(frame.stream, part.at, part.text.freeze()))
    }

    /// What has begun and has no end, when the log has ended.
    pub(super) fn finish(&mut self) -> Vec<LogLine> {
        let rest = [
            (LogStream::Out, self.out.take()),
            (LogStream::Err, self.err.take()),
        ];
        let mut lines: Vec<LogLine> = rest
            .into_iter()
            .filter_map(|(stream, part)| part.map(|part| line(stream, part.at, part.text.freeze())))
            .collect();
        lines.sort_by_key(|line| line.at);
        lines
    }
}

/// An entry begins with its time and a space. One that does not is told as it is.
fn split_time(entry: Bytes) -> (Timestamp, Bytes) {
    let space = entry.iter().take(64).position(|byte| *byte == b' ');
    let time = space.and_then(|at| {
        let text = std::str::from_utf8(&entry[..at]).ok()?;
        Some((moment::from_text(text)?, entry.slice(at + 1..)))
    });
    time.unwrap_or((Timestamp::EPOCH, entry))
}

fn line(stream: LogStream, at: Timestamp, mut text: Bytes) -> LogLine {
    for end in [b"\n", b"\r"] {
        if text.ends_with(end) {
            text.truncate(text.len() - 1);
        }
    }
    LogLine { at, stream, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: &str = "2026-01-02T03:04:05.000000001Z ";

    fn take(joiner: &mut Joiner, stream: LogStream, text: &str) -> Option<String> {
        let entry = Bytes::from(format!("{T}{text}"));
        let line = joiner.take(Frame { stream, entry })?;
        assert_eq!(line.stream, stream);
        assert_eq!(line.at.to_string(), "2026-01-02T03:04:05.000Z");
        Some(String::from_utf8(line.text.to_vec()).unwrap())
    }

    #[test]
    fn a_line_may_come_in_parts_and_the_streams_are_apart() {
        let joiner = &mut Joiner::default();
        assert_eq!(take(joiner, LogStream::Out, "one "), None);
        assert_eq!(
            take(joiner, LogStream::Err, "other\r\n").as_deref(),
            Some("other")
        );
        assert_eq!(
            take(joiner, LogStream::Out, "line\n").as_deref(),
            Some("one line")
        );
        assert_eq!(take(joiner, LogStream::Out, "\n").as_deref(), Some(""));
    }

    #[test]
    fn a_line_without_an_end_is_told_at_the_end() {
        let joiner = &mut Joiner::default();
        assert_eq!(take(joiner, LogStream::Err, "half"), None);
        let rest = joiner.finish();
        assert_eq!(rest.len(), 1);
        assert_eq!(&rest[0].text[..], b"half");
        assert!(joiner.finish().is_empty());
    }

    #[test]
    fn a_line_that_never_ends_does_not_fill_the_memory() {
        let joiner = &mut Joiner::default();
        let part = "x".repeat(16 * 1024);
        let told = (0..20).find_map(|_| take(joiner, LogStream::Out, &part));
        assert_eq!(told.map(|line| line.len()), Some(LINE_MAX));
    }
}

//! The frames of a log.

use crate::{
    engine::Stream,
    failure::{Failure, chain},
};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use ports::runtime::LogStream;

/// The longest frame that is believed. The Engine cuts entries at 16 KiB, other log drivers at 1 MiB.
const FRAME_MAX: usize = 2 << 20;
const HEADER: usize = 8;

/// One entry of a log: a time, a space, and a line or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) stream: LogStream,
    pub(super) entry: Bytes,
}

/// Frames as they come in.
pub(super) struct Frames {
    body: Stream,
    buffer: BytesMut,
}

impl Frames {
    pub(super) fn of(body: Stream) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
        }
    }

    /// The next one. None: the log has ended. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = cut(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            match self.body.frame().await {
                Some(Ok(data)) => self
                    .buffer
                    .extend(data.into_data().ok().unwrap_or_default()),
                Some(Err(error)) => return Err(Failure::Unreachable(chain(&error))),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Failure::Unreachable("the log breaks off".to_owned())),
            }
        }
    }
}

/// Takes the first frame out of the buffer, if it is there as a whole.
fn cut(buffer: &mut BytesMut) -> Result<Option<Frame>, Failure> {
    let Some(header) = buffer.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [kind, _, _, _, length @ ..] = *header;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if kind > 3 || length > FRAME_MAX {
        // A container with a terminal, which we never make, writes without frames.
        return Err(Failure::Unreadable("its log is not in frames".to_owned()));
    }
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    let entry = buffer.split_to(length).freeze();
    match kind {
        2 => Ok(Some(Frame {
            stream: LogStream::Err,
            entry,
        })),
        // What went wrong with the Engine's own reading.
        3 => Err(Failure::within_stream(String::from_utf8_lossy(&entry))),
        _ => Ok(Some(Frame {
            stream: LogStream::Out,
            entry,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, entry: &[u8]) -> Vec<u8> {
        let length = u32::try_from(entry.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0][..], &length, entry].concat()
    }

    #[test]
    fn a_frame_is_cut_once_it_is_whole() {
        let whole = [frame(1, b"abc"), frame(2, b"")].concat();
        for split in 0..whole.len() {
            let mut buffer = BytesMut::from(&whole[..split]);
            let mut found = Vec::new();
            while let Some(frame) = cut(&mut buffer).unwrap() {
                found.push(frame);
            }
            buffer.extend_from_slice(&whole[split..]);
            while let Some(frame) = cut(&mut buffer).unwrap() {
                found.push(frame);
            }
            let told: Vec<_> = found.iter().map(|f| (f.stream, &f.entry[..])).collect();
            assert_eq!(
                told,
                [(LogStream::Out, &b"abc"[..]), (LogStream::Err, b"")],
                "{split}"
            );
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let mut terminal = BytesMut::from("2026-01-02T03:04:05Z hello");
        assert!(matches!(cut(&mut terminal), Err(Failure::Unreadable(_))));
        let mut broken = BytesMut::from(&frame(3, b"cannot read log")[..]);
        assert_eq!(
            cut(&mut broken),
            Err(Failure::within_stream("cannot read log"))
        );
    }
}

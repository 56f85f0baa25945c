//! What a process without a terminal writes, as the Engine sends it: eight bytes that name the stream and the length, then
//! so many bytes. Passed on as they come, so that no piece is held until it is whole.

use crate::failure::Failure;
use bytes::{Buf, Bytes, BytesMut};
use ports::processes::{Output, PIECE_MAX};

const HEADER: usize = 8;

/// What was read and not passed on yet.
#[derive(Debug)]
pub(super) enum Reader {
    /// Everything is output.
    Raw(BytesMut),
    Framed {
        buffer: BytesMut,
        /// The stream of the frame under way, and how many of its bytes are to come.
        open: Option<(u8, usize)>,
    },
}

impl Reader {
    pub(super) fn framed() -> Self {
        Self::Framed {
            buffer: BytesMut::new(),
            open: None,
        }
    }

    /// Where what is read goes.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        match self {
            Self::Raw(buffer) | Self::Framed { buffer, .. } => buffer,
        }
    }

    /// The next piece. None: more has to be read.
    pub(super) fn piece(&mut self) -> Result<Option<Output>, Failure> {
        let (buffer, open) = match self {
            Self::Raw(buffer) if buffer.is_empty() => return Ok(None),
            Self::Raw(buffer) => return Ok(Some(Output::Out(take(buffer, PIECE_MAX)))),
            Self::Framed { buffer, open } => (buffer, open),
        };
        loop {
            match *open {
                Some((_, 0)) => *open = None,
                Some(_) if buffer.is_empty() => return Ok(None),
                Some((kind, rest)) => {
                    let piece = take(buffer, rest.min(PIECE_MAX));
                    *open = Some((kind, rest - piece.len()));
                    return match kind {
                        2 => Ok(Some(Output::Err(piece))),
                        3 => Err(Failure::within_stream(String::from_utf8_lossy(&piece))),
                        _ => Ok(Some(Output::Out(piece))),
                    };
                }
                None => {
                    let Some(header) = buffer.first_chunk::<HEADER>() else {
                        return Ok(None);
                    };
                    let [kind, _, _, _, length @ ..] = *header;
                    if kind > 3 {
                        let message = "what the process wrote is not in frames".to_owned();
                        return Err(Failure::Unreadable(message));
                    }
                    let length = usize::try_from(u32::from_be_bytes(length));
                    buffer.advance(HEADER);
                    *open = Some((kind, length.unwrap_or(usize::MAX)));
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, most: usize) -> Bytes {
    buffer.split_to(most.min(buffer.len())).freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0][..], &length, bytes].concat()
    }

    #[test]
    fn frames_are_passed_on_in_whatever_pieces_they_come() {
        let whole = [frame(1, b"abc"), frame(2, b""), frame(2, b"de")].concat();
        for split in 0..whole.len() {
            let mut reader = Reader::framed();
            let (mut out, mut err) = (Vec::new(), Vec::new());
            for part in [&whole[..split], &whole[split..]] {
                reader.buffer().extend_from_slice(part);
                while let Some(piece) = reader.piece().unwrap() {
                    match piece {
                        Output::Out(bytes) => out.extend(bytes),
                        Output::Err(bytes) => err.extend(bytes),
                        Output::Ended(_) => unreachable!("no frame says so"),
                    }
                }
            }
            assert_eq!((&out[..], &err[..]), (&b"abc"[..], &b"de"[..]), "{split}");
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let mut reader = Reader::framed();
        reader.buffer().extend_from_slice(b"hello, world");
        assert!(matches!(reader.piece(), Err(Failure::Unreadable(_))));
    }
}

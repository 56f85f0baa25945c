//! What a client says to its process, passed on at the pace of each: a process that does not read keeps its input waiting,
//! and neither sizes nor signals.

use super::{Asked, Told};
use crate::usecases::Error;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use ports::processes::{Control, PIECE_MAX};
use std::collections::VecDeque;
use tokio::sync::mpsc;

/// How many bytes of input are kept that the process has not taken. Whoever sends more waits with all that comes after.
const HELD_MAX: usize = 1 << 20;

/// The way inward of one session.
pub(super) struct Inward {
    pub(super) asked: BoxStream<'static, Asked>,
    /// None: its end was passed on.
    pub(super) input: Option<mpsc::Sender<Bytes>>,
    pub(super) control: mpsc::Sender<Control>,
    pub(super) tell: mpsc::Sender<Result<Told, Error>>,
    held: VecDeque<Bytes>,
    held_size: usize,
    /// Bytes that were taken and not told of yet.
    taken: usize,
    ends: Ends,
}

/// How much of its input has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// More may come.
    Open,
    /// No more input; sizes and signals may come.
    Input,
    /// Nothing more.
    All,
}

impl Inward {
    pub(super) fn new(
        asked: BoxStream<'static, Asked>,
        input: mpsc::Sender<Bytes>,
        control: mpsc::Sender<Control>,
        tell: mpsc::Sender<Result<Told, Error>>,
    ) -> Self {
        Self {
            asked,
            input: Some(input),
            control,
            tell,
            held: VecDeque::new(),
            held_size: 0,
            taken: 0,
            ends: Ends::Open,
        }
    }

    /// Passes on whatever comes. Never ends: the process may go on without input.
    pub(super) async fn pass_on(mut self) {
        let tell = self.tell.clone();
        loop {
            if self.ends != Ends::Open && self.held.is_empty() {
                self.input = None;
            }
            let input = self.input.clone();
            // What is dropped here holds nothing: a place in a channel, or a message that has not come yet.
            let step = tokio::select! {
                biased;
                place = tell.reserve(), if self.taken > 0 => Step::Tell(place.ok()),
                place = room(input.as_ref()), if !self.held.is_empty() => Step::Pass(place),
                asked = self.asked.next(), if self.ends != Ends::All && self.held_size < HELD_MAX => {
                    Step::Take(asked)
                }
                else => std::future::pending().await,
            };
            match step {
                Step::Tell(place) => {
                    let taken = std::mem::take(&mut self.taken);
                    if let Some(place) = place {
                        place.send(Ok(Told::Taken(taken as u64)));
                    }
                }
                Step::Pass(place) => {
                    let piece = self.held.pop_front().unwrap_or_default();
                    self.held_size -= piece.len();
                    self.taken += piece.len();
                    if let Some(place) = place {
                        place.send(piece);
                    }
                }
                Step::Take(asked) => self.take(asked).await,
            }
        }
    }

    async fn take(&mut self, asked: Option<Asked>) {
        match asked {
            None => self.ends = Ends::All,
            Some(Asked::Input(_)) if self.ends != Ends::Open => {}
            Some(Asked::Input(mut bytes)) => {
                self.held_size += bytes.len();
                while !bytes.is_empty() {
                    let piece = bytes.split_to(bytes.len().min(PIECE_MAX));
                    self.held.push_back(piece);
                }
            }
            Some(Asked::End) => self.ends = Ends::Input,
            Some(Asked::Control(control)) => {
                // A process that has ended takes none.
                self.control.send(control).await.ok();
            }
        }
    }
}

/// What can be done next.
enum Step<'a, 'b> {
    /// The client is told how much was taken. None: it is gone.
    Tell(Option<mpsc::Permit<'a, Result<Told, Error>>>),
    /// A piece goes to the process. None: it takes no more.
    Pass(Option<mpsc::Permit<'b, Bytes>>),
    Take(Option<Asked>),
}

/// A place for a piece of input. None: the process takes no more, and what comes is dropped.
async fn room(input: Option<&mpsc::Sender<Bytes>>) -> Option<mpsc::Permit<'_, Bytes>> {
    input?.reserve().await.ok()
}

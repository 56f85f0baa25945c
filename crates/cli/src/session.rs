//! A person at a process on a node: what is typed goes there, what it writes comes here, and it ends here as it ended there.

mod kinds;
mod signals;
mod terminal;
mod written;

use std::{
    future::Future,
    io::{IsTerminal, Read},
};

use proto::v1::{self, Run};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{context::Context, exit::Error};

use kinds::{Heard, Kind, Said};
pub(crate) use kinds::{Inside, Own};
use signals::{Signals, Told};
use terminal::Raw;
use written::{Piece, Written};

/// How much input may be on its way that its process has not taken.
const WINDOW: usize = 256 << 10;
/// How much of it is read at once.
const PIECE: usize = 16 << 10;
/// Pieces that were read and not sent.
const PIECES: usize = 4;
/// Messages on their way. Those of the window fit, so that no signal waits behind them.
const MESSAGES: usize = 64;
/// How often the same signal is passed on before it is taken for an order to this program.
const ORDERS: u32 = 3;

/// Whether the process gets a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tty {
    /// Where this program has one.
    Auto,
    Yes,
    No,
}

/// Whether what this program reads goes to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    PassedOn,
    /// It reads nothing.
    Closed,
}

impl Tty {
    /// The terminal to ask for.
    ///
    /// # Errors
    /// `NotATerminal` where one is wanted and this program has none.
    pub(crate) fn wanted(self) -> Result<Option<v1::Terminal>, Error> {
        let there = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        match self {
            Self::No => Ok(None),
            Self::Auto if !there => Ok(None),
            Self::Yes if !std::io::stdin().is_terminal() => Err(Error::NotATerminal),
            Self::Auto | Self::Yes => Ok(Some(v1::Terminal {
                size: terminal::size(),
                kind: std::env::var("TERM").unwrap_or_default(),
            })),
        }
    }
}

/// Starts a process, and stays with it to its end. Of a detached one the start is all there is, and is answered.
///
/// # Errors
/// `Exited` with its exit code unless that is 0, `SessionEnded` when it ended without one, what the server answers.
pub(crate) async fn attend<K: Kind>(
    context: &Context,
    start: K::Start,
    stdin: Stdin,
) -> Result<Option<Run>, Error> {
    let detached = K::is_detached(&start);
    let has_terminal = K::has_terminal(&start);
    let (say, said) = mpsc::channel(MESSAGES);
    // There is room: nothing was said yet.
    say.send(K::message(Said::Start(Box::new(start))))
        .await
        .ok();
    let answers = K::open(context.client.transport(), ReceiverStream::new(said)).await;
    let mut heard = answers
        .map_err(|status| context.client.error(status))?
        .into_inner();
    let mut session: Option<Session<K>> = None;
    let mut written = Written::begin();
    loop {
        let message = saying(&mut session, heard.message()).await?;
        let message = message.map_err(|status| context.client.error(status))?;
        match message.and_then(K::heard) {
            Some(Heard::Started(run)) if detached => return Ok(run.map(|run| *run)),
            Some(Heard::Started(_)) => {
                let raw = has_terminal.then(Raw::enter).transpose();
                let raw = raw.map_err(Error::Runtime)?;
                session = Some(Session::begin(say.clone(), raw, stdin)?);
            }
            // What is not taken here is not read from the server, which keeps the process waiting.
            Some(Heard::Out(bytes)) => {
                let room = saying(&mut session, written.room()).await??;
                room.send(Piece::Out(bytes));
            }
            Some(Heard::Err(bytes)) => {
                let room = saying(&mut session, written.room()).await??;
                room.send(Piece::Err(bytes));
            }
            Some(Heard::Taken(count)) => {
                if let Some(session) = &mut session {
                    session.under_way = session.under_way.saturating_sub(count);
                }
            }
            Some(Heard::Ended(end)) => {
                saying(&mut session, written.end()).await??;
                drop(session);
                return ended(*end);
            }
            None => {
                saying(&mut session, written.end()).await??;
                drop(session);
                return Err(Error::SessionEnded("the server hung up".to_owned()));
            }
        }
    }
}

fn ended(end: v1::SessionEnded) -> Result<Option<Run>, Error> {
    match end.exit_code {
        Some(0) => Ok(None),
        Some(code) => Err(Error::Exited(u8::try_from(code).unwrap_or(u8::MAX))),
        None => Err(Error::SessionEnded(end.reason)),
    }
}

/// Waits for something, and says meanwhile what is to be said.
async fn saying<K: Kind, T>(
    session: &mut Option<Session<K>>,
    something: impl Future<Output = T>,
) -> Result<T, Error> {
    let Some(session) = session else {
        return Ok(something.await);
    };
    let mut something = std::pin::pin!(something);
    loop {
        // What has not come yet is not lost; the other has been taken or not.
        tokio::select! {
            it = &mut something => return Ok(it),
            done = session.say_more() => done?,
        }
    }
}

/// A session under way. Dropped: the terminal is as it was.
struct Session<K: Kind> {
    say: mpsc::Sender<K::Request>,
    input: mpsc::Receiver<Vec<u8>>,
    /// Whether more may be read.
    reads: Reads,
    /// Bytes that were sent and not taken.
    under_way: usize,
    signals: Signals,
    passed_on: PassedOn,
    _raw: Option<Raw>,
}

#[derive(PartialEq, Eq)]
enum Reads {
    On,
    Ended,
}

impl<K: Kind> Session<K> {
    fn begin(say: mpsc::Sender<K::Request>, raw: Option<Raw>, stdin: Stdin) -> Result<Self, Error> {
        let signals = Signals::listen().map_err(Error::Runtime)?;
        // Nobody was told what size the window took while the process was being started. There is room.
        if raw.is_some()
            && let Some(size) = terminal::size()
        {
            say.try_send(K::message(Said::Resize(size))).ok();
        }
        let (read, input) = mpsc::channel(PIECES);
        if stdin == Stdin::PassedOn {
            // Nothing can end a read of a terminal: the thread goes with the program.
            std::thread::spawn(move || read_all(&read));
        }
        Ok(Self {
            say,
            input,
            reads: Reads::On,
            under_way: 0,
            signals,
            passed_on: PassedOn(v1::Signal::Unspecified, 0),
            _raw: raw,
        })
    }

    /// Sends whatever comes next from here. May be dropped: what was taken has been sent.
    async fn say_more(&mut self) -> Result<(), Error> {
        let Ok(place) = self.say.reserve().await else {
            // Nobody takes it: the answer that says why is on its way.
            return std::future::pending().await;
        };
        let said = tokio::select! {
            told = self.signals.next() => match told {
                Told::Resized => match terminal::size() {
                    Some(size) => Said::Resize(size),
                    None => return Ok(()),
                },
                Told::Signal(signal) => {
                    self.passed_on.count(signal)?;
                    Said::Signal(signal)
                }
            },
            piece = self.input.recv(), if self.reads == Reads::On && self.under_way < WINDOW => match piece {
                Some(piece) => {
                    self.under_way += piece.len();
                    Said::Stdin(piece)
                }
                None => {
                    self.reads = Reads::Ended;
                    Said::End
                }
            },
        };
        place.send(K::message(said));
        Ok(())
    }
}

/// The last signal that was passed on, and how often in a row.
struct PassedOn(v1::Signal, u32);

impl PassedOn {
    /// Whoever says the same again and again means this program.
    fn count(&mut self, signal: v1::Signal) -> Result<(), Error> {
        let times = if self.0 == signal { self.1 + 1 } else { 1 };
        *self = Self(signal, times);
        if times > ORDERS {
            return Err(Error::Interrupted {
                next: vec!["jockey runs list".to_owned()],
            });
        }
        Ok(())
    }
}

fn read_all(to: &mpsc::Sender<Vec<u8>>) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = vec![0; PIECE];
    // An error is an end: there is nothing more to read.
    while let Ok(count @ 1..) = stdin.read(&mut buffer) {
        if to.blocking_send(buffer[..count].to_vec()).is_err() {
            return;
        }
    }
}

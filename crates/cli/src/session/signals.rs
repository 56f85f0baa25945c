//! Signals that this program gets, for the process.

use std::io;

use proto::v1;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal says.
pub(super) enum Told {
    /// The window has another size.
    Resized,
    Signal(v1::Signal),
}

/// From when it is made on, none of these ends the program.
pub(super) struct Signals {
    resized: Signal,
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. May be dropped: a signal that came is not lost.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.resized.recv() => Told::Resized,
            _ = self.interrupt.recv() => Told::Signal(v1::Signal::Int),
            _ = self.terminate.recv() => Told::Signal(v1::Signal::Term),
            _ = self.quit.recv() => Told::Signal(v1::Signal::Quit),
            _ = self.hang_up.recv() => Told::Signal(v1::Signal::Hup),
        }
    }
}

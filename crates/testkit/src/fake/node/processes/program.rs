//! What a process with somebody at it does: a line for a shell, as far as a contract needs it.

use super::super::Node;
use bytes::Bytes;
use domain::{RunId, run::Signal};
use ports::processes::{Control, Output, PIECE_MAX, Size};
use std::{collections::VecDeque, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Ctrl-C.
const INTERRUPT: u8 = 3;
/// Ctrl-D.
const END: u8 = 4;
/// Says the size of its terminal for each line that it reads.
const SIZES: &str = "while read x; do stty size; done;";
/// What a process ends with that is killed with its container.
const KILLED: i64 = 137;

/// Where a process is.
#[derive(Debug, Clone)]
pub(super) enum Host {
    Run(String),
    /// By what the daemon calls it, and by its mark.
    Instance(String, RunId),
}

/// What it does, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Program(VecDeque<Op>);

#[derive(Debug, Clone)]
enum Op {
    Out(String),
    Err(String),
    /// The numbers from the first to the second, a line each.
    Count(u64, u64),
    /// Copies its input.
    Cat,
    Sleep(Duration),
    /// Says how large its terminal is for each line that it reads.
    Sizes,
    Exit(i64),
}

impl Program {
    /// None: it cannot be run.
    pub(super) fn of(argv: Option<&[String]>) -> Option<Self> {
        let line = match argv {
            None => "sleep 1000000".to_owned(),
            Some([shell, flag, line, ..]) if shell.ends_with("sh") && flag == "-c" => line.clone(),
            Some(argv) => argv.join(" "),
        };
        let (sizes, rest) = match line.strip_prefix(SIZES) {
            Some(rest) => (Some(Op::Sizes), rest),
            None => (None, &*line),
        };
        let rest = rest.split(';').map(str::trim).map(op);
        let ops = sizes.map(Some).into_iter().chain(rest);
        ops.collect::<Option<_>>().map(Self)
    }
}

fn op(words: &str) -> Option<Op> {
    let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
    Some(match (word, rest.strip_suffix(" >&2")) {
        ("echo", Some(text)) => Op::Err(format!("{text}\n")),
        ("echo", None) => Op::Out(format!("{rest}\n")),
        ("seq", _) => Op::Count(1, rest.parse().ok()?),
        ("cat", _) => Op::Cat,
        ("sleep", _) => Op::Sleep(Duration::from_secs(rest.parse().ok()?)),
        ("exit", _) => Op::Exit(rest.parse().ok()?),
        _ => return None,
    })
}

/// Whether more input may come.
#[derive(PartialEq, Eq)]
pub(super) enum InputIs {
    Open,
    Ended,
}

/// A process with somebody at it.
pub(super) struct Running {
    pub(super) node: Node,
    pub(super) host: Host,
    pub(super) program: Program,
    pub(super) inputs: mpsc::Receiver<Bytes>,
    pub(super) controls: mpsc::Receiver<Control>,
    /// None: it has no terminal.
    pub(super) size: Option<Size>,
    pub(super) unread: Vec<u8>,
    pub(super) input: InputIs,
    /// Whether sizes and signals may come.
    pub(super) told: InputIs,
    pub(super) over: bool,
}

/// What a process waits for.
enum Came {
    Input,
    Due,
    Signal(Signal),
    Gone,
}

impl Running {
    pub(super) async fn next(&mut self) -> Option<Output> {
        if self.over {
            return None;
        }
        let next = self.step().await;
        if let Output::Ended(code) = next {
            self.over = true;
            let host = self.host.clone();
            self.node.change(|machine| machine.note_end(&host, code));
        }
        Some(next)
    }

    async fn step(&mut self) -> Output {
        loop {
            let Some(op) = self.program.0.pop_front() else {
                return Output::Ended(0);
            };
            match op {
                Op::Out(text) => return Output::Out(self.shown(text)),
                Op::Err(text) if self.size.is_none() => return Output::Err(text.into()),
                Op::Err(text) => return Output::Out(self.shown(text)),
                Op::Exit(code) => return Output::Ended(code),
                Op::Count(from, to) if from <= to => {
                    let mut text = String::new();
                    let mut next = from;
                    while next <= to && text.len() < PIECE_MAX - 32 {
                        text.push_str(&format!("{next}\n"));
                        next += 1;
                    }
                    self.program.0.push_front(Op::Count(next, to));
                    return Output::Out(self.shown(text));
                }
                Op::Count(..) => {}
                Op::Sleep(time) => {
                    if let Some(code) = self.sleep(Instant::now() + time).await {
                        return Output::Ended(code);
                    }
                }
                Op::Sizes => match self.line().await {
                    Ok(Some(echo)) => {
                        self.program.0.push_front(Op::Sizes);
                        let Size { rows, columns } = self.size.unwrap_or_default();
                        let text = format!("{echo}{rows} {columns}\n");
                        return Output::Out(self.shown(text));
                    }
                    Ok(None) => {}
                    Err(code) => return Output::Ended(code),
                },
                Op::Cat => match self.copied().await {
                    Ok(Some(bytes)) => {
                        self.program.0.push_front(Op::Cat);
                        return Output::Out(bytes);
                    }
                    Ok(None) => {}
                    Err(code) => return Output::Ended(code),
                },
            }
        }
    }

    /// As a terminal shows it.
    fn shown(&self, text: String) -> Bytes {
        match self.size {
            Some(_) => text.replace('\n', "\r\n").into(),
            None => text.into(),
        }
    }

    async fn sleep(&mut self, until: Instant) -> Option<i64> {
        loop {
            match self.come(Some(until)).await {
                Came::Due => return None,
                Came::Input => {}
                Came::Signal(signal) => return Some(128 + number(signal)),
                Came::Gone => return Some(KILLED),
            }
        }
    }

    /// A line of input, as the terminal echoes it. None: there is no more.
    async fn line(&mut self) -> Result<Option<String>, i64> {
        loop {
            if self.size.is_some() && self.unread.first() == Some(&END) {
                self.unread.remove(0);
                return Ok(None);
            }
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            if self.input == InputIs::Ended && self.size.is_none() {
                return Ok(None);
            }
            self.wait_for_input().await?;
        }
    }

    /// Some input. None: it has ended.
    async fn copied(&mut self) -> Result<Option<Bytes>, i64> {
        while self.unread.is_empty() {
            if self.input == InputIs::Ended && self.size.is_none() {
                return Ok(None);
            }
            self.wait_for_input().await?;
        }
        Ok(Some(std::mem::take(&mut self.unread).into()))
    }

    async fn wait_for_input(&mut self) -> Result<(), i64> {
        match self.come(None).await {
            Came::Input | Came::Due => Ok(()),
            Came::Signal(signal) => Err(128 + number(signal)),
            Came::Gone => Err(KILLED),
        }
    }

    async fn come(&mut self, until: Option<Instant>) -> Came {
        let never = Instant::now() + Duration::from_secs(24 * 3600);
        loop {
            let change = self.node.clone();
            let host = self.host.clone();
            if !self.node.look(|machine| machine.hosts(&host)) {
                return Came::Gone;
            }
            if let Host::Instance(_, run) = &host
                && let Some(signal) = self.node.change(|machine| machine.marked.remove(run))
            {
                return Came::Signal(signal);
            }
            // Each may be dropped: what a channel holds stays in it, the others are reasons to look again.
            tokio::select! {
                biased;
                control = self.controls.recv(), if self.told == InputIs::Open => match control {
                    Some(Control::Resize(size)) => self.size = self.size.map(|_| size),
                    Some(Control::Signal(signal)) => return Came::Signal(signal),
                    None => self.told = InputIs::Ended,
                },
                input = self.inputs.recv(), if self.input == InputIs::Open => match input {
                    Some(bytes) if self.size.is_some() && bytes.contains(&INTERRUPT) => {
                        return Came::Signal(Signal::Interrupt);
                    }
                    Some(bytes) => {
                        self.unread.extend(bytes);
                        return Came::Input;
                    }
                    None => {
                        self.input = InputIs::Ended;
                        return Came::Input;
                    }
                },
                () = sleep_until(until.unwrap_or(never)) => return Came::Due,
                () = change.something() => {}
            }
        }
    }
}

/// Its number, on Linux.
const fn number(signal: Signal) -> i64 {
    match signal {
        Signal::HangUp => 1,
        Signal::Interrupt => 2,
        Signal::Quit => 3,
        Signal::Kill => 9,
        Signal::User1 => 10,
        Signal::User2 => 12,
        Signal::Terminate => 15,
    }
}

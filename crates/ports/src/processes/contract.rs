//! What every `Processes` does with what people start on a node, stated as tests for the fake and for Docker alike.

mod inside;

use super::{Control, ObservedRun, Output, RunSpec, Session, Size, Terminal};
use crate::{Effect, Runtime, runtime::Error};
use bytes::Bytes;
use domain::{
    AppId, EnvironmentId, ImageRef, RunId, Timestamp,
    config::Variables,
    observed::Phase,
    run::{Attendance, Signal},
    worker::Resources,
};
use futures_util::StreamExt;
use std::{sync::Arc, time::Duration};

/// A node to test on, with what the tests need of it.
pub struct Ground {
    pub node: Arc<dyn Runtime>,
    /// On the node; has a shell, `cat`, `seq`, `sleep` and `stty`.
    pub image: ImageRef,
    /// Well-formed, and not on the node.
    pub absent_image: ImageRef,
    /// The first of thirty-two ids that nobody else takes.
    pub first: u64,
}

/// How long a node may take to show what it was told.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lines are a lot: 6.9 MB, several times what all buffers on the way hold (Docker's own is of 1 MB).
const LINES: u64 = 1_000_000;
const LARGE: Size = Size {
    rows: 40,
    columns: 132,
};

/// All of it. Leaves nothing on the node.
///
/// # Panics
/// When the node does otherwise.
pub async fn contract(ground: &Ground) {
    a_run_says_what_it_writes_and_how_it_ends(ground).await;
    the_end_of_input_is_passed_on(ground).await;
    much_is_written_as_fast_as_it_is_read(ground).await;
    a_terminal_has_the_size_that_it_is_told(ground).await;
    a_signal_ends_a_run(ground).await;
    a_run_is_no_instance_and_is_taken_away(ground).await;
    a_detached_run_leaves_its_last_lines(ground).await;
    an_image_that_is_not_there_is_named(ground).await;
    what_cannot_be_run_says_so(ground).await;
    inside::a_command_runs_inside_an_instance(ground).await;
    inside::a_command_goes_with_its_instance(ground).await;
    let left = ground.node.runs().await.expect("a list");
    assert_eq!(left, [], "nothing is left");
}

/// What came of a process.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    out: String,
    err: String,
    code: Option<i64>,
}

impl Seen {
    fn take(&mut self, output: Output) {
        match output {
            Output::Out(bytes) => self.out.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Err(bytes) => self.err.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Ended(code) => self.code = Some(code),
        }
    }

    fn of(out: &str, err: &str, code: i64) -> Self {
        Self {
            out: out.to_owned(),
            err: err.to_owned(),
            code: Some(code),
        }
    }
}

/// Reads until this is so, or to the end.
async fn until(session: &mut Session, seen: &mut Seen, is_so: impl Fn(&Seen) -> bool) {
    let reading = async {
        while !is_so(seen) {
            match session.output.next().await {
                Some(piece) => seen.take(piece.expect("a piece")),
                None => break,
            }
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    assert!(read.is_ok(), "nothing more comes after {seen:?}");
}

async fn all(mut session: Session) -> Seen {
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |_| false).await;
    seen
}

fn script(line: &str) -> Vec<String> {
    ["/bin/sh", "-c", line].map(str::to_owned).to_vec()
}

fn terminal() -> Option<Terminal> {
    Some(Terminal {
        size: Size {
            rows: 24,
            columns: 80,
        },
        kind: "xterm".to_owned(),
    })
}

impl Ground {
    fn spec(&self, number: u64, line: &str) -> RunSpec {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        RunSpec {
            run: RunId::from_bits(self.first + number),
            app: AppId::new(1),
            app_name: "shop".parse().expect("a name"),
            environment: EnvironmentId::new(2),
            environment_name: "staging".parse().expect("a name"),
            worker: None,
            commit: commit.parse().expect("a commit"),
            image: self.image.clone(),
            argv: Some(script(line)),
            variables: Variables::default(),
            resources: Resources::default(),
            terminal: None,
            attendance: Attendance::Attended,
            until: Timestamp::from_micros(1_800_000_000_000_000),
        }
    }

    async fn seen(&self, run: RunId) -> Option<ObservedRun> {
        let all = self.node.runs().await.expect("a list");
        all.into_iter().find(|seen| seen.run == run)
    }

    async fn clear(&self, run: RunId) {
        let ended = self.node.end_run(run, Duration::ZERO).await;
        assert_eq!(ended, Ok(Effect::Done));
        assert_eq!(self.seen(run).await, None, "it is taken away");
        let again = self.node.end_run(run, Duration::ZERO).await;
        assert_eq!(again, Ok(Effect::WasSo));
    }

    async fn run(&self, spec: &RunSpec) -> Session {
        self.node.run(spec).await.expect("a run")
    }
}

async fn a_run_says_what_it_writes_and_how_it_ends(ground: &Ground) {
    let spec = ground.spec(0, "echo one; echo two >&2; exit 7");
    let session = ground.run(&spec).await;
    assert_eq!(all(session).await, Seen::of("one\n", "two\n", 7));
    ground.clear(spec.run).await;
}

async fn the_end_of_input_is_passed_on(ground: &Ground) {
    let spec = ground.spec(1, "cat; echo over");
    let mut session = ground.run(&spec).await;
    let sent = session.input.send(Bytes::from_static(b"said\n")).await;
    sent.expect("it is taken");
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| seen.out == "said\n").await;
    let Session {
        input,
        control,
        output,
    } = session;
    drop(input);
    let (input, _) = tokio::sync::mpsc::channel(1);
    let session = Session {
        input,
        control,
        output,
    };
    assert_eq!(all(session).await, Seen::of("over\n", "", 0));
    ground.clear(spec.run).await;
}

async fn much_is_written_as_fast_as_it_is_read(ground: &Ground) {
    let spec = ground.spec(2, &format!("seq {LINES}"));
    let mut session = ground.run(&spec).await;
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| !seen.out.is_empty()).await;
    let phase = ground.seen(spec.run).await.map(|seen| seen.phase);
    assert!(
        phase.is_some_and(|phase| phase.is_running()),
        "it waits for whoever reads"
    );
    until(&mut session, &mut seen, |_| false).await;
    assert_eq!(seen.code, Some(0));
    let lines = seen.out.lines();
    assert!(
        lines.eq((1..=LINES).map(|number| number.to_string())),
        "every line, once, in order"
    );
    ground.clear(spec.run).await;
}

async fn a_terminal_has_the_size_that_it_is_told(ground: &Ground) {
    let mut spec = ground.spec(3, SIZES);
    spec.terminal = terminal();
    let mut session = ground.run(&spec).await;
    resized(&mut session, 3).await;
    ground.clear(spec.run).await;
}

/// Says the size of its terminal for each line that it reads, until its input ends.
const SIZES: &str = "while read x; do stty size; done; exit 3";

/// Of what does that.
async fn resized(session: &mut Session, code: i64) {
    let mut seen = Seen::default();
    says(session, &mut seen, "24 80\r\n").await;
    let resize = Control::Resize(LARGE);
    session.control.send(resize).await.expect("it is taken");
    says(session, &mut seen, "40 132\r\n").await;
    let end = Bytes::from_static(b"\x04");
    session.input.send(end).await.expect("it is taken");
    until(session, &mut seen, |_| false).await;
    assert_eq!((seen.code, &*seen.err), (Some(code), ""));
}

/// Asks until it is this. What the node is told takes effect in its own time.
async fn says(session: &mut Session, seen: &mut Seen, size: &str) {
    let asking = async {
        while !seen.out.contains(size) {
            let before = seen.out.matches('\n').count();
            let enter = Bytes::from_static(b"\n");
            session.input.send(enter).await.expect("it is taken");
            // What the terminal echoes, and the answer.
            until(session, seen, |seen| {
                seen.out.matches('\n').count() >= before + 2
            })
            .await;
        }
    };
    let said = tokio::time::timeout(PATIENCE, asking).await;
    assert!(said.is_ok(), "it is never {size}: {seen:?}");
}

async fn a_signal_ends_a_run(ground: &Ground) {
    let spec = ground.spec(4, "echo ready; sleep 600");
    let mut session = ground.run(&spec).await;
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| seen.out == "ready\n").await;
    let signal = Control::Signal(Signal::Terminate);
    session.control.send(signal).await.expect("it is taken");
    until(&mut session, &mut seen, |_| false).await;
    assert_eq!(seen, Seen::of("ready\n", "", 143));
    ground.clear(spec.run).await;

    let mut spec = ground.spec(5, "echo ready; sleep 600");
    spec.terminal = terminal();
    let mut session = ground.run(&spec).await;
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| seen.out == "ready\r\n").await;
    let key = Bytes::from_static(b"\x03");
    session.input.send(key).await.expect("it is taken");
    until(&mut session, &mut seen, |_| false).await;
    assert_eq!(seen.code, Some(130), "Ctrl-C");
    ground.clear(spec.run).await;
}

async fn a_run_is_no_instance_and_is_taken_away(ground: &Ground) {
    let spec = ground.spec(6, "echo ready; sleep 600");
    let mut session = ground.run(&spec).await;
    until(&mut session, &mut Seen::default(), |seen| {
        seen.out == "ready\n"
    })
    .await;
    let instances = ground.node.list().await.expect("a list");
    assert!(
        instances
            .iter()
            .all(|seen| seen.app != spec.app || seen.deploy.number() == 3),
        "{instances:?}"
    );
    let seen = ground.seen(spec.run).await.expect("it is a run");
    assert_eq!((seen.app, seen.environment), (spec.app, spec.environment));
    assert_eq!((seen.attendance, seen.until), (spec.attendance, spec.until));
    assert!(seen.phase.is_running(), "{:?}", seen.phase);
    drop(session);
    ground.clear(spec.run).await;
}

async fn a_detached_run_leaves_its_last_lines(ground: &Ground) {
    let mut spec = ground.spec(7, "echo one; echo two; echo three; exit 5");
    spec.attendance = Attendance::Detached;
    ground.node.run_detached(&spec).await.expect("a run");
    let ended = async {
        loop {
            let seen = ground.seen(spec.run).await.expect("it stays");
            if let Phase::Exited { code, .. } = seen.phase {
                return code;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let code = tokio::time::timeout(PATIENCE, ended).await;
    assert_eq!(code, Ok(5));
    let tail = ground.node.run_tail(spec.run, 2).await.expect("a tail");
    assert_eq!(tail, ["two", "three"]);
    ground.clear(spec.run).await;
    let gone = ground.node.run_tail(spec.run, 2).await;
    assert!(matches!(gone, Err(Error::Missing(_))), "{gone:?}");
}

async fn an_image_that_is_not_there_is_named(ground: &Ground) {
    let mut spec = ground.spec(8, "exit 0");
    spec.image = ground.absent_image.clone();
    let missing = ground.node.run(&spec).await.err();
    assert!(
        matches!(missing, Some(Error::ImageMissing(_))),
        "{missing:?}"
    );
    assert_eq!(ground.seen(spec.run).await, None, "nothing is left of it");
}

/// A node whose init looks for the program starts the init, and the run ends with the code that says so.
async fn what_cannot_be_run_says_so(ground: &Ground) {
    let mut spec = ground.spec(9, "");
    spec.argv = Some(vec!["/no/such/program".to_owned()]);
    match ground.node.run(&spec).await {
        Ok(session) => {
            assert_eq!(all(session).await.code, Some(127));
            ground.clear(spec.run).await;
        }
        Err(error) => {
            assert!(matches!(error, Error::CannotStart(_)), "{error:?}");
            assert_eq!(ground.seen(spec.run).await, None, "nothing is left of it");
        }
    }
}

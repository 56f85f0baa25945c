//! How a deploy is shown while it goes on: as a list of its phases on a terminal, else a line for
//! each change. All of it goes to stderr.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;
use proto::v1::{DeployPhase, DeployState, LogLine, WatchDeployResponse, WorkerProgress};

use crate::{
    render::{Out, Progress},
    words,
};

/// How many lines of a build are shown beneath it on a terminal.
const TAIL: usize = 6;
/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// What has been shown of a deploy.
pub(super) struct View {
    out: Out,
    live: Option<Live>,
    phase: DeployPhase,
    text: String,
    /// How the workers stood when that was last told.
    workers: Vec<WorkerProgress>,
}

/// How a phase has ended.
struct End {
    mark: &'static str,
    /// What it came to. None: what it was about last.
    text: Option<String>,
}

/// The list on a terminal.
struct Live {
    bars: MultiProgress,
    /// The phase that goes on, and since when.
    active: Option<(ProgressBar, Instant)>,
    /// The last lines of the build.
    tail: ProgressBar,
    lines: VecDeque<String>,
}

impl View {
    pub(super) fn new(out: Out) -> Self {
        let live = (out.progress() == Progress::Live).then(Live::new);
        Self {
            out,
            live,
            phase: DeployPhase::Unspecified,
            text: String::new(),
            workers: Vec::new(),
        }
    }

    /// Shows what has changed.
    pub(super) fn update(&mut self, message: &WatchDeployResponse) {
        let phase = message.phase();
        let text = describe(message);
        // What the build wrote last is told before what came after it.
        let (before, after) = match phase {
            DeployPhase::Unspecified
            | DeployPhase::Queue
            | DeployPhase::Fetch
            | DeployPhase::Build => (&[][..], &message.log_lines[..]),
            DeployPhase::Start | DeployPhase::Healthy | DeployPhase::Drain | DeployPhase::Done => {
                (&message.log_lines[..], &[][..])
            }
        };
        for line in before {
            self.line(line);
        }
        if (phase, &text) != (self.phase, &self.text) {
            self.change(phase, &text, message);
            self.phase = phase;
            self.text = text;
        }
        if !message.workers.is_empty() {
            self.workers.clone_from(&message.workers);
        }
        for line in after {
            self.line(line);
        }
    }

    fn change(&mut self, phase: DeployPhase, text: &str, message: &WatchDeployResponse) {
        let name = words::word("DeployPhase", phase.as_str_name());
        let end = (phase != self.phase).then(|| self.end(message));
        let Some(live) = &mut self.live else {
            let came_to = end.and_then(|end| end.text).unwrap_or_default();
            if !came_to.is_empty() && came_to != self.text {
                let ended = words::word("DeployPhase", self.phase.as_str_name());
                self.out.note(&format!("{ended:8} {came_to}"));
            }
            self.out.note(format!("{name:8} {text}").trim_end());
            return;
        };
        if let Some(end) = end {
            live.end(end);
            if phase == DeployPhase::Done {
                return;
            }
            live.begin(name);
        }
        live.show(text, share(message));
    }

    /// How the phase so far has ended, as the message tells with which another begins.
    fn end(&self, message: &WatchDeployResponse) -> End {
        let phase = message.phase();
        let state = message.deploy.as_ref().map(|deploy| deploy.state());
        let failed = matches!(state, Some(DeployState::Failed | DeployState::Cancelled));
        if failed && phase == DeployPhase::Done {
            return End {
                mark: "✗",
                text: None,
            };
        }
        // All are there once it is deployed, and nothing is told of them any more.
        let workers: Vec<_> = match phase {
            DeployPhase::Done => self.workers.iter().map(whole).collect(),
            _ => message.workers.clone(),
        };
        let text = match self.phase {
            DeployPhase::Start if !workers.is_empty() => Some(running(&workers)),
            DeployPhase::Healthy if !workers.is_empty() => Some(healthy(&workers)),
            DeployPhase::Drain => Some(String::new()),
            _ => None,
        };
        // It goes back where an instance has ended again.
        let mark = if phase < self.phase { "·" } else { "✓" };
        End { mark, text }
    }

    fn line(&mut self, line: &LogLine) {
        match &mut self.live {
            Some(live) => live.line(&line.text),
            None => self.out.dim(&format!("  | {}", line.text)),
        }
    }
}

impl Live {
    fn new() -> Self {
        let bars = MultiProgress::new();
        let tail = bars.add(ProgressBar::new_spinner());
        tail.set_style(style("{msg}"));
        Self {
            bars,
            active: None,
            tail,
            lines: VecDeque::new(),
        }
    }

    fn begin(&mut self, name: String) {
        let bar = self
            .bars
            .insert_before(&self.tail, ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {prefix:8} {msg}"));
        bar.set_prefix(name);
        bar.enable_steady_tick(TICK);
        self.active = Some((bar, Instant::now()));
    }

    /// What the phase is about now, with a bar where its share is known.
    fn show(&self, text: &str, share: Option<(u64, u64)>) {
        let Some((bar, _)) = &self.active else {
            return;
        };
        if let Some((done, all)) = share {
            bar.set_style(style("{spinner} {prefix:8} {bar:16} {msg}").progress_chars("━╸ "));
            bar.set_length(all);
            bar.set_position(done);
        }
        bar.set_message(text.to_owned());
    }

    fn end(&mut self, end: End) {
        self.lines.clear();
        self.tail.set_message("");
        if let Some((bar, since)) = self.active.take() {
            let took = format!("{:.1} s", since.elapsed().as_secs_f64());
            let text = end.text.unwrap_or_else(|| bar.message());
            bar.set_style(style(&format!("{} {{prefix:8}} {{msg}}", end.mark)));
            bar.finish_with_message(match text.as_str() {
                "" => took,
                text => format!("{text}  {took}"),
            });
        }
    }

    fn line(&mut self, text: &str) {
        if self.lines.len() == TAIL {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("    {text}"));
        let shown: Vec<_> = self.lines.iter().map(|line| paint(line)).collect();
        self.tail.set_message(shown.join("\n"));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tail.finish_and_clear();
        if let Some((bar, _)) = &self.active {
            bar.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates here are constant and valid")
}

/// A line in less weight, where colours are wanted.
fn paint(line: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stderr()) {
        anstream::ColorChoice::Never => line.to_owned(),
        _ => line.dimmed().to_string(),
    }
}

/// What a phase is about now, in a few words.
pub(super) fn describe(message: &WatchDeployResponse) -> String {
    let deploy = message.deploy.clone().unwrap_or_default();
    match message.phase() {
        DeployPhase::Done => words::word("DeployState", deploy.state().as_str_name()),
        // Nothing is known of its workers while the catalog does not answer: its step says so.
        DeployPhase::Start if !message.workers.is_empty() => running(&message.workers),
        DeployPhase::Healthy => healthy(&message.workers),
        DeployPhase::Drain => {
            let left: i32 = message.workers.iter().map(|worker| worker.old).sum();
            match left {
                0 => String::new(),
                left => format!("{left} old left"),
            }
        }
        DeployPhase::Fetch if !deploy.r#ref.is_empty() => words::short(&deploy.r#ref).to_owned(),
        DeployPhase::Build if !deploy.commit.is_empty() => words::short(&deploy.commit).to_owned(),
        _ => deploy.step,
    }
}

/// How many instances the phase is through with, of how many. None: the phase does not count any.
fn share(message: &WatchDeployResponse) -> Option<(u64, u64)> {
    let workers = &message.workers;
    let done: i32 = match message.phase() {
        DeployPhase::Start => workers.iter().map(|worker| worker.running).sum(),
        DeployPhase::Healthy => workers.iter().map(|worker| worker.healthy).sum(),
        _ => return None,
    };
    let all: i32 = workers.iter().map(|worker| worker.scale).sum();
    let all = u64::try_from(all).ok().filter(|all| *all > 0)?;
    Some((u64::try_from(done).unwrap_or(0).min(all), all))
}

/// A worker when all of its instances are there.
fn whole(worker: &WorkerProgress) -> WorkerProgress {
    WorkerProgress {
        running: worker.scale,
        healthy: worker.scale,
        ..worker.clone()
    }
}

/// `web 1/2, clock 1/1 running`.
fn running(workers: &[WorkerProgress]) -> String {
    counts(workers, "running", |worker| worker.running)
}

/// `web 1/2, clock 1/1 healthy`.
fn healthy(workers: &[WorkerProgress]) -> String {
    counts(workers, "healthy", |worker| worker.healthy)
}

fn counts(workers: &[WorkerProgress], what: &str, of: impl Fn(&WorkerProgress) -> i32) -> String {
    let count = |worker: &WorkerProgress| {
        let number = of(worker);
        format!("{} {number}/{}", worker.worker, worker.scale)
    };
    let parts: Vec<_> = workers.iter().map(count).collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!("{} {what}", parts.join(", ")),
    }
}

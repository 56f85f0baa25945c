//! How a deploy is shown while it goes on: as a list of its phases on a terminal, else a line for
//! each change. All of it goes to stderr.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;
use proto::v1::{DeployPhase, DeployState, LogLine, WatchDeployResponse};

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
        for line in after {
            self.line(line);
        }
    }

    fn change(&mut self, phase: DeployPhase, text: &str, message: &WatchDeployResponse) {
        let name = words::word("DeployPhase", phase.as_str_name());
        let Some(live) = &mut self.live else {
            self.out.note(format!("{name:8} {text}").trim_end());
            return;
        };
        if phase != self.phase {
            let failed = phase == DeployPhase::Done
                && message.deploy.as_ref().is_some_and(|deploy| {
                    matches!(deploy.state(), DeployState::Failed | DeployState::Cancelled)
                });
            live.end(if failed { "✗" } else { "✓" });
            if phase == DeployPhase::Done {
                return;
            }
            live.begin(name);
        }
        live.show(text, share(message));
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

    fn end(&mut self, mark: &str) {
        self.lines.clear();
        self.tail.set_message("");
        if let Some((bar, since)) = self.active.take() {
            let took = since.elapsed().as_secs_f64();
            bar.set_style(style(&format!("{mark} {{prefix:8}} {{msg}}")));
            bar.finish_with_message(format!("{}  {took:.1} s", bar.message()));
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
        DeployPhase::Start if !message.workers.is_empty() => {
            counts(message, |worker| (worker.running, "running"))
        }
        DeployPhase::Healthy => counts(message, |worker| (worker.healthy, "healthy")),
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

/// `web 1/2, clock 1/1 healthy`.
fn counts(
    message: &WatchDeployResponse,
    of: impl Fn(&proto::v1::WorkerProgress) -> (i32, &'static str),
) -> String {
    let mut parts = Vec::new();
    let mut word = "";
    for worker in &message.workers {
        let (number, what) = of(worker);
        word = what;
        parts.push(format!("{} {number}/{}", worker.worker, worker.scale));
    }
    format!("{} {word}", parts.join(", ")).trim().to_owned()
}

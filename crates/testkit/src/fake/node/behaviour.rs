//! What a process does once it is started: as its image was said to behave, or as its command reads.

use domain::observed::End;
use ports::images::HasHealthcheck;
use std::time::Duration;

/// How the containers of an image behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// From its start until it serves.
    pub boots_in: Duration,
    pub course: Course,
    /// From the signal to stop until it ends. Longer than it is given: it is killed.
    pub stops_in: Duration,
    pub healthcheck: HasHealthcheck,
    /// What it writes when it starts.
    pub lines: Vec<String>,
}

/// How it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// It serves until it is stopped.
    Serves,
    /// It runs, and never serves.
    NeverServes,
    /// It ends by itself this long after its start.
    Exits { after: Duration, code: i64 },
    /// The kernel kills it for memory this long after its start.
    OutOfMemory { after: Duration },
    /// Its command cannot be run.
    CannotStart,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            boots_in: Duration::from_millis(100),
            course: Course::Serves,
            stops_in: Duration::from_millis(50),
            healthcheck: HasHealthcheck::No,
            lines: vec!["started".to_owned()],
        }
    }
}

impl Behaviour {
    /// A process that serves this long after its start.
    #[must_use]
    pub fn serving_after(boots_in: Duration) -> Self {
        Self {
            boots_in,
            ..Self::default()
        }
    }

    /// A process that goes this way.
    #[must_use]
    pub fn of(course: Course) -> Self {
        Self {
            course,
            ..Self::default()
        }
    }

    /// What a command does, as far as a contract needs it: `echo`, `sleep` and `exit` in a line for a shell.
    pub(super) fn of_command(argv: &[String]) -> Self {
        match argv {
            [shell, flag, line] if shell.ends_with("sh") && flag == "-c" => Self::of_script(line),
            [program, rest @ ..] if program == "sleep" || program == "echo" => {
                Self::of_script(&format!("{program} {}", rest.join(" ")))
            }
            _ => Self::of(Course::CannotStart),
        }
    }

    fn of_script(line: &str) -> Self {
        let mut lines = Vec::new();
        let mut after = Duration::ZERO;
        for part in line.split(';').map(str::trim) {
            let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
            match word {
                "echo" => lines.push(rest.to_owned()),
                "sleep" => after += Duration::from_secs(rest.parse().unwrap_or(0)),
                "exit" => {
                    let code = rest.parse().unwrap_or(0);
                    return Self {
                        lines,
                        ..Self::of(Course::Exits { after, code })
                    };
                }
                _ => {
                    return Self {
                        lines,
                        ..Self::default()
                    };
                }
            }
        }
        Self {
            lines,
            ..Self::of(Course::Exits { after, code: 0 })
        }
    }

    /// When it ends by itself, and how.
    pub(super) fn end(&self) -> Option<(Duration, i64, End)> {
        match self.course {
            Course::Exits { after, code } => Some((after, code, End::Exit)),
            Course::OutOfMemory { after } => Some((after, 137, End::OutOfMemory)),
            Course::Serves | Course::NeverServes | Course::CannotStart => None,
        }
    }

    /// Whether it serves this long after its start, while it runs.
    pub(super) fn serves_after(&self, running: Duration) -> bool {
        self.course != Course::NeverServes && running >= self.boots_in
    }
}

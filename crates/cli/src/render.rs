//! What is printed: results to stdout, as a table or as JSON; progress and errors to stderr.

mod columns;
mod detail;
mod dynamic;
mod plan;
mod table;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use owo_colors::OwoColorize;

use crate::{
    cli::Global,
    client::{Mode, Planned},
    clock,
    exit::{Error, Exit},
};

pub(crate) use columns::Listed;
pub(crate) use dynamic::{Named, POOL, json, json_of};
pub(crate) use table::Table;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs: objects as in the API, in snake case; a stream is one object a line.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

/// Whether progress and notes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Normal,
    Quiet,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A list that is drawn again and again, on a terminal.
    Live,
    /// A line for each change.
    Lines,
    /// Not at all.
    Silent,
}

/// Where everything is printed.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    format: Format,
    voice: Voice,
}

impl Out {
    pub(crate) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self {
            format: global.output,
            voice: if global.quiet {
                Voice::Quiet
            } else {
                Voice::Normal
            },
        }
    }

    /// For programs, before the arguments are understood.
    pub(crate) fn of_json() -> Self {
        Self {
            format: Format::Json,
            voice: Voice::Normal,
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How progress is to be shown.
    pub(crate) fn progress(&self) -> Progress {
        if self.voice == Voice::Quiet {
            Progress::Silent
        } else if io::stderr().is_terminal() {
            Progress::Live
        } else {
            Progress::Lines
        }
    }

    /// Prints a text and a line break, unless it is empty.
    ///
    /// # Errors
    /// `Output`, which every method here that prints to stdout may answer.
    pub(crate) fn text(&self, text: &str) -> Result<(), Error> {
        let text = text.trim_end_matches('\n');
        if text.is_empty() {
            return Ok(());
        }
        self.line(text)
    }

    /// Prints a line, which may be empty.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn line(&self, text: &str) -> Result<(), Error> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(Error::Output)
    }

    /// Prints a JSON value over several lines.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn value(&self, value: &serde_json::Value) -> Result<(), Error> {
        self.text(&format!("{value:#}"))
    }

    /// Prints a JSON value in one line, as part of a stream.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn value_line(&self, value: &serde_json::Value) -> Result<(), Error> {
        self.text(&value.to_string())
    }

    /// Prints a list.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn list<M: Listed>(&self, items: &[M]) -> Result<(), Error> {
        match self.format {
            Format::Json => self.value(&items.iter().map(json).collect()),
            Format::Table => {
                if items.is_empty() {
                    self.note("none");
                }
                self.text(&columns::table(items, clock::now()).to_string())
            }
        }
    }

    /// Prints one message with all that it says.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn show<M: Named>(&self, item: Option<&M>) -> Result<(), Error> {
        let Some(item) = item else {
            return Ok(());
        };
        match self.format {
            Format::Json => self.value(&json(item)),
            Format::Table => self.text(&detail::of(&dynamic::dynamic(item), clock::now())),
        }
    }

    /// Prints the answer to a change: the plan in a dry run, else one sentence.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn changed<A: Planned>(
        &self,
        mode: Mode,
        answer: &A,
        sentence: impl FnOnce(&A) -> String,
    ) -> Result<(), Error> {
        match (self.format, mode) {
            (Format::Json, _) => self.value(&json(answer)),
            (Format::Table, Mode::DryRun) => self.plan(answer.plan()),
            (Format::Table, Mode::Run) => self.text(&sentence(answer)),
        }
    }

    /// Prints a plan for people.
    ///
    /// # Errors
    /// As for [`Out::text`].
    pub(crate) fn plan(&self, plan: Option<&proto::v1::Plan>) -> Result<(), Error> {
        self.text(&plan::text(&plan.cloned().unwrap_or_default()))
    }

    /// Says something beside the result, on stderr.
    pub(crate) fn note(&self, text: &str) {
        if self.voice == Voice::Normal {
            aside(text);
        }
    }

    /// Says what somebody has to do for the command to go on, on stderr, however quiet it is.
    pub(crate) fn prompt(&self, text: &str) {
        aside(text);
    }

    /// Says something of less weight beside the result, on stderr.
    pub(crate) fn dim(&self, text: &str) {
        if self.voice == Voice::Normal {
            aside(&text.dimmed().to_string());
        }
    }

    /// Says why the command failed and what to type next. Nothing when nobody reads it any more.
    pub(crate) fn error(&self, error: &Error) {
        // What was run has said what it had to say.
        if matches!(error.exit(), Exit::ClosedPipe | Exit::OfProcess(_)) {
            return;
        }
        if self.format == Format::Json {
            aside(&error_json(error).to_string());
            return;
        }
        let interrupted = error.exit() == Exit::Interrupted;
        if interrupted {
            aside(&error.to_string());
        } else {
            aside(&format!("{} {}", "error:".red().bold(), with_cause(error)));
        }
        let message = error.to_string();
        for (field, description) in error.fields() {
            if !message.contains(&description) {
                aside(&format!("  {field}: {description}"));
            }
        }
        for next in error.next() {
            aside(&format!("{} {next}", "next:".bold()));
        }
    }
}

/// A sentence with its cause: the innermost one, since those between say only who passed it on.
fn with_cause(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    match causes.last() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn error_json(error: &Error) -> serde_json::Value {
    let fields: Vec<_> = error
        .fields()
        .into_iter()
        .map(|(field, description)| serde_json::json!({"field": field, "description": description}))
        .collect();
    serde_json::json!({"error": {
        "message": with_cause(error),
        "reason": error.reason(),
        "exit_code": error.exit().code(),
        "fields": fields,
        "next": error.next(),
    }})
}

/// Prints to stderr. Errors are dropped: there is no other place to report them.
fn aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// What differs between two states, as a line.
pub(crate) fn difference(name: &str, before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (None, Some(after)) => format!("+ {name} = {after}"),
        (Some(before), None) => format!("- {name} = {before}"),
        (before, after) => format!(
            "~ {name} = {} -> {}",
            before.unwrap_or_default(),
            after.unwrap_or_default()
        ),
    }
}

//! Runs: processes that a person has started, in a container of their own or inside an instance. No part of any scale,
//! never healthy, and never in traffic.

use crate::{
    AppId, CommitSha, EnvironmentId, ImageRef, InstanceId, NodeName, RunId, Timestamp, WorkerName,
};

/// One run, under way or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    /// Counted up from 1. Orders runs by when they were begun.
    pub number: i64,
    pub app: AppId,
    pub environment: EnvironmentId,
    /// The Worker whose limits it has, or of whose instance it is a part.
    pub worker: Option<WorkerName>,
    pub place: Place,
    pub node: NodeName,
    pub commit: Option<CommitSha>,
    /// What it runs, with stars for values of variables. Empty: what its image says.
    pub command: Vec<String>,
    pub attendance: Attendance,
    /// Who began it.
    pub actor: String,
    pub begun_at: Timestamp,
    /// When it is ended if it goes on so long.
    pub until: Timestamp,
    /// None: it is under way.
    pub end: Option<RunEnd>,
}

/// Where a run's process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a container of its own, of this image, which bears the run's id as its name.
    Own(ImageRef),
    /// In the container of an instance.
    Inside(InstanceId),
}

crate::words! {
    /// Whether somebody stays with a run.
    Attendance {
        /// Its input and output are its client's, and it ends with it.
        Attended => "attended",
        /// It goes on by itself.
        Detached => "detached",
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    pub at: Timestamp,
    /// 128 and the signal's number where a signal ended it. None: it never ran, or nobody saw how it ended.
    pub exit_code: Option<i64>,
    /// A sentence: `exited with code 3`, `its client hung up`.
    pub what: String,
    /// The last lines of a detached one, oldest first. At most 100.
    pub log_tail: Vec<String>,
}

crate::words! {
    /// A signal that a person may send to a run.
    Signal {
        /// The terminal is gone.
        HangUp => "HUP",
        /// Ctrl-C.
        Interrupt => "INT",
        /// Ctrl-\.
        Quit => "QUIT",
        /// Please end.
        Terminate => "TERM",
        /// End now.
        Kill => "KILL",
        User1 => "USR1",
        User2 => "USR2",
    }
}

/// What takes the place of a value in a command on record.
const STARS: &str = "***";
/// Values that are shorter are words that a command has anyway.
const SECRET_MIN: usize = 4;
/// The most bytes of a command that go on record.
const COMMAND_MAX: usize = 4096;

/// A command as it goes on record: without the values of variables, and not longer than 4 KiB.
#[must_use]
pub fn recorded<'a>(
    command: &[String],
    values: impl IntoIterator<Item = &'a str> + Clone,
) -> Vec<String> {
    let mut room = COMMAND_MAX;
    let mut words = Vec::new();
    for word in command {
        let mut hidden: Vec<&str> = values
            .clone()
            .into_iter()
            .filter(|value| value.len() >= SECRET_MIN && word.contains(value))
            .collect();
        // The longest first: one value may be a part of another.
        hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let word = hidden
            .into_iter()
            .fold(word.clone(), |word, value| word.replace(value, STARS));
        if word.len() > room {
            words.push("…".to_owned());
            break;
        }
        room -= word.len();
        words.push(word);
    }
    words
}

/// A command in words for people, on one line.
#[must_use]
pub fn shown(command: &[String]) -> String {
    if command.is_empty() {
        return "the command of its image".to_owned();
    }
    let words: Vec<_> = command
        .iter()
        .map(|word| word.escape_debug().to_string())
        .collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_on_record_has_no_value_of_a_variable() {
        let command = ["psql", "postgres://u:hunter22@db/shop", "-c", "a"].map(str::to_owned);
        let values = ["hunter22", "a", "postgres://u:hunter22@db/shop"];
        assert_eq!(recorded(&command, values), ["psql", "***", "-c", "a"]);
        assert_eq!(
            recorded(&command, ["hunter22"])[1],
            "postgres://u:***@db/shop"
        );
        let long = ["x".repeat(COMMAND_MAX + 1), "y".to_owned()];
        assert_eq!(recorded(&long, []), ["…"]);
    }
}

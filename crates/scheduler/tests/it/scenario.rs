//! Conversations in text: what the planner does over time, to be read like a story.
//!
//! In each file of `scenarios/` a line after `>` is said to a small world (`Conversation::hear` knows every word), and
//! what follows it is the world's answer. The answers are the snapshot: `scripts/accept` rewrites them.

mod conversation;
mod look;
mod names;
mod tally;
mod words;

use conversation::Conversation;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a line that is said begins with.
const SAID: &str = "> ";

#[test]
fn every_scenario_goes_as_it_is_written() {
    let mut wrong = Vec::new();
    for path in scenarios() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let written = fs::read_to_string(&path).unwrap();
        match hold(&written) {
            Err(fault) => wrong.push(format!("{file}:{fault}")),
            Ok(held) if held == written => {}
            Ok(held) if is_accepting() => fs::write(&path, held).unwrap(),
            Ok(held) => wrong.push(format!("{file}:{}", first_difference(&written, &held))),
        }
    }
    let advice = "`scripts/accept` writes what is answered now";
    assert!(wrong.is_empty(), "{}\n{advice}", wrong.join("\n"));
}

#[test]
fn a_line_that_nobody_understands_is_named() {
    for (text, fault) in [
        ("> pool a\n> dance", "2: there is no `dance`"),
        (
            "> pool a\n\n> running dep-1 web@a",
            "3: there is no worker `web`",
        ),
        ("> worker web size=2", "1: there is no `size` of a worker"),
        ("> wait long", "1: `long` is not a time: write 60s or 5m"),
    ] {
        assert_eq!(hold(text), Err(fault.to_owned()), "{text}");
    }
}

#[test]
fn an_answer_that_has_changed_is_shown() {
    let written = "> pool a\n> worker web scale=1\n> deploy dep-1\n> plan\nnothing to do\n";
    let held = hold(written).unwrap();
    assert_eq!(
        first_difference(written, &held),
        "5: written is `nothing to do`, answered is `start  web.1@a  dep-1  0 of 1 run`"
    );
}

fn scenarios() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// The same word as for the other snapshots.
fn is_accepting() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always")
}

/// The conversation with its answers as they are now. Comments and empty lines before what is said stay.
///
/// # Errors
/// The number of the line that was not understood, and why.
fn hold(text: &str) -> Result<String, String> {
    let mut conversation = Conversation::default();
    let mut held = String::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(said) = line.strip_prefix(SAID) {
            let answer = conversation
                .hear(said)
                .map_err(|fault| format!("{}: {fault}", number + 1))?;
            held.push_str(line);
            held.push('\n');
            held.push_str(&answer);
        } else if line.is_empty() || line.starts_with('#') {
            held.push_str(line);
            held.push('\n');
        }
    }
    Ok(held)
}

/// The first line that is not as it is written.
fn first_difference(written: &str, held: &str) -> String {
    let (mut written, mut held) = (written.lines(), held.lines());
    let mut number = 1;
    loop {
        match (written.next(), held.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            (None, None) => return format!("{number}: the ends of lines differ"),
            (one, other) => {
                let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
                return format!("{number}: written is `{one}`, answered is `{other}`");
            }
        }
    }
}

//! What the papers say is there: links lead somewhere, and commands are those of the reference.

use crate::workspace::{files, read, root, rust_files};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Made by `jockey reference` itself, with every command and flag in it.
const REFERENCE: &str = "docs/cli.md";

#[test]
fn links_between_papers_lead_somewhere() {
    let mut broken = Vec::new();
    for path in papers() {
        let here = path.parent().unwrap_or(Path::new(""));
        let text = read(&path).unwrap_or_default();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let file = link.split('#').next().unwrap_or_default();
            let leads_out = link.contains("://") || file.is_empty();
            if !leads_out && !root().join(here).join(file).exists() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn commands_in_papers_are_there() {
    let reference = read(Path::new(REFERENCE)).expect("`jockey reference > docs/cli.md`");
    let commands: BTreeSet<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("## jockey "))
        .collect();
    let mut broken = Vec::new();
    for path in papers() {
        let text = read(&path).unwrap_or_default();
        for typed in typed_commands(&text) {
            for wrong in unknown(&typed, &commands, &reference) {
                broken.push(format!("{}: `{typed}`: {wrong}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn operations_name_every_metric() {
    let page = read(Path::new("docs/operations.md")).expect("the page of operations");
    let mut missing = BTreeSet::new();
    for path in rust_files() {
        // Of shipped code: this file would find itself.
        let text = read(&path).filter(|_| path.iter().any(|part| part == "src"));
        for call in text.unwrap_or_default().split("!(\"jockey_").skip(1) {
            let name = format!("jockey_{}", call.split('"').next().unwrap_or_default());
            if !page.contains(&format!("`{name}`")) {
                missing.insert(name);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/operations.md does not name {missing:?}"
    );
}

fn papers() -> impl Iterator<Item = PathBuf> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
}

/// What stands in code, as a span or a block, and begins with `jockey `; up to a comment.
fn typed_commands(text: &str) -> Vec<String> {
    let mut typed = Vec::new();
    let mut block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            block = !block;
            continue;
        }
        let spans: Vec<_> = if block {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for span in spans {
            let span = span.trim_start_matches(['$', ' ']);
            if span.starts_with("jockey ") {
                let command = span.split(" #").next().unwrap_or_default();
                typed.push(command.trim().to_owned());
            }
        }
    }
    typed
}

/// The words of a typed command that the reference does not know.
fn unknown(typed: &str, commands: &BTreeSet<&str>, reference: &str) -> Vec<String> {
    let mut words = typed.split_whitespace().skip(1);
    let mut wrong = Vec::new();
    let first = words.next().unwrap_or_default();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    if is_word(first) && first != "reference" && !commands.contains(first) {
        wrong.push(format!("there is no command {first}"));
    }
    for flag in words.filter(|word| word.starts_with("--")) {
        let flag = flag.split('=').next().unwrap_or_default();
        let known = [format!("`{flag}"), format!(", {flag}")]
            .iter()
            .any(|form| reference.contains(form));
        if !known && flag != "--help" {
            wrong.push(format!("there is no flag {flag}"));
        }
    }
    wrong
}

#[test]
fn commands_are_found_in_spans_and_blocks() {
    let text = "Say `jockey scale`, not `scale`.\n```\n$ jockey deploy --dry-run   # plans\njockeyd serve\n```\n";
    assert_eq!(
        typed_commands(text),
        ["jockey scale", "jockey deploy --dry-run"]
    );
    let commands = BTreeSet::from(["deploy"]);
    let reference = "- `--dry-run`: plans";
    assert!(unknown("jockey deploy --dry-run", &commands, reference).is_empty());
    assert_eq!(
        unknown("jockey scale --fast", &commands, reference).len(),
        2
    );
}

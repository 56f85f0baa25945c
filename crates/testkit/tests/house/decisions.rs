//! Decisions are numbered without gaps, short, and of one shape.

use crate::workspace::{files, read};

/// Lines of one decision.
const MOST_LINES: usize = 60;

/// The sections of each, in this order.
const SECTIONS: &[&str] = &[
    "## What forced a choice",
    "## What we chose",
    "## What it costs",
    "## What would change our mind",
];

#[test]
fn decisions_are_numbered_without_gaps_and_say_what_they_cost() {
    let mut decisions: Vec<_> = files()
        .into_iter()
        .filter(|path| path.starts_with("docs/decisions"))
        .collect();
    decisions.sort();
    assert!(!decisions.is_empty(), "docs/decisions/NNNN-title.md");
    for (index, path) in decisions.iter().enumerate() {
        let name = path
            .file_name()
            .expect("a file has a name")
            .to_string_lossy();
        let prefix = format!("{:04}-", index + 1);
        assert!(
            name.starts_with(&prefix) && name.ends_with(".md"),
            "{name} should be {prefix}title.md"
        );
        let text = read(path).expect("a decision is text");
        assert!(
            text.starts_with(&format!("# {}. ", index + 1)),
            "the title of {name}"
        );
        let sections: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(sections, SECTIONS, "the sections of {name}");
        assert!(
            text.lines().count() <= MOST_LINES,
            "{name} is above {MOST_LINES} lines"
        );
    }
}

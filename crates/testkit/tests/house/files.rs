//! Sizes and names of files.

use crate::workspace::{read, rust_files};
use std::path::Path;

/// Lines of a Rust file, tests included.
const MOST_LINES: usize = 400;

/// Files above the limit and what they have. This list only shrinks: split a file, then take its line away.
const LARGE: &[(&str, usize)] = &[];

/// A function that fits nowhere names a missing module, which is none of these.
const NO_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

#[test]
fn no_file_grows_above_the_limit() {
    let mut broken = Vec::new();
    for path in rust_files() {
        let lines = read(&path).map_or(0, |text| text.lines().count());
        let name = path.display().to_string();
        let excused = LARGE.iter().find(|(large, _)| *large == name);
        match excused {
            None if lines > MOST_LINES => {
                broken.push(format!(
                    "{name}: {lines} lines, {MOST_LINES} at most: find its second reason to change"
                ));
            }
            Some((_, had)) if lines > *had => {
                broken.push(format!(
                    "{name}: {lines} lines, had {had}: it may only shrink"
                ));
            }
            Some(_) if lines <= MOST_LINES => {
                broken.push(format!(
                    "{name}: {lines} lines: take it off the list of large files"
                ));
            }
            None | Some(_) => {}
        }
    }
    for (large, _) in LARGE {
        if !rust_files().iter().any(|path| path == Path::new(large)) {
            broken.push(format!(
                "{large} is gone: take it off the list of large files"
            ));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn modules_have_names_and_no_mod_rs() {
    let broken: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| {
            path.file_name().is_some_and(|name| name == "mod.rs")
                || path.iter().any(|part| {
                    let part = part.to_string_lossy();
                    NO_NAMES.contains(&part.strip_suffix(".rs").unwrap_or(&part))
                })
        })
        .collect();
    assert!(
        broken.is_empty(),
        "foo.rs beside foo/, and a name that says what is inside: {broken:?}"
    );
}

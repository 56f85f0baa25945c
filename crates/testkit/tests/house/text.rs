//! What must not be written anywhere, and what must not be written below the ports.

use crate::workspace::{files, read, rust_files};

/// Hosts that a text may name. Everything else would tie the repository to somebody's machines.
const HOSTS: &[&str] = &[
    "0.0.0.0",
    "0177.0.0.1",
    "0x7f.1",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.0.0.2",
    "169.254.169.254",
    "api.github.com",
    "docs.github.com",
    "github.com",
    "hooks.slack.com",
];

/// Domains that exist for examples and tests (RFC 2606, RFC 6761) or are this machine's own.
const HOST_ENDS: &[&str] = &[
    "example.com",
    "example.org",
    ".example",
    ".invalid",
    ".test",
    ".internal",
];

/// What reads the world or the clock, or has no order. All of it is passed in, or is somebody else's business.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "HashMap",
    "HashSet",
    "async fn",
    ".await",
    "println!",
];

#[test]
fn domain_and_scheduler_are_pure_to_the_letter() {
    let mut broken = Vec::new();
    for path in rust_files() {
        if !path.starts_with("crates/domain/src") && !path.starts_with("crates/scheduler/src") {
            continue;
        }
        let text = read(&path).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in IMPURE.iter().filter(|word| code.contains(**word)) {
                broken.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_test_is_left_out() {
    // In two parts, so that this file does not find itself.
    let left_out = concat!("#[ign", "ore");
    let broken: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| read(path).is_some_and(|text| text.contains(left_out)))
        .collect();
    assert!(broken.is_empty(), "a test runs or is deleted: {broken:?}");
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let homes = ["home", "Users", "root"].map(|home| format!("/{home}/"));
    let broken = places(|line| homes.iter().any(|home| line.contains(home)));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_file_names_a_host_that_is_not_everybodys() {
    let broken = places(|line| hosts(line).any(|host| !is_everybodys(host)));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// `path:line: text` of every line of every file that `is_bad`. The lock file is cargo's.
fn places(is_bad: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in files() {
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let Some(text) = read(&path) else { continue };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| is_bad(line)) {
            found.push(format!(
                "{}:{}: {}",
                path.display(),
                number + 1,
                line.trim()
            ));
        }
    }
    found
}

/// The host of each HTTP address in a line. A placeholder, as in `http://$HOST`, is none.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    ["http://", "https://"]
        .into_iter()
        .flat_map(|scheme| line.split(scheme).skip(1))
        .map(|rest| {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
                .unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|host| !host.is_empty())
}

fn is_everybodys(host: &str) -> bool {
    // One label is a name inside a network, or a word of a sentence.
    !host.contains('.') || HOSTS.contains(&host) || HOST_ENDS.iter().any(|end| host.ends_with(end))
}

#[test]
fn hosts_are_found_in_a_line() {
    // In two parts, so that this file does not find itself.
    let line = concat!(
        "curl http://docker/_ping https://github.com/a/b http://$HOST/ (https",
        "://x.corp:80/)"
    );
    let mut found: Vec<_> = hosts(line).collect();
    found.sort_unstable();
    assert_eq!(found, ["docker", "github.com", "x.corp"]);
    assert!(!is_everybodys("x.corp") && is_everybodys("api.example") && is_everybodys("docker"));
}

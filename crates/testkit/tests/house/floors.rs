//! A crate names only crates on floors below it. The floors are those of `docs/architecture.md`.

use crate::workspace::{Crate, crates};
use std::collections::BTreeSet;

/// Crates that live beside the floors, with rules of their own.
const PROTO: &str = "proto";
const TESTKIT: &str = "testkit";

/// Who may name the generated code: whoever speaks the wire, and who serves its descriptors.
const SPEAK_THE_WIRE: &[&str] = &["api", "gateway", "web", "server", "cli"];

/// The floor of a crate that has one.
fn floor(name: &str) -> Option<u8> {
    match name {
        "domain" | "scheduler" => Some(0),
        "ports" => Some(1),
        "controller" | "store" | "runtime" | "catalog" | "builder" | "github" | "notifier"
        | "router" => Some(2),
        "api" => Some(3),
        "gateway" | "web" => Some(4),
        "server" | "cli" => Some(5),
        _ => None,
    }
}

/// Why `from` may not name `to` in what it ships; `None` when it may.
fn refusal(from: &str, to: &str) -> Option<String> {
    let allowed = match (from, to) {
        (_, TESTKIT) => return Some("testkit is for tests: name it in [dev-dependencies]".into()),
        (PROTO, _) => return Some("the generated code knows nobody".into()),
        ("cli", PROTO) => true,
        ("cli", _) => return Some("a client knows the wire alone".into()),
        ("gateway", to) => {
            let knows = "it translates JSON, and knows the wire alone";
            return (to != PROTO).then(|| knows.into());
        }
        (_, PROTO) => SPEAK_THE_WIRE.contains(&from),
        ("scheduler", "domain") => true,
        // Fakes and fixtures stand on the ports and below whoever uses them.
        (TESTKIT, to) => floor(to).is_some_and(|floor| floor <= 1),
        (from, to) => floor(to).is_some_and(|to| Some(to) < floor(from)),
    };
    (!allowed).then(|| "it is above it, or beside it".into())
}

#[test]
fn every_crate_has_a_floor() {
    let homeless: Vec<_> = crates()
        .into_iter()
        .map(|one| one.name)
        .filter(|name| floor(name).is_none() && ![PROTO, TESTKIT].contains(&name.as_str()))
        .collect();
    assert!(
        homeless.is_empty(),
        "say in docs/architecture.md and here on which floor these are: {homeless:?}"
    );
}

#[test]
fn no_crate_names_one_above_or_beside_it() {
    let mut broken = Vec::new();
    for one in crates() {
        for dependency in one.dependencies.iter().filter(|d| d.is_ours()) {
            // To itself with a feature, to the fakes, and from the end-to-end tests to everything.
            let excused = dependency.is_for_tests()
                && (dependency.name == TESTKIT
                    || dependency.name == one.name
                    || one.name == "server");
            if excused {
                continue;
            }
            if let Some(why) = refusal(&one.name, &dependency.name) {
                broken.push(format!("{} names {}: {why}", one.name, dependency.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_rule_itself_knows_right_from_wrong() {
    for (from, to, may) in [
        ("scheduler", "domain", true),
        ("domain", "scheduler", false),
        ("controller", "scheduler", true),
        ("controller", "store", false),
        ("store", "controller", false),
        ("api", "controller", true),
        ("controller", "api", false),
        ("api", "proto", true),
        ("controller", "proto", false),
        ("store", "testkit", false),
        ("testkit", "controller", false),
        ("cli", "proto", true),
        ("cli", "domain", false),
        ("gateway", "proto", true),
        ("gateway", "domain", false),
        ("gateway", "api", false),
        ("domain", "nobody-has-heard-of", false),
    ] {
        assert_eq!(refusal(from, to).is_none(), may, "{from} names {to}");
    }
}

/// The graph as it is, so that a new edge is seen in review.
#[test]
fn the_graph_of_crates_is_this_one() {
    let lines: Vec<_> = crates().iter().map(edges).collect();
    insta::assert_snapshot!("crates", lines.join("\n"));
}

fn edges(one: &Crate) -> String {
    let named: BTreeSet<_> = one
        .dependencies
        .iter()
        .filter(|dependency| dependency.is_ours() && !dependency.is_for_tests())
        .map(|dependency| dependency.name.as_str())
        .collect();
    let named: Vec<_> = named.into_iter().collect();
    format!("{:<10} {}", one.name, named.join(" "))
        .trim_end()
        .to_owned()
}

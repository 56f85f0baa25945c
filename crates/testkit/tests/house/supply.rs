//! What comes from outside: nothing that does I/O below the ports, one TLS provider, one table of lints.

use crate::workspace::{crates, linked, read};
use std::path::Path;

/// What `domain` and `scheduler` may link, with all that it brings. None of it opens a file, a socket or a thread;
/// `time` is without the feature that reads the clock's zone.
const PURE: &[&str] = &[
    "deranged",
    "domain",
    "num-conv",
    "powerfmt",
    "proc-macro2",
    "quote",
    "scheduler",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_spanned",
    "syn",
    "thiserror",
    "thiserror-impl",
    "time",
    "time-core",
    "time-macros",
    "toml",
    "toml_datetime",
    "toml_parser",
    "unicode-ident",
    "winnow",
];

/// Second TLS or RSA implementations. `deny.toml` says the same to `cargo deny`, which is not on every machine.
const BANNED: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rsa",
];

#[test]
fn domain_and_scheduler_link_nothing_that_does_io() {
    for name in ["domain", "scheduler"] {
        let unknown: Vec<_> = linked(name)
            .into_iter()
            .filter(|dependency| !PURE.contains(&dependency.as_str()))
            .collect();
        assert!(
            unknown.is_empty(),
            "{name} is pure, and nobody has said so of {unknown:?}"
        );
    }
}

#[test]
fn domain_and_scheduler_have_no_build_script_dependencies() {
    for one in crates() {
        if ["domain", "scheduler"].contains(&one.name.as_str()) {
            let odd = one
                .dependencies
                .iter()
                .find(|d| !d.is_linked() && !d.is_for_tests());
            assert!(odd.is_none(), "{} is built by more than rustc", one.name);
        }
    }
}

/// What holds connections or types of the wire: two versions of one would not understand each other.
const ONCE: &[&str] = &[
    "axum", "h2", "http", "hyper", "prost", "reqwest", "rustls", "tokio", "tonic",
];

/// The name of every package in the lock file, once for each version.
fn locked() -> Vec<String> {
    let lock: toml::Table = read(Path::new("Cargo.lock"))
        .expect("Cargo.lock is in the repository")
        .parse()
        .expect("Cargo.lock is TOML");
    let packages = lock["package"]
        .as_array()
        .expect("Cargo.lock lists packages");
    let names = packages
        .iter()
        .filter_map(|package| package["name"].as_str());
    names.map(str::to_owned).collect()
}

#[test]
fn the_lock_file_has_one_version_of_each_large_crate() {
    let locked = locked();
    for name in ONCE {
        let versions = locked.iter().filter(|one| one == name).count();
        assert!(
            versions <= 1,
            "{versions} versions of {name}: see with `cargo tree -d -i {name}` who brings them"
        );
    }
    assert!(locked.iter().any(|name| name == "tokio"), "it was read");
}

#[test]
fn the_lock_file_has_one_tls_provider_and_no_rsa() {
    let found: Vec<_> = locked()
        .into_iter()
        .filter(|name| BANNED.contains(&name.as_str()))
        .collect();
    assert!(
        found.is_empty(),
        "ring is the only TLS provider: see with `cargo tree -i NAME` who brings {found:?}"
    );
}

#[test]
fn every_crate_opts_into_the_lints() {
    for one in crates() {
        let manifest: toml::Table = std::fs::read_to_string(&one.manifest_path)
            .expect("cargo has just read this manifest")
            .parse()
            .expect("cargo has just parsed this manifest");
        let shared = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        // The workspace's lints are not for generated code.
        let wanted = one.name != "proto";
        assert_eq!(
            shared.and_then(toml::Value::as_bool).unwrap_or(false),
            wanted,
            "[lints] workspace = true in the manifest of {}",
            one.name
        );
    }
}

//! `proto/` as buf sees it: the style of `buf.yaml`, and nothing that breaks a client of the last release.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Made by `scripts/provision tests`.
const BUF: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/buf"
);
/// The API that clients rely on, compiled, without comments. `scripts/accept` takes additions up.
const RELEASED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/released.binpb");

#[test]
fn the_protos_have_the_standard_style() {
    let told = buf(Path::new(ROOT), &["lint"]);
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn nothing_breaks_a_client_of_the_last_release() {
    let told = buf(Path::new(ROOT), &["breaking", "--against", RELEASED]);
    assert!(
        told.is_empty(),
        "\n{told}\nput back what went, or add the new beside the old: see proto/README.md"
    );
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        let build = ["build", "--exclude-source-info", "--output", RELEASED];
        assert_eq!(buf(Path::new(ROOT), &build), "");
    }
}

#[test]
fn a_change_that_breaks_clients_and_a_bad_name_are_told() {
    for (why, command, from, to, told) in [
        (
            "a number",
            Check::Breaking,
            "string repo = 3;",
            "string repo = 33;",
            "\"3\" with name \"repo\" on message \"App\" was deleted",
        ),
        (
            "a type",
            Check::Breaking,
            "string repo = 3;",
            "int64 repo = 3;",
            "changed type",
        ),
        (
            "an RPC that went",
            Check::Breaking,
            "rpc GetApp(",
            "rpc FetchApp(",
            "\"GetApp\" on service \"AppService\" was deleted",
        ),
        (
            "a name",
            Check::Lint,
            "string repo = 3;",
            "string theRepo = 3;",
            "lower_snake_case",
        ),
    ] {
        let changed = copy_with(from, to);
        let said = match command {
            Check::Breaking => buf(changed.path(), &["breaking", "--against", RELEASED]),
            Check::Lint => buf(changed.path(), &["lint"]),
        };
        assert!(said.contains(told), "{why}: {said}");
    }
}

enum Check {
    Breaking,
    Lint,
}

/// What buf has to say, which is nothing when all is well.
fn buf(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(BUF)
        .args(arguments)
        .current_dir(directory)
        .env("BUF_CACHE_DIR", std::env::temp_dir().join("jockey-buf"))
        .output()
        .expect("run `scripts/provision tests` first");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    if output.status.success() {
        assert_eq!(told, "");
    } else {
        assert_ne!(told, "", "buf {arguments:?}: {}", output.status);
    }
    told
}

/// A copy of `proto/` and `buf.yaml` in which `apps.proto` has another text.
fn copy_with(from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let root = Path::new(ROOT);
    std::fs::copy(root.join("buf.yaml"), copy.path().join("buf.yaml")).unwrap();
    copy_protos(&root.join("proto"), &copy.path().join("proto"));
    let apps = copy.path().join("proto/jockey/v1/apps.proto");
    let text = std::fs::read_to_string(&apps).unwrap();
    assert!(text.contains(from), "{from} is not in apps.proto");
    std::fs::write(apps, text.replacen(from, to, 1)).unwrap();
    copy
}

fn copy_protos(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry: PathBuf = entry.unwrap().path();
        let name = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy_protos(&entry, &name);
        } else {
            std::fs::copy(&entry, name).unwrap();
        }
    }
}

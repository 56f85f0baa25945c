//! What the rules look at: the workspace's crates, and the files that git keeps or would keep.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// One crate of ours, as its manifest says.
#[derive(serde::Deserialize)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest.
#[derive(serde::Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    kind: Option<String>,
    /// Where it is, for a crate of ours.
    path: Option<PathBuf>,
}

impl Dependency {
    pub(crate) fn is_ours(&self) -> bool {
        self.path.is_some()
    }

    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }

    /// Part of the crate itself: neither for its tests nor for its build script.
    pub(crate) fn is_linked(&self) -> bool {
        self.kind.is_none()
    }
}

/// The directory of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every crate of ours, by name.
pub(crate) fn crates() -> Vec<Crate> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        packages: Vec<Crate>,
    }
    let text = cargo(&["metadata", "--offline", "--no-deps", "--format-version=1"]);
    let mut metadata: Metadata = serde_json::from_str(&text).expect("cargo metadata prints JSON");
    metadata.packages.sort_by(|a, b| a.name.cmp(&b.name));
    metadata.packages
}

/// Everything that a crate of ours links, itself included: names, sorted, each once.
pub(crate) fn linked(name: &str) -> Vec<String> {
    let text = cargo(&[
        "tree",
        "--offline",
        "--package",
        name,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Paths below the root of all files that are in the repository or about to be.
pub(crate) fn files() -> Vec<PathBuf> {
    let text = output(Command::new("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]));
    text.lines()
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect()
}

/// The Rust files among them.
pub(crate) fn rust_files() -> Vec<PathBuf> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The text of a file below the root; `None` when it is not text.
pub(crate) fn read(path: &Path) -> Option<String> {
    std::fs::read(root().join(path))
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
}

fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    output(Command::new(program).args(arguments))
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let done = command
        .current_dir(root())
        .output()
        .expect("cargo and git are on PATH");
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).expect("the paths and names of this workspace are text")
}

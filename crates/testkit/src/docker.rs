//! The real Docker Engine, for tests that must not trust a fake: through the `docker` command, so that what a
//! test sees is not what the code under test believes.
//!
//! A test that needs the engine fails where there is none; it never skips.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

pub(crate) mod engine;
mod gate;
mod leftovers;
pub(crate) mod owner;
mod scope;

pub use engine::Engine;
pub use gate::Gate;
pub use scope::Scope;

/// Where the machine's engine listens.
pub const SOCKET: &str = "/var/run/docker.sock";

/// The image that every test may build on. It needs no public registry.
pub const BASE_IMAGE: &str = "busybox:1";

/// Whether an engine answers.
///
/// # Errors
/// No engine, or no `docker` command: says what to run.
pub fn check() -> anyhow::Result<()> {
    run(["version", "--format", "{{.Server.Version}}"])
        .map(drop)
        .context(
            "this test needs a Docker daemon and none answers: run scripts/provision, then try again",
        )
}

/// Leaves [`BASE_IMAGE`] in the engine and answers its name. Makes it at most once, however many tests ask at once.
///
/// # Errors
/// It is not there and could not be made; says what to run.
pub fn base_image() -> anyhow::Result<&'static str> {
    let scripts = workspace().join("scripts/lib");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c"])
        .arg(r#"source "$1/say.sh"; source "$1/images.sh"; ensure_busybox"#)
        .args([OsStr::new("ensure_busybox"), scripts.as_os_str()])
        .output()
        .context("bash could not be started")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{BASE_IMAGE} is missing and could not be made: run scripts/provision ({})",
            words.trim()
        );
    }
    Ok(BASE_IMAGE)
}

/// Runs `docker` with these arguments and answers what it printed, trimmed.
///
/// # Errors
/// It could not be started, or failed: the error ends with what it wrote to stderr.
pub fn run<I>(arguments: I) -> anyhow::Result<String>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    capture(Command::new("docker").args(arguments))
}

/// Runs a command and answers what it printed, trimmed; an error ends with what it wrote to stderr.
pub(crate) fn capture(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}: {}", output.status, words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_says_why() {
        let error = run(["inspect", "there-is-no-such-thing"]).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("there-is-no-such-thing"), "{text}");
        assert!(text.contains("No such"), "{text}");
    }

    #[test]
    fn the_base_image_runs() {
        check().unwrap();
        let image = base_image().unwrap();
        let words = run(["run", "--rm", image, "sh", "-c", "echo alive"]).unwrap();
        assert_eq!(words, "alive");
    }

    #[test]
    fn many_who_ask_for_the_base_image_at_once_get_the_same_one() {
        let ids: Vec<String> = std::thread::scope(|scope| {
            let askers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| base_image().and_then(image_id)))
                .collect();
            askers
                .into_iter()
                .map(|asker| asker.join().unwrap().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| id == &ids[0]), "{ids:?}");
    }

    fn image_id(image: &str) -> anyhow::Result<String> {
        run(["image", "inspect", "--format", "{{.Id}}", image])
    }
}

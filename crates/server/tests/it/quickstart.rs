//! `scripts/quickstart` and `scripts/picture`, in a copy of what they need of the repository. The programs are those of
//! this test: building them is left out, all else is as a person has it.

use crate::{
    calls::contains,
    programs::{Ended, jockey},
};
use anyhow::{Context, ensure};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use testkit::docker;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A working copy in which nothing was done yet. Dropping it cleans up behind it.
struct WorkingCopy {
    directory: tempfile::TempDir,
    listen: String,
}

impl WorkingCopy {
    fn new() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        for part in ["scripts", "examples", "Cargo.toml", "README.md"] {
            let from = Path::new(ROOT).join(part);
            let copied = Command::new("cp").arg("-R").args([&from, root]).status()?;
            ensure!(copied.success(), "{part} cannot be copied");
        }
        let programs = root.join("target/debug");
        fs::create_dir_all(&programs)?;
        symlink(env!("CARGO_BIN_EXE_jockeyd"), programs.join("jockeyd"))?;
        symlink(jockey()?, programs.join("jockey"))?;
        let shims = root.join("shims");
        fs::create_dir(&shims)?;
        fs::write(shims.join("cargo"), "#!/bin/sh\n")?;
        fs::set_permissions(shims.join("cargo"), PermissionsExt::from_mode(0o755))?;
        // Free until now; whoever takes it meanwhile makes the server say so.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self {
            directory,
            listen: address.to_string(),
        })
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn quickstart(&self, flags: &[&str]) -> anyhow::Result<Ended> {
        self.run("scripts/quickstart", flags)
    }

    /// A script, as a person runs it there.
    fn run(&self, script: &str, flags: &[&str]) -> anyhow::Result<Ended> {
        let shims = self.path("shims").display().to_string();
        let path = std::env::var("PATH").context("there is no PATH")?;
        let output = Command::new("timeout")
            .args(["300", script])
            .args(flags)
            .current_dir(self.directory.path())
            .env("PATH", format!("{shims}:{path}"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("JOCKEY_LISTEN", &self.listen)
            .stdin(Stdio::null())
            .output()?;
        Ok(Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        if self.path(".jockey").exists() {
            let cleaned = self.quickstart(&["--clean"]);
            eprintln!("cleaned up behind the test: {cleaned:?}");
        }
    }
}

/// What stands before the picture, the picture, and what stands after it.
fn around_the_picture(readme: &str) -> anyhow::Result<(&str, &str, &str)> {
    let (before, rest) = readme
        .split_once("<!-- picture: scripts/picture -->")
        .context("no picture begins")?;
    let (picture, after) = rest
        .split_once("<!-- /picture -->")
        .context("no picture ends")?;
    Ok((before, picture, after))
}

/// What there is in Docker of an installation.
fn made_by(installation: &str) -> anyhow::Result<String> {
    let label = format!("label=jockey.installation={installation}");
    let containers = docker::run(["ps", "--all", "--quiet", "--filter", &label])?;
    let images = docker::run(["images", "--all", "--quiet", "--filter", &label])?;
    Ok(containers + &images)
}

#[test]
fn quickstart_deploys_the_sample_app_twice_is_pictured_and_takes_all_away() -> anyhow::Result<()> {
    // Somebody else's, so that cleaning up leaves it.
    docker::base_image()?;
    let copy = WorkingCopy::new()?;
    let began = copy.quickstart(&[])?.with(0);
    let words = [
        "$ jockey apps create sample",
        "deployed: sample in development",
        "web 2/2 healthy",
        "hello, from commit",
        "What to type next",
    ];
    contains(&began.out, &words);

    let again = copy.quickstart(&[])?.with(0);
    let words = [
        "jockeyd runs already",
        "the app sample is there already",
        "hello, from commit",
    ];
    contains(&again.out, &words);

    copy.run("scripts/picture", &[])?.with(0);
    let readme = fs::read_to_string(copy.path("README.md"))?;
    let old = fs::read_to_string(Path::new(ROOT).join("README.md"))?;
    let (before, picture, after) = around_the_picture(&readme)?;
    let (old_before, old_picture, old_after) = around_the_picture(&old)?;
    assert_eq!((before, after), (old_before, old_after));
    assert_ne!(picture, old_picture);
    let words = [
        "$ jockey deploy",
        "done     deployed",
        "$ curl http://",
        "hello, ",
    ];
    contains(picture, &words);

    let installation = fs::read_to_string(copy.path(".jockey/installation"))?;
    assert_ne!(made_by(installation.trim())?, "");
    copy.quickstart(&["--stop"])?.with(0);
    assert_ne!(
        made_by(installation.trim())?,
        "",
        "what it deployed goes on"
    );
    copy.quickstart(&["--clean"])?.with(0);
    assert_eq!(made_by(installation.trim())?, "");
    assert!(!copy.path(".jockey").exists());
    docker::run(["image", "inspect", docker::BASE_IMAGE])?;
    Ok(())
}

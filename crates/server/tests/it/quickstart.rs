//! `scripts/quickstart` and `scripts/picture`, in a copy of what they need of the repository. The programs are those of
//! this test: building them is left out, all else is as a person has it.

mod next;

use crate::{
    calls::contains,
    programs::{Ended, jockey},
};
use anyhow::{Context, ensure};
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};
use testkit::{
    docker::{self, Engine},
    process,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The number of the cluster of this test, beside that of whoever works on this machine.
const CLUSTER: &str = "252";
const CLUSTER_DIRECTORY: &str = "/var/lib/jockey-cluster/252";

/// A working copy in which nothing was done yet. Dropping it cleans up behind it.
struct WorkingCopy {
    directory: tempfile::TempDir,
    listen: String,
    /// The machine's Docker, where it is not this one's.
    engine: Option<Engine>,
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
        let consul = Path::new(ROOT).join("target/consul");
        if consul.exists() {
            symlink(consul.canonicalize()?, root.join("target/consul"))?;
        }
        let shims = root.join("shims");
        fs::create_dir(&shims)?;
        testkit::process::program(&shims.join("cargo"), "#!/bin/sh\n")?;
        Ok(Self {
            directory,
            listen: two_ports()?.to_string(),
            engine: None,
        })
    }

    /// A command that gives up in time, where the Docker that it finds is the working copy's.
    fn timeout(&self) -> Command {
        let Some(engine) = &self.engine else {
            return Command::new("timeout");
        };
        let script = "mount --bind \"$0\" /var/run/docker.sock && exec timeout \"$@\"";
        let mut inside = engine.enter("unshare");
        inside
            .args(["--mount", "--", "sh", "-c", script])
            .arg(engine.socket());
        inside
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn quickstart(&self, flags: &[&str]) -> anyhow::Result<Ended> {
        self.run("scripts/quickstart", flags)
    }

    /// A script, as a person runs it there.
    fn command(&self, script: &str, flags: &[&str]) -> anyhow::Result<Command> {
        let shims = self.path("shims").display().to_string();
        let path = std::env::var("PATH").context("there is no PATH")?;
        let mut command = self.timeout();
        command
            .args(["900", script])
            .args(flags)
            .current_dir(self.directory.path())
            .env("PATH", format!("{shims}:{path}"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("JOCKEY_LISTEN", &self.listen)
            .env("QUICKSTART_CLUSTER", CLUSTER)
            .stdin(Stdio::null());
        Ok(command)
    }

    fn run(&self, script: &str, flags: &[&str]) -> anyhow::Result<Ended> {
        let output = self.command(script, flags)?.output()?;
        Ok(Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }

    /// The same, with Ctrl-C once it has said this.
    fn interrupted(&self, flags: &[&str], said: &str) -> anyhow::Result<Ended> {
        let (out, err) = (self.path("out"), self.path("err"));
        let mut command = self.command("scripts/quickstart", flags)?;
        command
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?);
        let mut running = command.spawn()?;
        while !fs::read_to_string(&out)?.contains(said) {
            let ended = running.try_wait()?;
            ensure!(ended.is_none(), "{}", fs::read_to_string(&err)?);
            std::thread::sleep(Duration::from_millis(20));
        }
        // It hands that on to all that belong to it, as a terminal does.
        process::interrupt(running.id())?;
        Ok(Ended {
            code: running.wait()?.code(),
            out: fs::read_to_string(out)?,
            err: fs::read_to_string(err)?,
        })
    }

    /// The processes that a cluster of it leaves running.
    fn processes(&self) -> anyhow::Result<Vec<String>> {
        let own = |below: &str| self.path(".jockey-cluster").join(below);
        let shared = |below: &str| Path::new(CLUSTER_DIRECTORY).join(below);
        let notes = [
            own("server-1/jockeyd.pid"),
            own("server-2/jockeyd.pid"),
            shared("postgres/postgres.pid"),
            shared("registry.pid"),
            shared("host-1/dockerd.pid"),
            shared("host-3/consul.pid"),
        ];
        let read = |note: PathBuf| {
            let pid = fs::read_to_string(&note).with_context(|| note.display().to_string())?;
            Ok(pid.trim().to_owned())
        };
        notes.into_iter().map(read).collect()
    }
}

/// An address of this machine where nobody listens, nor at the port after it: below those of instances of other tests, and of
/// those that the kernel gives away.
fn two_ports() -> anyhow::Result<SocketAddr> {
    const PORTS: std::ops::Range<u16> = 10_000..11_000;
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    // Each begins elsewhere, so that those that start at once do not take the same.
    let offset = usize::try_from(std::process::id() % 200)? + TAKEN.fetch_add(1, Relaxed);
    let mut pairs = PORTS.step_by(2).cycle().skip(offset).take(PORTS.len() / 2);
    let first = pairs.find(|first| is_free(*first) && is_free(first + 1));
    let first = first.with_context(|| format!("no two ports are free together in {PORTS:?}"))?;
    Ok((Ipv4Addr::LOCALHOST, first).into())
}

/// How many times ports were taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Whether a process runs its program; one that has ended, and waits for its parent, does not.
fn runs(pid: &str) -> bool {
    fs::read_link(Path::new("/proc").join(pid).join("exe")).is_ok()
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        if self.path(".jockey").exists() {
            let cleaned = self.quickstart(&["--clean"]);
            eprintln!("cleaned up behind the test: {cleaned:?}");
        }
        if self.path(".jockey-cluster").exists() {
            let cleaned = self.quickstart(&["--cluster", "--clean"]);
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
        "It runs; all of it in ",
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

    copy.types_what_is_next(&again.out)?;
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

#[test]
fn quickstart_takes_away_the_base_image_and_the_volumes_that_are_its_own() -> anyhow::Result<()> {
    let mut copy = WorkingCopy::new()?;
    copy.engine = Some(Engine::start()?);
    let inside = |words: &[&str]| -> anyhow::Result<String> {
        let engine = copy.engine.as_ref().context("it has one")?;
        docker::run(
            ["--host", &format!("unix://{}", engine.socket().display())]
                .iter()
                .chain(words),
        )
    };
    inside(&["image", "rm", docker::BASE_IMAGE])?;
    let began = copy.quickstart(&[])?.with(0);
    let words = [
        "busybox:1 could not be pulled; making an image of that name",
        "hello, from commit",
    ];
    contains(&(began.out + &began.err), &words);
    let installation = fs::read_to_string(copy.path(".jockey/installation"))?;
    let label = format!("--label=jockey.installation={}", installation.trim());
    inside(&["volume", "create", &label])?;
    inside(&["image", "inspect", docker::BASE_IMAGE])?;

    copy.quickstart(&["--clean"])?.with(0);
    for list in [
        &["ps", "--all"][..],
        &["image", "ls", "--all"],
        &["volume", "ls"],
    ] {
        assert_eq!(inside(&[list, &["--quiet"]].concat())?, "", "{list:?}");
    }
    Ok(())
}

#[test]
fn quickstart_plays_a_cluster_loses_a_host_and_a_server_heals_and_takes_all_away()
-> anyhow::Result<()> {
    docker::base_image()?;
    let copy = WorkingCopy::new()?;
    // What a killed run of this test has left: the number is this test's own.
    let owner = Path::new(CLUSTER_DIRECTORY).join("owner");
    if owner.exists() {
        fs::write(
            &owner,
            copy.path("").display().to_string().trim_end_matches('/'),
        )?;
    }
    copy.quickstart(&["--cluster", "--clean"])?.with(0);
    let broken_off = copy
        .interrupted(&["--cluster"], "until Consul says that it has failed")?
        .with(130);
    contains(&broken_off.out, &["interrupted. What is there goes on"]);

    let began = copy.quickstart(&["--cluster"])?.with(0);
    let words = [
        "starting the Docker daemon of host-3",
        "server-2 of two, at http://127.0.0.1:",
        "host-3   10.99.252.13   alive",
        "deployed: sample in development",
        "web 3/3 healthy",
        "   10.99.252.13:",
        "host-3   10.99.252.13   failed",
        "$ kill -9 ",
        "web 4/4 healthy",
        "development/api is even",
        "It healed, twice; all of it in ",
    ];
    contains(&began.out, &words);

    let another = WorkingCopy::new()?;
    for flags in [&["--cluster"][..], &["--cluster", "--clean"]] {
        let refused = another.quickstart(flags)?.with(1);
        contains(
            &refused.err,
            &["cluster 252 is that of ", "take it away there"],
        );
    }
    fs::remove_dir_all(another.path(".jockey-cluster"))?;
    takes_all_away(&copy)
}

fn takes_all_away(copy: &WorkingCopy) -> anyhow::Result<()> {
    let processes = copy.processes()?;
    assert!(processes.iter().all(|pid| runs(pid)), "{processes:?}");
    // A person who reads a log there is no part of the cluster.
    let log = Path::new(CLUSTER_DIRECTORY).join("host-1/dockerd.log");
    let mut reader = Command::new("tail")
        .arg("-f")
        .arg(log)
        .stdout(Stdio::null())
        .spawn()?;
    let cleaned = copy.quickstart(&["--cluster", "--clean"]);
    let reads = reader.try_wait()?.is_none();
    reader.kill()?;
    reader.wait()?;
    assert!(reads, "the reader was killed as well");
    cleaned?.with(0);
    for left in [
        CLUSTER_DIRECTORY,
        "/run/netns/jockey-hub-252",
        "/sys/class/net/jockey252",
    ] {
        assert!(!Path::new(left).exists(), "{left} is left");
    }
    assert!(!copy.path(".jockey-cluster").exists());
    let left: Vec<_> = processes.iter().filter(|pid| runs(pid)).collect();
    assert!(left.is_empty(), "{left:?} of {processes:?} are left");
    Ok(())
}

#[test]
fn a_cluster_has_a_number_that_may_be_part_of_what_is_removed() -> anyhow::Result<()> {
    let copy = WorkingCopy::new()?;
    for wrong in ["../..", "250", "2510", "251/..", "255"] {
        let output = Command::new(copy.path("scripts/quickstart"))
            .args(["--cluster", "--clean"])
            .env("QUICKSTART_CLUSTER", wrong)
            .output()?;
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        let words = String::from_utf8(output.stderr)?;
        contains(&words, &["QUICKSTART_CLUSTER is the number of a cluster"]);
    }
    Ok(())
}

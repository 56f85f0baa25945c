use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use super::{BASE_IMAGE, base_image, capture};

/// How long an engine may take to start or to stop, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is started that ends before it answers: it gives its containerd 15 s to start, and ends itself after that.
const TRIES: usize = 3;

/// A Docker Engine of one test's own, which may be stopped, killed and started again without harm to others. It lives
/// in a network namespace of its own, since two in one take away each other's bridge; so what it publishes on
/// 127.0.0.1 is reached only by programs started with [`Engine::enter`]. Its socket is reached from everywhere.
///
/// Needs root. Gone on drop, with its containers and images.
#[derive(Debug)]
pub struct Engine {
    daemon: Option<Child>,
    namespace: Child,
    directory: TempDir,
    /// What its daemon is told besides.
    arguments: Vec<OsString>,
}

impl Engine {
    /// Starts one that has no image but [`BASE_IMAGE`].
    ///
    /// # Errors
    /// Not root, no dockerd, or it does not answer in time: ends with the last lines of its log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_in(
            network_namespace()?,
            &std::env::temp_dir(),
            "{}",
            Vec::new(),
        )
    }

    /// The same in this network, with its directory below this one, told these settings and arguments.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub(crate) fn start_in(
        namespace: Child,
        below: &Path,
        settings: &str,
        arguments: Vec<OsString>,
    ) -> anyhow::Result<Self> {
        ensure!(
            fs::metadata("/proc/self")?.uid() == 0,
            "this test starts a Docker daemon of its own: run it as root"
        );
        base_image()?;
        let directory = tempfile::Builder::new()
            .prefix("jockey-engine-")
            .tempdir_in(below)?;
        // The machine's own daemon.json is not meant for this one.
        fs::write(directory.path().join("daemon.json"), settings)?;
        let mut engine = Self {
            daemon: None,
            namespace,
            directory,
            arguments,
        };
        engine.resume()?;
        engine.load_base_image()?;
        Ok(engine)
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// A directory that goes with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Whether its daemon was started and not ended since by this.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.daemon.is_some()
    }

    /// Runs `docker` against it and answers what that printed, trimmed.
    ///
    /// # Errors
    /// What `docker` says.
    pub fn run<const N: usize>(&self, arguments: [&str; N]) -> anyhow::Result<String> {
        capture(self.docker().args(arguments))
    }

    /// A command that runs in this engine's network: there 127.0.0.1 is where it publishes ports.
    #[must_use]
    pub fn enter(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.namespace.id()))
            .arg("--")
            .arg(program.as_ref());
        command
    }

    /// Holds its daemon still: it takes calls and does not answer, and its containers run on.
    ///
    /// # Errors
    /// It does not run, or is not still in time.
    pub fn hold(&self) -> anyhow::Result<()> {
        let daemon = self.daemon.as_ref().context("its daemon runs")?;
        crate::process::hold(daemon.id())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn release(&self) -> anyhow::Result<()> {
        let daemon = self.daemon.as_ref().context("its daemon runs")?;
        crate::process::release(daemon.id())
    }

    /// Starts the daemon when it is not running, and waits until it answers.
    ///
    /// # Errors
    /// It does not answer in time: ends with the last lines of its log.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        if self.daemon.is_some() {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            self.daemon = Some(self.launch()?);
            match self.wait_until_it_answers() {
                Err(_) if self.daemon.is_none() && tries < TRIES => tries += 1,
                answered => return answered,
            }
        }
    }

    fn launch(&self) -> anyhow::Result<Child> {
        let at = |name: &str| self.directory.path().join(name);
        let log = File::options()
            .append(true)
            .create(true)
            .open(at("dockerd.log"))?;
        let name = at("")
            .file_name()
            .map(ToOwned::to_owned)
            .unwrap_or_default();
        self.enter("dockerd")
            .arg("--config-file")
            .arg(at("daemon.json"))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("dockerd.pid"))
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            // Where a containerd runs for the whole machine, it is shared.
            .arg("--containerd-namespace")
            .arg(&name)
            .arg("--containerd-plugins-namespace")
            .arg(format!("{}-plugins", name.display()))
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("this test needs dockerd: run scripts/provision, then try again")
    }

    /// Stops the daemon as a service manager does. Its containers stop too.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut daemon) = self.daemon.take() else {
            return Ok(());
        };
        capture(Command::new("kill").arg(daemon.id().to_string()))?;
        let ended = wait_until(|| Ok(daemon.try_wait()?.is_some()));
        if !ended? {
            daemon.kill()?;
            daemon.wait()?;
            bail!("dockerd did not stop within {PATIENCE:?}");
        }
        Ok(())
    }

    /// Ends the daemon with SIGKILL. Its containers go on running until it comes back.
    ///
    /// # Errors
    /// It, or the containerd that it started, could not be killed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut daemon) = self.daemon.take() else {
            return Ok(());
        };
        daemon.kill()?;
        daemon.wait()?;
        // The kernel kills its containerd after it. A new daemon that still finds it waits for it, and gives up.
        let pid_file = self.directory.path().join("exec/containerd/containerd.pid");
        let Ok(pid) = fs::read_to_string(&pid_file) else {
            return Ok(());
        };
        let program = format!("/proc/{}/exe", pid.trim());
        ensure!(
            wait_until(|| Ok(fs::read_link(&program).is_err()))?,
            "the containerd of a killed dockerd lives on"
        );
        Ok(fs::remove_file(pid_file)?)
    }

    fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()));
        command
    }

    fn load_base_image(&self) -> anyhow::Result<()> {
        let mut save = Command::new("docker")
            .args(["save", BASE_IMAGE])
            .stdout(Stdio::piped())
            .spawn()?;
        let archive = save.stdout.take().context("stdout is piped")?;
        capture(self.docker().arg("load").stdin(archive))?;
        ensure!(save.wait()?.success(), "docker save {BASE_IMAGE} failed");
        Ok(())
    }

    fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let answers = wait_until(|| {
            if let Some(daemon) = &mut self.daemon
                && daemon.try_wait()?.is_some()
            {
                self.daemon = None;
                bail!("dockerd ended");
            }
            // The socket of the daemon before may still lie there; only a connection tells.
            Ok(UnixStream::connect(self.directory.path().join("docker.sock")).is_ok())
        });
        match answers {
            Ok(true) => self.run(["version"]).map(drop),
            Ok(false) => bail!(
                "dockerd does not answer within {PATIENCE:?}:\n{}",
                self.log()
            ),
            Err(error) => Err(error.context(self.log())),
        }
    }

    /// The last lines of the daemon's log.
    fn log(&self) -> String {
        let text =
            fs::read_to_string(self.directory.path().join("dockerd.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// What a killed daemon left running can only be taken away by a daemon.
    fn dismantle(&mut self) -> anyhow::Result<()> {
        self.resume()?;
        // Again while something that the test has begun goes on in it, such as a removal.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.run(["ps", "--all", "--quiet"])?;
            let removed = left
                .lines()
                .try_for_each(|it| self.run(["rm", "--force", "--volumes", it]).map(drop));
            match removed {
                Ok(()) => break,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
        self.stop()?;
        self.unmount()
    }

    /// A daemon that was killed leaves its mounts to its successor, which does not know all of them.
    fn unmount(&self) -> anyhow::Result<()> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        let ours: Vec<&str> = points
            .filter(|point| Path::new(point).starts_with(self.directory.path()))
            .collect();
        // The innermost last mounted goes first.
        for point in ours.iter().rev() {
            capture(Command::new("umount").args(["--lazy", point]))?;
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let dismantled = self.dismantle();
        // Fails only when it has ended already.
        let _ended = self.namespace.kill();
        let _reaped = self.namespace.wait();
        // A second panic would hide the test's own.
        if !thread::panicking() {
            dismantled.expect("the test's Docker daemon could not be taken down");
        }
    }
}

/// A process that holds a network namespace, with its loopback up, as long as it lives.
pub(crate) fn network_namespace() -> anyhow::Result<Child> {
    let mut holder = Command::new("unshare")
        .args(["--net", "--", "sh", "-c"])
        .arg("busybox ip link set lo up && echo ready && exec sleep infinity")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("this test needs unshare (util-linux)")?;
    let mut line = String::new();
    BufReader::new(holder.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
    if line.trim() != "ready" {
        holder.wait()?;
        bail!("no network namespace could be made: its words are above");
    }
    Ok(holder)
}

/// Asks again and again until the answer is yes, or [`PATIENCE`] is over: then answers no.
fn wait_until(mut asked: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if asked()? {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

#[cfg(test)]
mod tests;

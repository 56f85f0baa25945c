//! A real image registry on a loopback port, with storage of its own that goes with it. Docker speaks plain HTTP to
//! loopback registries without being told to.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long a registry may take to listen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// User and password of a guarded registry.
pub const PASS: (&str, &str) = ("somebody", "open-sesame");
/// The same as a registry keeps it: bcrypt, with the least cost that there is work.
const USERS: &str = "somebody:$2b$05$doLmqPpiprh2UwMnr3/MU.RkEZ.Wmo.ZTTMZOud3fTjc5GjIvkwCO";

/// The file in which it writes down what it was asked for.
const ASKED: &str = "asked.log";

/// Whom a registry lets in.
#[derive(Debug, Clone, Copy)]
enum Door {
    Open,
    Guarded,
}

/// One running `docker-registry`. Killed, and its images with it, on drop.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    address: SocketAddr,
    door: Door,
    directory: TempDir,
}

impl Registry {
    /// Starts one on a free port and waits until it listens.
    ///
    /// # Errors
    /// There is no `docker-registry`, or it ended or did not listen in time: ends with what it wrote.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(&std::env::temp_dir(), LOOPBACK, Door::Open)
    }

    /// The same with its files below a directory, which it has among its arguments, and on another address of this
    /// machine. Docker speaks to it where its settings allow plain HTTP.
    ///
    /// # Errors
    /// As [`Registry::start`].
    pub(crate) fn start_in(below: &Path, address: IpAddr) -> anyhow::Result<Self> {
        Self::start_as(below, address, Door::Open)
    }

    /// One that lets nobody in without [`PASS`].
    ///
    /// # Errors
    /// As [`Registry::start`].
    pub fn start_guarded() -> anyhow::Result<Self> {
        Self::start_as(&std::env::temp_dir(), LOOPBACK, Door::Guarded)
    }

    fn start_as(below: &Path, address: IpAddr, door: Door) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("jockey-registry-")
            .tempdir_in(below)?;
        fs::write(directory.path().join("users"), format!("{USERS}\n"))?;
        let (process, address) = launch(&directory, SocketAddr::new(address, 0), door)?;
        Ok(Self {
            process,
            address,
            door,
            directory,
        })
    }

    /// Ends it with SIGKILL. What it holds stays.
    pub fn kill(&mut self) {
        end(&mut self.process);
    }

    /// Starts it again where it was, with what it held.
    ///
    /// # Errors
    /// It does not listen in time: ends with what it wrote.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        end(&mut self.process);
        (self.process, self.address) = launch(&self.directory, self.address, self.door)?;
        Ok(())
    }

    /// Where it listens: an image is `<address>/<repository>:<tag>`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The full name of an image in this registry.
    #[must_use]
    pub fn image(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address)
    }

    /// The digests of the blobs that it was asked to send, one for each time, in the order in which that was over. It is
    /// written down after the last byte was sent: who asked may have gone on by then.
    ///
    /// # Errors
    /// What it has written cannot be read.
    pub fn blobs_asked(&self) -> anyhow::Result<Vec<String>> {
        let lines = fs::read_to_string(self.directory.path().join(ASKED))?;
        let asked = lines.lines().filter_map(blob_in);
        Ok(asked.map(str::to_owned).collect())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Starts one, and waits until it listens.
fn launch(
    directory: &TempDir,
    address: SocketAddr,
    door: Door,
) -> anyhow::Result<(Child, SocketAddr)> {
    let config = directory.path().join("config.yml");
    fs::write(&config, config_text(directory, address, door))?;
    let asked = File::options()
        .create(true)
        .append(true)
        .open(directory.path().join(ASKED))?;
    let mut process = Command::new("docker-registry")
        .arg("serve")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(asked)
        .stderr(Stdio::piped())
        .spawn()
        .context("this test needs docker-registry: run scripts/provision, then try again")?;
    let lines = follow(process.stderr.take().context("stderr is piped")?);
    match listening_address(&lines) {
        Ok(address) => Ok((process, address)),
        Err(error) => {
            end(&mut process);
            Err(error)
        }
    }
}

/// Port 0: the kernel chooses, so that no two tests can choose the same.
fn config_text(directory: &TempDir, address: SocketAddr, door: Door) -> String {
    let users = directory.path().join("users");
    let guard = match door {
        Door::Open => String::new(),
        Door::Guarded => format!("auth: {{htpasswd: {{realm: test, path: {users:?}}}}}\n"),
    };
    let storage = directory.path().join("storage");
    format!(
        "version: 0.1\n\
         log: {{level: info, formatter: text}}\n\
         storage: {{filesystem: {{rootdirectory: {storage:?}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '{address}'}}\n{guard}"
    )
}

/// The process's lines. Read to the end even when nobody listens any more, or the process would block on a full pipe.
fn follow(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines): (SyncSender<String>, _) = sync_channel(1024);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _nobody_listens = sender.try_send(line);
        }
    });
    lines
}

fn listening_address(lines: &Receiver<String>) -> anyhow::Result<SocketAddr> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => match address_in(&line) {
                Some(address) => return Ok(address),
                None => seen.push(line),
            },
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "docker-registry does not listen after {PATIENCE:?}:\n{}",
                    seen.join("\n")
                )
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("docker-registry ended at once:\n{}", seen.join("\n"))
            }
        }
    }
}

/// The address in a log line like `time="…" level=info msg="listening on 127.0.0.1:34567" …`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The blob of a line like `127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /v2/shop/blobs/sha256:… HTTP/1.1" 200 7 …`.
fn blob_in(line: &str) -> Option<&str> {
    let request = line.split('"').nth(1)?.strip_prefix("GET ")?;
    let (_, rest) = request.split_once("/blobs/")?;
    rest.split(' ').next()
}

fn end(process: &mut Child) {
    // Both fail only when it has ended already.
    let _ended = process.kill();
    let _reaped = process.wait();
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::docker::{self, Scope};

    #[test]
    fn an_image_that_was_pushed_can_be_pulled() {
        let scope = Scope::open().unwrap();
        let registry = Registry::start().unwrap();
        let image = registry.image(&scope.name("pushed"), "v1");
        docker::run(["tag", docker::base_image().unwrap(), &image]).unwrap();
        docker::run(["push", &image]).unwrap();
        docker::run(["image", "rm", &image]).unwrap();
        docker::run(["pull", "--quiet", &image]).unwrap();
        docker::run(["image", "rm", &image]).unwrap();
    }

    #[test]
    fn two_registries_run_side_by_side_and_end_with_their_owner() {
        let (first, second) = (Registry::start().unwrap(), Registry::start().unwrap());
        let address = first.address();
        assert_ne!(address, second.address());
        TcpStream::connect(address).unwrap();
        drop(first);
        assert!(TcpStream::connect(address).is_err());
        TcpStream::connect(second.address()).unwrap();
    }

    #[test]
    fn the_address_is_read_from_the_log() {
        let line = r#"time="2026-01-02T03:04:05Z" level=info msg="listening on 127.0.0.1:34567" go.version=go1.19.8"#;
        assert_eq!(address_in(line), Some(([127, 0, 0, 1], 34567).into()));
        assert_eq!(address_in("level=info msg=\"using inmemory cache\""), None);
    }

    #[test]
    fn a_blob_that_was_asked_for_is_read_from_what_it_writes_down() {
        for (why, request, blob) in [
            ("sent", "GET /v2/a/shop/blobs/sha256:0a", Some("sha256:0a")),
            ("looked for", "HEAD /v2/a/shop/blobs/sha256:0a", None),
            ("of no blob", "GET /v2/a/shop/manifests/sha256:0a", None),
        ] {
            let line = format!("127.0.0.1 - - [-] \"{request} HTTP/1.1\" 200 7");
            assert_eq!(blob_in(&line), blob, "{why}");
        }
    }
}

//! A real PostgreSQL server with a data directory and a port of its own, run by a user without rights, and databases in
//! it, one for each test.
//!
//! It ends with the process that started it, however that ends: a companion process waits for the other end of a pipe to
//! be closed, which the kernel does for the killed as well, and takes the server and its files away.

mod database;
mod programs;

pub use database::Database;

use anyhow::{Context, bail, ensure};
use database::Access;
use programs::{Programs, run};
use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Ports to choose from: above those of instances and of Consul's agents, below those that the kernel gives away. One is held by
/// whoever listens at the next, which is nobody's while the server is stopped.
const PORTS: std::ops::Range<u16> = 31_000..32_700;
/// How many ports are tried before it is given up: another process may take one between the look and the start.
const TRIES: usize = 20;

/// What the server is started with, besides where it is. Nothing here outlives the machine, so that nothing is forced to
/// the disk; what was answered is kept all the same when a process is killed.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 400
shared_buffers = 64MB
listen_addresses = '127.0.0.1'
log_min_messages = warning
";

/// A running server. Dropped: it ends, and its files go.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    /// Where it listens.
    host: Ipv4Addr,
    port: u16,
    /// What its programs are started with: a command that runs another one, where it is to run elsewhere.
    launcher: Vec<OsString>,
    programs: Programs,
    databases: AtomicU32,
    /// Ends when its input does.
    companion: Child,
    /// Holds the port for this server, also while that is stopped: see [`PORTS`].
    guard: Option<TcpListener>,
}

impl Postgres {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// There is no PostgreSQL here, or it does not start: ends with what it wrote.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_in(Vec::new(), Ipv4Addr::LOCALHOST)
    }

    /// The same in another network, where this is its address: run by a command that runs another one. Who is in that
    /// network is asked for no password.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_in(launcher: Vec<OsString>, host: Ipv4Addr) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let directory = tempfile::Builder::new()
            .prefix("jockey-postgres-")
            .tempdir()?
            .keep();
        let companion = companion(&programs, &directory)?;
        programs.give(&directory)?;
        let mut server = Self {
            directory,
            host,
            port: 0,
            launcher,
            programs,
            databases: AtomicU32::new(0),
            companion,
            guard: None,
        };
        let data = server.data();
        let mut init = server.programs.command("initdb");
        init.args(["-A", "trust", "-U", "postgres", "-E", "UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data);
        run(&mut init)?;
        server
            .programs
            .write(&data.join("postgresql.auto.conf"), SETTINGS)?;
        if host != Ipv4Addr::LOCALHOST {
            let listen = format!("listen_addresses = '{host}'\n");
            server
                .programs
                .write(&data.join("postgresql.auto.conf"), &listen)?;
            let trusted = format!("host all all {host}/24 trust\n");
            server.programs.write(&data.join("pg_hba.conf"), &trusted)?;
        }
        server.first_start()?;
        Ok(server)
    }

    /// The one of this process, for tests that only need a database.
    ///
    /// # Errors
    /// Those of `start`, at each call.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared
            .as_ref()
            .map_err(|error| anyhow::anyhow!(error.clone()))
    }

    /// A new and empty database.
    ///
    /// # Errors
    /// The server does not make one.
    pub fn database(&self) -> anyhow::Result<Database> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        Database::create(self.access(), format!("test_{number}"))
    }

    /// Where it listens: at its address, 127.0.0.1 unless it was told another, at this port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it, and everything that is under way in it, as a crash would.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> anyhow::Result<()> {
        let mut stop = self.programs.command("pg_ctl");
        stop.arg("-D").arg(self.data());
        run(stop.args(["-m", "immediate", "-w", "stop"])).map(drop)
    }

    /// Ends its first process with SIGKILL; the others end when they find that out.
    ///
    /// # Errors
    /// It is not known, or does not end.
    pub fn kill(&self) -> anyhow::Result<()> {
        let note = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        let pid = note.lines().next().context("its number")?.to_owned();
        run(Command::new("kill").args(["-KILL", &pid])).map(drop)
    }

    /// Starts it again, at the same port with the same data.
    ///
    /// # Errors
    /// It does not start: ends with what it wrote.
    pub fn start_again(&self) -> anyhow::Result<()> {
        let log = self.directory.join("log");
        let mut words = self.launcher.clone();
        words.extend(self.programs.words("pg_ctl"));
        let mut start = Command::new(&words[0]);
        start.args(&words[1..]).current_dir("/");
        start.arg("-D").arg(self.data()).arg("-l").arg(&log);
        start
            .arg("-o")
            .arg(format!("-p {} -k {}", self.port, self.directory.display()));
        match run(start.args(["-w", "start"])) {
            Ok(_) => Ok(()),
            Err(error) => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                Err(error.context(said))
            }
        }
    }

    fn first_start(&mut self) -> anyhow::Result<()> {
        let mut tries = 0;
        // Each process begins elsewhere, so that those that start at once do not try the same.
        let offset = (std::process::id() as usize % 800) * 2;
        let around = PORTS.skip(offset).chain(PORTS).step_by(2);
        for port in around {
            let guard = TcpListener::bind(("127.0.0.1", port));
            let Ok(guard) = guard else {
                continue;
            };
            if TcpListener::bind(("127.0.0.1", port + 1)).is_err() {
                continue;
            }
            self.port = port + 1;
            match self.start_again() {
                Ok(()) => {
                    self.guard = Some(guard);
                    return Ok(());
                }
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
        bail!("no port is free among {PORTS:?}")
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn access(&self) -> Access {
        Access {
            programs: self.programs.clone(),
            directory: self.directory.clone(),
            host: self.host,
            port: self.port,
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.companion.stdin.take());
        // It fails only when it has ended already.
        let _ended = self.companion.wait();
    }
}

/// What takes the server and its files away once this process is gone. Signals that the whole group gets do not end it.
fn companion(programs: &Programs, directory: &Path) -> anyhow::Result<Child> {
    let script = "trap '' INT HUP TERM; cat >/dev/null; dir=$1; shift; \
                  \"$@\" -D \"$dir/data\" -m immediate -w stop; rm -rf \"$dir\"";
    let stop = programs.words("pg_ctl");
    let mut child = Command::new("setsid");
    child
        .args(["sh", "-c", script, "sh"])
        .arg(directory)
        .args(stop)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = child.spawn().context("setsid, of util-linux")?;
    ensure!(child.stdin.is_some(), "its input is a pipe");
    Ok(child)
}

#[cfg(test)]
mod tests;

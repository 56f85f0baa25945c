//! A real Consul for tests: one agent that is its own server, with ports and a directory of its own. It ends with its
//! owner, also with one that is killed.

mod certificates;

pub use certificates::Certificates;

use crate::process;
use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an agent may take to have a leader, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What an agent under ACLs lets do everything.
pub const MASTER_TOKEN: &str = "4b2f5f0e-7a55-4c6e-9d0b-000000000001";

/// Runs the rest of its words, and ends them when it is told or its input ends, as that of a process that was killed
/// does. Then nobody takes the directory away but this.
const WATCHED: &str = r#"
directory=$1; shift
"$@" </dev/null >&2 &
echo $! >"$directory/pid"
read -r _ && left= || left=$directory
kill -KILL $!
wait
[ -z "$left" ] || rm -rf "$left"
"#;

/// How an agent is to be.
#[derive(Debug, Default)]
pub struct Options {
    /// What the node is called. None: `node-1`.
    pub node: Option<String>,
    /// Which datacenter it is in. None: `dc1`.
    pub datacenter: Option<String>,
    pub acl: Acl,
    /// Who may speak to it: only who shows a certificate of this CA. None: anybody, in the clear.
    pub tls: Option<Certificates>,
}

/// Whether tokens are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acl {
    #[default]
    Off,
    /// What no token allows is denied.
    Deny,
}

/// One running agent. Killed, and all that it knows with it, on drop.
#[derive(Debug)]
pub struct Consul {
    directory: TempDir,
    options: Options,
    ports: Ports,
    /// None: it is stopped.
    process: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    shell: Child,
    /// Its end is the agent's.
    lifeline: ChildStdin,
}

/// The ports of one agent. The first of its block is held as long as this lives, so that no other agent of any test
/// takes the same; all of them lie below those that Linux gives to clients.
#[derive(Debug)]
struct Ports {
    first: u16,
    _guard: TcpListener,
}

impl Ports {
    const EACH: u16 = 6;

    fn take() -> anyhow::Result<Self> {
        let blocks = (30_000..31_000).step_by(usize::from(Self::EACH));
        // Elsewhere than others begin, for a guard says nothing of ports that a stranger has.
        let skip = std::process::id() as usize % 160;
        let found = blocks.clone().skip(skip).chain(blocks).find_map(|first| {
            let guard = TcpListener::bind(("127.0.0.1", first)).ok()?;
            let free = |at: u16| TcpListener::bind(("127.0.0.1", first + at)).is_ok();
            (1..Self::EACH).all(free).then_some(Self {
                first,
                _guard: guard,
            })
        });
        found.context("every block of ports is taken")
    }

    const fn api(&self) -> u16 {
        self.first + 1
    }

    const fn tls(&self) -> u16 {
        self.first + 2
    }
}

impl Consul {
    /// An agent that lets everybody do everything, on the node `node-1`.
    ///
    /// # Errors
    /// There is no `consul`, or it does not answer in time: ends with what it wrote.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_as(Options::default())
    }

    /// An agent as it is said.
    ///
    /// # Errors
    /// There is no `consul`, or it does not answer in time: ends with what it wrote.
    pub fn start_as(options: Options) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("jockey-consul-")
            .tempdir()?;
        let mut own = Self {
            directory,
            options,
            ports: Ports::take()?,
            process: None,
        };
        own.resume()?;
        Ok(own)
    }

    /// Starts the agent again. It knows the services that it was told of, as an agent of a datacenter does.
    ///
    /// # Errors
    /// It does not answer in time: ends with what it wrote.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let config = self.file("config.json");
        fs::write(&config, self.config().to_string())?;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.file("log"))?;
        fs::remove_file(self.file("pid")).ok();
        let mut shell = Command::new("sh")
            .args(["-c", WATCHED, "sh"])
            .arg(self.directory.path())
            .arg(program()?)
            .args(["agent", "-dev", "-node", self.node()])
            .arg("-data-dir")
            .arg(self.file("data"))
            .arg("-config-file")
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("sh could not be started")?;
        let lifeline = shell.stdin.take().context("stdin is piped")?;
        self.process = Some(Watched { shell, lifeline });
        self.wait("a leader", |own| {
            own.get("/v1/status/leader").is_ok_and(|told| told != "")
                && own
                    .get("/v1/catalog/nodes")
                    .is_ok_and(|told| told.as_array().is_some_and(|nodes| !nodes.is_empty()))
        })
    }

    /// `kill -9`. What a datacenter of this one agent knew is lost; what the agent was told itself is not.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(Watched {
            mut shell,
            mut lifeline,
        }) = self.process.take()
        else {
            return Ok(());
        };
        // Ends the shell's `read`.
        let _ended = lifeline.write_all(b"\n");
        drop(lifeline);
        shell.wait()?;
        Ok(())
    }

    /// Lets it hang, as a machine that swaps: connections stand, and nothing answers.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&self) -> anyhow::Result<()> {
        process::hold(self.pid()?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn unpause(&self) -> anyhow::Result<()> {
        process::release(self.pid()?)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        let pid = fs::read_to_string(self.file("pid"))?;
        Ok(pid.trim().parse()?)
    }

    /// Where it listens: `http://127.0.0.1:30001`.
    #[must_use]
    pub fn url(&self) -> String {
        match self.options.tls {
            Some(_) => format!("https://127.0.0.1:{}", self.ports.tls()),
            None => format!("http://127.0.0.1:{}", self.ports.api()),
        }
    }

    /// The port of it.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.options.tls {
            Some(_) => self.ports.tls(),
            None => self.ports.api(),
        }
    }

    /// What its node is called.
    #[must_use]
    pub fn node(&self) -> &str {
        self.options.node.as_deref().unwrap_or("node-1")
    }

    /// The certificates by which it is spoken to.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.options.tls.as_ref()
    }

    /// What it answers, by `curl`, so that what a test sees is not what the code under test believes.
    ///
    /// # Errors
    /// It does not answer, or not with 200.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let told = self.call("GET", path, None)?;
        serde_json::from_str(&told).with_context(|| format!("{path}: {told}"))
    }

    /// Tells it something.
    ///
    /// # Errors
    /// It does not answer, or not with 200.
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let told = self.call("PUT", path, Some(&body.to_string()))?;
        // Most that is told is answered with nothing.
        Ok(serde_json::from_str(&told).unwrap_or_default())
    }

    /// What it keeps on its disk of the checks that it was told of: it tells nobody all of it.
    ///
    /// # Errors
    /// It keeps none.
    pub fn kept_checks(&self) -> anyhow::Result<Vec<Value>> {
        let kept = fs::read_dir(self.file("data/checks"))?;
        kept.map(|check| Ok(serde_json::from_slice(&fs::read(check?.path())?)?))
            .collect()
    }

    /// Lets this host join a pool, as the configuration of an agent does.
    ///
    /// # Errors
    /// It does not answer.
    pub fn join_pool(&self, stack: &str, environment: &str, meta: &Value) -> anyhow::Result<()> {
        let name = format!("jockey-{stack}-{environment}");
        let service = json!({ "ID": name, "Name": name, "Meta": meta });
        self.put("/v1/agent/service/register", &service).map(drop)
    }

    /// A token that these rules allow what they say.
    ///
    /// # Errors
    /// It does not ask for tokens.
    pub fn token(&self, name: &str, rules: &str) -> anyhow::Result<String> {
        let policy = json!({ "Name": name, "Rules": rules });
        self.put("/v1/acl/policy", &policy)?;
        let told = self.put("/v1/acl/token", &json!({ "Policies": [{ "Name": name }] }))?;
        let secret = told["SecretID"].as_str().context("a token has a secret")?;
        Ok(secret.to_owned())
    }

    fn call(&self, method: &str, path: &str, body: Option<&str>) -> anyhow::Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body"])
            .args(["--max-time", "10", "--globoff", "--request", method])
            .args(["--header", &format!("X-Consul-Token: {MASTER_TOKEN}")])
            .arg(format!("{}{path}", self.url()));
        if let Some(body) = body {
            curl.args(["--data-binary", body]);
        }
        if let Some(certificates) = &self.options.tls {
            curl.arg("--cacert").arg(certificates.ca());
            curl.arg("--cert").arg(certificates.certificate());
            curl.arg("--key").arg(certificates.key());
        }
        let told = curl.output().context("curl could not be started")?;
        let out = String::from_utf8_lossy(&told.stdout);
        let err = String::from_utf8_lossy(&told.stderr);
        ensure!(
            told.status.success(),
            "{method} {path}: {} {out}",
            err.trim()
        );
        Ok(out.into_owned())
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "log_level": "WARN",
            // Checks that an agent has found out are told to the servers at once.
            "check_update_interval": "0s",
            "disable_update_check": true,
            "ports": {
                "http": self.ports.api(),
                "https": -1,
                "dns": -1,
                "grpc": -1,
                "server": self.ports.first + 3,
                "serf_lan": self.ports.first + 4,
                "serf_wan": -1,
            },
        });
        if let Some(datacenter) = &self.options.datacenter {
            config["datacenter"] = json!(datacenter);
        }
        if self.options.acl == Acl::Deny {
            config["acl"] = json!({
                "enabled": true,
                "default_policy": "deny",
                "tokens": { "master": MASTER_TOKEN, "agent": MASTER_TOKEN },
            });
        }
        if let Some(certificates) = &self.options.tls {
            config["ports"]["http"] = json!(-1);
            config["ports"]["https"] = json!(self.ports.tls());
            config["verify_incoming"] = json!(true);
            config["ca_file"] = json!(certificates.ca());
            config["cert_file"] = json!(certificates.certificate());
            config["key_file"] = json!(certificates.key());
        }
        config
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn wait(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            let log = || fs::read_to_string(self.file("log")).unwrap_or_default();
            let over = Instant::now() > deadline;
            let pid = fs::read_to_string(self.file("pid")).unwrap_or_default();
            let ended = !pid.is_empty() && !Path::new("/proc").join(pid.trim()).exists();
            if over || ended {
                bail!("waiting for {what}: consul {}:\n{}", pid.trim(), log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Consul {
    fn drop(&mut self) {
        // Fails only where its shell has been waited for, which nobody else does.
        let _ended = self.stop();
    }
}

/// The machine's own, else the one that `scripts/provision` has unpacked.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&paths).map(|directory| directory.join("consul"));
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/consul/consul");
    let mut candidates = installed.chain([unpacked]);
    candidates
        .find(|path| path.is_file())
        .context("this test needs consul: run scripts/provision, then try again")
}

#[cfg(test)]
mod tests;

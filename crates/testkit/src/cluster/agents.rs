//! The Consul of a cluster: one server in a place of its own, and an agent on each host, by which that joins its pool.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Cluster, DOCKER_PORT, system};
use crate::consul;

/// Where agents answer.
pub const CONSUL_PORT: u16 = 8500;
/// How long an agent may take to answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One agent. Killed on drop.
#[derive(Debug)]
pub struct Agent {
    name: String,
    address: Ipv4Addr,
    /// What runs it.
    words: Vec<OsString>,
    directory: PathBuf,
    process: Option<Child>,
}

impl Cluster {
    /// Starts a server of Consul in a place, and an agent on each host, which joins the pool of this Stack and
    /// Environment.
    ///
    /// # Errors
    /// There is no `consul`, or it does not answer in time.
    pub fn start_consul(
        &mut self,
        place: &str,
        stack: &str,
        environment: &str,
    ) -> anyhow::Result<()> {
        let server = self.address_of(place);
        let mut config = basics(server);
        config["server"] = json!(true);
        config["bootstrap_expect"] = json!(1);
        config["performance"] = json!({ "raft_multiplier": 1 });
        self.start_agent(place, &config)?;
        let hosts: Vec<(String, Ipv4Addr)> = self
            .hosts
            .iter()
            .map(|host| (host.name.clone(), host.address))
            .collect();
        for (name, address) in hosts {
            let mut config = basics(address);
            config["retry_join"] = json!([server]);
            config["retry_interval"] = json!("1s");
            config["service"] = json!({
                "name": format!("jockey-{stack}-{environment}"),
                "meta": { "zone": format!("zone-of-{name}") },
                "checks": [{ "name": "docker", "tcp": format!("{address}:{DOCKER_PORT}"), "interval": "2s" }],
            });
            self.start_agent(&name, &config)?;
        }
        Ok(())
    }

    /// The agent of a host or a place.
    ///
    /// # Panics
    /// There is none.
    pub fn agent(&mut self, name: &str) -> &mut Agent {
        let found = self.agents.iter_mut().find(|agent| agent.name == name);
        found.unwrap_or_else(|| panic!("there is no agent on {name}"))
    }

    fn start_agent(&mut self, name: &str, config: &Value) -> anyhow::Result<()> {
        let directory = self.directory.path().join(format!("consul-{name}"));
        fs::create_dir(&directory)?;
        fs::write(directory.join("config.json"), config.to_string())?;
        let mut words = self.words(name);
        words.extend([consul::program()?.into(), "agent".into(), "-node".into()]);
        words.extend([name.into(), "-config-file".into()]);
        words.push(directory.join("config.json").into());
        words.extend(["-data-dir".into(), directory.join("data").into()]);
        self.agents.push(Agent {
            name: name.to_owned(),
            address: self.address_of(name),
            words,
            directory,
            process: None,
        });
        self.agent(name).resume()
    }
}

/// What every agent is told. It decides within some 6 s that another is gone, and not in less: on a busy machine one that
/// is there may not have had its turn for that long. By default it takes its time.
fn basics(address: Ipv4Addr) -> Value {
    json!({
        "bind_addr": address,
        "client_addr": address,
        "log_level": "INFO",
        "leave_on_terminate": false,
        "check_update_interval": "0s",
        "disable_update_check": true,
        "gossip_lan": { "probe_interval": "500ms", "probe_timeout": "300ms", "suspicion_mult": 10 },
        "ports": { "dns": -1, "grpc": -1, "serf_wan": -1 },
    })
}

impl Agent {
    /// `kill -9`. What it keeps on its disk stays.
    ///
    /// # Errors
    /// It does not end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Starts it when it does not run, and waits until it knows a leader.
    ///
    /// # Errors
    /// It does not answer in time: ends with what it wrote.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))?;
        let process = Command::new(&self.words[0])
            .args(&self.words[1..])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("nsenter could not be started")?;
        self.process = Some(process);
        let url = format!("http://{}:{CONSUL_PORT}/v1/status/leader", self.address);
        let deadline = Instant::now() + PATIENCE;
        while !system("curl", ["-fsS", "--max-time", "3", &url])
            .is_ok_and(|told| told.contains(':'))
        {
            let ended = match &mut self.process {
                Some(process) => process.try_wait()?.is_some(),
                None => true,
            };
            ensure!(
                !ended && Instant::now() < deadline,
                "consul on {}: {}",
                self.name,
                self.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ended = self.kill();
    }
}

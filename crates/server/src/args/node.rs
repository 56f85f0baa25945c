//! The node program.

use super::{Consul, LogFormat};
use std::{net::SocketAddr, path::PathBuf};

/// On each host, where you like: joins as a node by a token, and carries what servers say to the Docker Engine, so that no
/// port of Docker's is open.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockey nodes join-token > join-token                somewhere, as an admin
  jockeyd node --server https://jockey.example.com --token-file join-token --address 10.0.0.11
  jockeyd node --server https://jockey.example.com --address 10.0.0.11 --pool production/api \\
               --consul http://127.0.0.1:8500         joins that pool in Consul")]
pub(crate) struct Node {
    /// A server, or what is before all of them.
    #[arg(long, env = "JOCKEY_SERVER", value_name = "URL")]
    pub(crate) server: String,
    /// File with the CA of the server's certificate, as PEM. [default: the machine's own CAs]
    #[arg(long, env = "JOCKEY_SERVER_CA", value_name = "FILE")]
    pub(crate) server_ca: Option<PathBuf>,
    /// Speak to a server of another host without TLS. Whoever is on the way may take the host over: only where the network
    /// itself keeps everybody else out.
    #[arg(long, env = "JOCKEY_SERVER_PLAIN")]
    pub(crate) server_plain: bool,
    /// Token to join by, as `jockey nodes join-token` prints it; needed once.
    #[arg(
        long,
        env = "JOCKEY_JOIN_TOKEN",
        hide_env_values = true,
        conflicts_with = "token_file",
        value_name = "TOKEN"
    )]
    pub(crate) token: Option<secrecy::SecretString>,
    /// File with that token.
    #[arg(long, env = "JOCKEY_JOIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Directory of this program's own: its key and its certificate.
    #[arg(
        long,
        env = "JOCKEY_NODE_STATE_DIR",
        default_value = "/var/lib/jockeyd-node",
        value_name = "DIR"
    )]
    pub(crate) state_dir: PathBuf,
    /// Address and port on which servers are let in.
    #[arg(
        long,
        env = "JOCKEY_NODE_LISTEN",
        default_value = "0.0.0.0:4045",
        value_name = "ADDR:PORT"
    )]
    pub(crate) listen: SocketAddr,
    /// Host name or address at which servers reach this host, and on which instances publish their ports.
    #[arg(long, env = "JOCKEY_NODE_ADDRESS", value_name = "ADDR")]
    pub(crate) address: String,
    /// What the node is called. [default: with Consul what its agent is called, else the host's name]
    #[arg(long, env = "JOCKEY_NODE", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The Docker Engine, unix://PATH.
    #[arg(
        long,
        env = "JOCKEY_DOCKER",
        default_value = "unix:///var/run/docker.sock",
        value_name = "URL"
    )]
    pub(crate) docker: String,
    /// A pool that the host is in, ENVIRONMENT/STACK; several times. Without Consul either may be *. [default: without
    /// Consul every pool]
    #[arg(
        long = "pool",
        env = "JOCKEY_NODE_POOLS",
        value_delimiter = ',',
        value_name = "POOL"
    )]
    pub(crate) pools: Vec<String>,
    /// What else there is to say of the host, such as zone=eu-west-1a; several times.
    #[arg(long = "meta", env = "JOCKEY_NODE_META", value_delimiter = ',', value_parser = pair, value_name = "KEY=VALUE")]
    pub(crate) meta: Vec<(String, String)>,
    /// Stay in the pools of Consul when this program is ended, as silent: for a new version of it. Without it the host
    /// leaves them, and what it has is started elsewhere.
    #[arg(long, env = "JOCKEY_NODE_STAY")]
    pub(crate) stay: bool,
    #[command(flatten)]
    pub(crate) consul: Consul,
    /// How the log is written.
    #[arg(
        long,
        env = "JOCKEY_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log: LogFormat,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write it as KEY=VALUE, as in zone=a".to_owned()),
    }
}

//! The command line of `jockeyd`.

mod audit;
mod callbacks;
mod consul;
mod database;
mod door;
mod github;
mod hosts;
mod maintenance;
mod node;
mod values;

pub(crate) use audit::Audit;
pub(crate) use callbacks::Callbacks;
pub(crate) use consul::Consul;
pub(crate) use database::Database;
pub(crate) use door::{ClientCertificates, Door, Tls};
pub(crate) use github::{Access, GitHub, Reports};
pub(crate) use hosts::Hosts;
pub(crate) use maintenance::{Backup, Import, Migrate, Restore};
pub(crate) use node::Node;
pub(crate) use values::PortRange;

use clap::{Parser, Subcommand, ValueEnum};
use domain::token::Role;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use values::{
    build_deadline, builds, connections, duration, history, origin, port_range, registry, retained,
    role, scale_max,
};

/// The Jockey server: turns commits into healthy containers, and keeps them there.
#[derive(Debug, Parser)]
#[command(name = "jockeyd", version, about, long_about = None, after_help = "\
Examples:
  jockeyd serve --dev                                 one machine, loopback, state in ./.jockey
  jockeyd serve --state-dir /var/lib/jockey           a server for others, behind a proxy with TLS
  jockeyd serve --database-file /etc/jockey/database  one of several servers on one PostgreSQL
  jockeyd token create --role deployer --name ci      a token for a script
  jockeyd seed                                        environments and stacks to begin with
  jockeyd check                                       what is wrong, and how to mend it")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API, run builds, and keep what runs as it is wanted.
    Serve(Box<Serve>),
    /// Join a host as a node, and carry what servers say to its Docker Engine.
    Node(Box<Node>),
    /// Make tokens, beside a running server or without one.
    #[command(subcommand)]
    Token(Token),
    /// Keys that encrypt config values at rest.
    #[command(subcommand)]
    Keys(Keys),
    /// The audit log, beside a running server or without one.
    #[command(subcommand)]
    Audit(Audit),
    /// Make environments, stacks and, if you like, a first app: beside a running server or without one.
    Seed(Seed),
    /// The tables of the database.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Copy the database into a file, beside a running server or without one.
    Backup(Backup),
    /// Make a database of a backup.
    Restore(Restore),
    /// Copy a database into an empty one, from SQLite to PostgreSQL or back, with all ids and history.
    Import(Import),
    /// Look at Docker, Consul, disk, keys and database; say what is wrong and how to mend it.
    Check(Box<Check>),
}

/// Where the state is, and how its secrets are opened.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct State {
    /// Directory of this server's own: its database unless that is elsewhere, its key, and copies of repositories. [default:
    /// /var/lib/jockey, with --dev ./.jockey]
    #[arg(long, env = "JOCKEY_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// File with the key that encrypts config values. [default: key in the state directory]
    #[arg(long, env = "JOCKEY_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: Database,
    /// For one developer's machine: state in ./.jockey, an admin token in it, environments and stacks to begin with.
    #[arg(long)]
    pub(crate) dev: bool,
}

impl State {
    /// The directory, chosen or default.
    pub(crate) fn dir(&self) -> PathBuf {
        let default = if self.dev {
            ".jockey"
        } else {
            "/var/lib/jockey"
        };
        self.state_dir.clone().unwrap_or_else(|| default.into())
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockeyd serve --dev
  jockeyd serve --dev --git-base-url file:///srv/git
  jockeyd serve --access /etc/jockey/access.toml --github-client-id Iv1.0123456789abcdef
  jockeyd serve --listen 0.0.0.0:4044 --tls-cert jockey.pem --tls-key jockey.key
  jockeyd serve --listen 0.0.0.0:4044 --registry registry.internal:5000/apps --log json")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) state: State,
    /// Address and port of the API.
    #[arg(
        long,
        env = "JOCKEY_LISTEN",
        default_value = "127.0.0.1:4044",
        value_name = "ADDR:PORT"
    )]
    pub(crate) listen: SocketAddr,
    /// Address and port of /metrics for Prometheus; no token is asked for there. [default: none]
    #[arg(long, env = "JOCKEY_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Origins whose pages may call the REST API from a browser, with commas between them. [default: none]
    #[arg(
        long = "cors-origin",
        env = "JOCKEY_CORS_ORIGINS",
        value_delimiter = ',',
        value_parser = origin,
        value_name = "ORIGIN"
    )]
    pub(crate) cors_origins: Vec<http::HeaderValue>,
    /// The most connections at once from one address that is not this machine's own. Give more where a proxy on another
    /// machine calls for everybody.
    #[arg(
        long,
        env = "JOCKEY_PEER_CONNECTIONS",
        default_value_t = 128,
        value_parser = connections,
        value_name = "N"
    )]
    pub(crate) peer_connections: usize,
    #[command(flatten)]
    pub(crate) door: Door,
    #[command(flatten)]
    pub(crate) docker: Docker,
    #[command(flatten)]
    pub(crate) consul: Consul,
    #[command(flatten)]
    pub(crate) build: Build,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) github: GitHub,
    #[command(flatten)]
    pub(crate) callbacks: Callbacks,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Id of an installation whose database is lost: a new database is made for it, and what it finds running is
    /// reported and left alone. Only where there is no database.
    #[arg(long, value_name = "ID")]
    pub(crate) installation: Option<domain::InstallationId>,
    /// How the log is written.
    #[arg(
        long,
        env = "JOCKEY_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log: LogFormat,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Docker {
    /// The Docker Engine that builds, unix://PATH or tcp://HOST[:PORT]; the only node, unless others are listed.
    #[arg(
        long,
        env = "JOCKEY_DOCKER",
        default_value = "unix:///var/run/docker.sock",
        value_name = "URL"
    )]
    pub(crate) docker: String,
    /// What this node is called. [default: the host's name]
    #[arg(long, env = "JOCKEY_NODE", value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Address on which instances publish their ports, and where they are probed.
    #[arg(
        long,
        env = "JOCKEY_NODE_ADDRESS",
        default_value = "127.0.0.1",
        value_name = "ADDR"
    )]
    pub(crate) node_address: std::net::IpAddr,
    /// Host ports to choose from.
    #[arg(long, env = "JOCKEY_PORTS", default_value = "20000-29999", value_name = "FIRST-LAST", value_parser = port_range)]
    pub(crate) ports: PortRange,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Build {
    /// Where repositories are: owner/name is looked for below it.
    #[arg(
        long,
        env = "JOCKEY_GIT_BASE_URL",
        default_value = "https://github.com",
        value_name = "URL"
    )]
    pub(crate) git_base_url: String,
    /// Token with which repositories are fetched.
    #[arg(
        long,
        env = "GITHUB_OAUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(crate) git_token: Option<secrecy::SecretString>,
    /// Registry, with an optional prefix, to which images are pushed. [default: none, images stay on this host]
    #[arg(long, env = "JOCKEY_REGISTRY", value_parser = registry, value_name = "HOST[:PORT][/PREFIX]")]
    pub(crate) registry: Option<String>,
    /// What builds a commit without a Dockerfile: herokuish=IMAGE or buildstep=IMAGE. [default: none]
    #[arg(long, env = "JOCKEY_BUILDER", value_name = "LAYOUT=IMAGE")]
    pub(crate) builder: Option<String>,
    /// Directory of build secrets, a file for each.
    #[arg(long, env = "JOCKEY_BUILD_SECRETS", value_name = "DIR")]
    pub(crate) build_secrets: Option<PathBuf>,
    /// How long a build may take.
    #[arg(long, env = "JOCKEY_BUILD_DEADLINE", default_value = "30m", value_parser = build_deadline, value_name = "TIME")]
    pub(crate) build_deadline: Duration,
    /// How many builds run at once.
    #[arg(long, env = "JOCKEY_BUILDS", default_value_t = 2, value_parser = builds, value_name = "N")]
    pub(crate) builds: usize,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Limits {
    /// The most instances of one worker.
    #[arg(
        long,
        env = "JOCKEY_SCALE_MAX",
        default_value_t = 100,
        value_parser = scale_max,
        value_name = "N"
    )]
    pub(crate) scale_max: u16,
    /// How many one-off runs, and commands inside instances, may be under way in one environment.
    #[arg(
        long,
        env = "JOCKEY_RUNS_AT_ONCE",
        default_value_t = 20,
        value_name = "N"
    )]
    pub(crate) runs_at_once: u32,
    /// How long a one-off run, or a command inside an instance, may take.
    #[arg(long, env = "JOCKEY_RUN_LONGEST", default_value = "24h", value_parser = duration, value_name = "TIME")]
    pub(crate) run_longest: Duration,
    /// How many releases of each app in each environment are kept with their image, however old.
    #[arg(
        long,
        env = "JOCKEY_RETAINED_RELEASES",
        default_value_t = 10,
        value_parser = retained,
        value_name = "N"
    )]
    pub(crate) retained_releases: u32,
    /// How long an image that nothing needs is left alone after it was made.
    #[arg(long, env = "JOCKEY_IMAGE_GRACE", default_value = "1h", value_parser = duration, value_name = "TIME")]
    pub(crate) image_grace: Duration,
    /// How much of the build cache of each host stays: what was used longest ago goes first. Only where no one but Jockey
    /// builds there, for the cache does not say whose it is. [default: it is not touched]
    #[arg(long, env = "JOCKEY_BUILD_CACHE", value_name = "SIZE")]
    pub(crate) build_cache: Option<domain::ByteSize>,
    /// How long events, ended deploys and builds, and everything else that is over stay on record; 1d or more.
    #[arg(long, env = "JOCKEY_KEEP_HISTORY", default_value = "30d", value_parser = history, value_name = "TIME")]
    pub(crate) keep_history: Duration,
    /// How long rows of the audit log stay; 1d or more.
    #[arg(long, env = "JOCKEY_KEEP_AUDIT", default_value = "400d", value_parser = history, value_name = "TIME")]
    pub(crate) keep_audit: Duration,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockeyd token create --role deployer --name ci")]
pub(crate) enum Token {
    /// Make a token. Its secret is printed once.
    #[command(
        after_help = "Example:\n  jockeyd token create --role deployer --name ci --expires 30d"
    )]
    Create {
        #[command(flatten)]
        state: State,
        /// What it may do.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Whose it is, or what it is for. [default: the role]
        #[arg(long)]
        name: Option<String>,
        /// How long it is taken. [default: for ever]
        #[arg(long, value_parser = duration, value_name = "TIME")]
        expires: Option<Duration>,
    },
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockeyd keys rotate --state-dir /var/lib/jockey")]
pub(crate) enum Keys {
    /// Make a new key and encrypt everything with it. A running server takes it up by itself.
    #[command(after_help = "Example:\n  jockeyd keys rotate --state-dir /var/lib/jockey")]
    Rotate {
        #[command(flatten)]
        state: State,
    },
}

/// Makes what is missing of: the environments development, staging and production, the stacks api and build. What is
/// there stays as it is, so it can be run again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockeyd seed --state-dir /var/lib/jockey
  jockeyd seed --sample-app jockey/jockey-sample-app")]
pub(crate) struct Seed {
    #[command(flatten)]
    pub(crate) state: State,
    /// Also the app jockey-sample-app, of this repository, with two instances of its worker web in development.
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) sample_app: Option<domain::RepoName>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  jockeyd check --state-dir /var/lib/jockey
  jockeyd check --access /etc/jockey/access.toml")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) state: State,
    #[command(flatten)]
    pub(crate) docker: Docker,
    #[command(flatten)]
    pub(crate) consul: Consul,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) tls: Tls,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        for command in Args::command().get_subcommands() {
            let help = command.clone().render_help().to_string();
            let name = command.get_name();
            assert!(help.contains(&format!("\n  jockeyd {name}")), "{name}");
        }
    }

    #[test]
    fn the_operations_page_names_every_flag_and_variable_of_serve_and_node() {
        let page = include_str!("../../../docs/operations.md");
        let command = Args::command();
        let of = |name| command.find_subcommand(name).unwrap().get_arguments();
        for argument in of("serve").chain(of("node")) {
            let flag = format!("`--{}", argument.get_long().unwrap());
            assert!(page.contains(&flag), "{flag}");
            if let Some(variable) = argument.get_env() {
                let variable = variable.to_string_lossy();
                assert!(page.contains(&*variable), "{variable}");
            }
        }
    }
}

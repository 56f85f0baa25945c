//! Consul, and how it is spoken to.

use std::path::PathBuf;

/// Where the catalog is. The variables are those of Consul's own tools, where these have one.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Consul {
    /// Consul agent of this host: nodes are then those that join a pool there, and instances are its services. [default:
    /// none, this machine is the only node]
    #[arg(long, env = "CONSUL_HTTP_ADDR", value_name = "URL")]
    pub(crate) consul: Option<String>,
    /// Token for Consul.
    #[arg(
        long,
        env = "CONSUL_HTTP_TOKEN",
        hide_env_values = true,
        conflicts_with = "consul_token_file",
        value_name = "TOKEN"
    )]
    pub(crate) consul_token: Option<secrecy::SecretString>,
    /// File with that token.
    #[arg(long, env = "CONSUL_HTTP_TOKEN_FILE", value_name = "FILE")]
    pub(crate) consul_token_file: Option<PathBuf>,
    /// Send that token to agents of other hosts without TLS, too. Whoever reads it on the way may do what it may: only
    /// where the network itself keeps everybody else out.
    #[arg(long, env = "JOCKEY_CONSUL_PLAIN_TOKEN")]
    pub(crate) consul_plain_token: bool,
    /// File with the CA of Consul's agents, as PEM. [default: the machine's own CAs]
    #[arg(long, env = "CONSUL_CACERT", value_name = "FILE")]
    pub(crate) consul_ca: Option<PathBuf>,
    /// File with the certificate that is shown to Consul's agents, as PEM.
    #[arg(
        long,
        env = "CONSUL_CLIENT_CERT",
        requires = "consul_key",
        value_name = "FILE"
    )]
    pub(crate) consul_cert: Option<PathBuf>,
    /// File with its private key, as PEM.
    #[arg(
        long,
        env = "CONSUL_CLIENT_KEY",
        requires = "consul_cert",
        value_name = "FILE"
    )]
    pub(crate) consul_key: Option<PathBuf>,
    /// Name that the certificates of Consul's agents are for. [default: the host that is called]
    #[arg(long, env = "CONSUL_TLS_SERVER_NAME", value_name = "NAME")]
    pub(crate) consul_server_name: Option<String>,
    /// Datacenter in which pools are. [default: the agent's own]
    #[arg(long, env = "JOCKEY_CONSUL_DATACENTER", value_name = "NAME")]
    pub(crate) consul_datacenter: Option<String>,
    /// Namespace of services, where Consul has them (Enterprise).
    #[arg(long, env = "CONSUL_NAMESPACE", value_name = "NAME")]
    pub(crate) consul_namespace: Option<String>,
    /// Port of the agents on other nodes, at their nodes' addresses. [default: that of --consul]
    #[arg(long, env = "JOCKEY_CONSUL_AGENT_PORT", value_name = "PORT")]
    pub(crate) consul_agent_port: Option<u16>,
    /// Tag of every instance's service, for proxies; {service}, {app}, {worker} and {environment} are filled in. May be
    /// given several times; one a line in the variable.
    #[arg(
        long,
        env = "JOCKEY_CONSUL_TAGS",
        value_delimiter = '\n',
        value_name = "TAG"
    )]
    pub(crate) consul_tag: Vec<String>,
}

impl Consul {
    /// The tags that there are. Commas part none: Traefik's have lists with them. The last line of a variable may have
    /// its end, too.
    pub(crate) fn tags(&self) -> Vec<String> {
        let lines = self.consul_tag.iter().map(|line| line.trim().to_owned());
        lines.filter(|tag| !tag.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        consul: Consul,
    }

    #[test]
    fn a_tag_is_a_line_whatever_is_in_it() {
        let flag = "--consul-tag";
        let two = "urlprefix-/a strip=/a\npoints=web,secure\n";
        let line = Line::try_parse_from(["jockeyd", flag, two, flag, "last"]).unwrap();
        let tags = ["urlprefix-/a strip=/a", "points=web,secure", "last"];
        assert_eq!(line.consul.tags(), tags);
    }
}

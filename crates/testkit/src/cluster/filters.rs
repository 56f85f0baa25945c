//! Packet filters: two machines of the cluster that do not reach each other, while each reaches the others.

use std::net::Ipv4Addr;

use super::Cluster;
use crate::docker::capture;

/// What is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The host or place whose network has the filter.
    at: String,
    other: Ipv4Addr,
    /// Of the other. None: everything.
    port: Option<u16>,
}

impl Cluster {
    /// Drops every packet between two hosts or places.
    ///
    /// # Errors
    /// What `iptables` says.
    pub fn part(&self, one: &str, other: &str) -> anyhow::Result<Cut> {
        let cut = Cut {
            at: one.to_owned(),
            other: self.address_of(other),
            port: None,
        };
        self.filter("-I", &cut)?;
        Ok(cut)
    }

    /// Drops every packet between a host or a place and the registry.
    ///
    /// # Errors
    /// What `iptables` says. There is no registry.
    pub fn part_from_registry(&self, one: &str) -> anyhow::Result<Cut> {
        let registry = self
            .registry()
            .ok_or_else(|| anyhow::anyhow!("there is no registry"))?;
        let cut = Cut {
            at: one.to_owned(),
            other: self.gateway(),
            port: Some(registry.port()),
        };
        self.filter("-I", &cut)?;
        Ok(cut)
    }

    /// Lets them reach each other again.
    ///
    /// # Errors
    /// What `iptables` says.
    pub fn rejoin(&self, cut: &Cut) -> anyhow::Result<()> {
        self.filter("-D", cut)
    }

    /// Before anything else looks at what comes, and after everything else has looked at what goes, so that it also
    /// holds for what is forwarded to containers and back.
    fn filter(&self, how: &str, cut: &Cut) -> anyhow::Result<()> {
        let other = cut.other.to_string();
        for (table, chain, side, end) in [
            ("raw", "PREROUTING", "--source", "--source-port"),
            (
                "mangle",
                "POSTROUTING",
                "--destination",
                "--destination-port",
            ),
        ] {
            let mut iptables = self.enter(&cut.at, "iptables");
            iptables.args(["--wait", "--table", table, how, chain, side, &other]);
            if let Some(port) = cut.port {
                iptables.args(["--protocol", "tcp", end, &port.to_string()]);
            }
            capture(iptables.args(["--jump", "DROP"]))?;
        }
        Ok(())
    }
}

//! A bridge in a namespace of its own, so that no rule of the machine's own Docker cuts it, and a link from each host to it.

use std::{
    net::Ipv4Addr,
    process::{Child, Command},
};

use anyhow::Context;

use super::system;
use crate::docker::{capture, engine::network_namespace};

/// The addresses of cluster `N` are `10.99.N.0/24`: this machine is `.1`, the hosts are `.11` and on.
#[derive(Debug)]
pub(super) struct Network {
    number: u8,
    /// Holds the namespace of the bridge.
    hub: Child,
}

/// What this machine's end of cluster `number` is called.
pub(super) fn link(number: u8) -> String {
    format!("jockey{number}")
}

impl Network {
    /// Makes the bridge, and this machine's link to it.
    ///
    /// # Errors
    /// What `ip` says.
    pub(super) fn make(number: u8) -> anyhow::Result<Self> {
        let network = Self {
            number,
            hub: network_namespace()?,
        };
        let (own, hub) = (link(number), network.hub.id().to_string());
        network.in_hub(["link", "add", "bridge", "type", "bridge"])?;
        network.in_hub(["link", "set", "bridge", "up"])?;
        system(
            "ip",
            [
                "link", "add", &own, "type", "veth", "peer", "name", "uplink", "netns", &hub,
            ],
        )
        .context("this test needs ip (iproute2): run scripts/provision, then try again")?;
        network.in_hub(["link", "set", "uplink", "master", "bridge", "up"])?;
        let address = format!("{}/24", network.gateway());
        system("ip", ["address", "add", &address, "dev", &own])?;
        system("ip", ["link", "set", &own, "up"])?;
        Ok(network)
    }

    pub(super) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, self.number, 1)
    }

    /// The address of the host, or the place, at this number.
    pub(super) fn address_of(&self, at: usize) -> Ipv4Addr {
        let last = u8::try_from(11 + at).expect("a cluster is small");
        Ipv4Addr::new(10, 99, self.number, last)
    }

    /// The process that holds the bridge.
    pub(super) fn holder(&self) -> u32 {
        self.hub.id()
    }

    /// Links the host at this place, whose namespace this process holds, to the bridge. Answers its address.
    ///
    /// # Errors
    /// What `ip` says.
    pub(super) fn connect(&self, at: usize, holder: u32) -> anyhow::Result<Ipv4Addr> {
        let (end, holder) = (format!("host{at}"), holder.to_string());
        self.in_hub([
            "link", "add", &end, "type", "veth", "peer", "name", "eth0", "netns", &holder,
        ])?;
        self.in_hub(["link", "set", &end, "master", "bridge", "up"])?;
        let address = self.address_of(at);
        inside(
            &holder,
            ["address", "add", &format!("{address}/24"), "dev", "eth0"],
        )?;
        inside(&holder, ["link", "set", "eth0", "up"])?;
        Ok(address)
    }

    /// Sets the link of the host at this place `up` or `down`.
    ///
    /// # Errors
    /// What `ip` says.
    pub(super) fn set(&self, at: usize, how: &str) -> anyhow::Result<()> {
        self.in_hub(["link", "set", &format!("host{at}"), how])
    }

    fn in_hub<const N: usize>(&self, arguments: [&str; N]) -> anyhow::Result<()> {
        inside(&self.hub.id().to_string(), arguments)
    }
}

/// `ip` in the namespace that a process holds.
fn inside<const N: usize>(holder: &str, arguments: [&str; N]) -> anyhow::Result<()> {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/proc/{holder}/ns/net"))
        .args(["--", "ip"])
        .args(arguments);
    capture(&mut command).map(drop)
}

impl Drop for Network {
    fn drop(&mut self) {
        // With its namespace the bridge and all links to it go. Both fail only when it has ended already.
        let _ended = self.hub.kill();
        let _reaped = self.hub.wait();
        // The kernel takes a moment for that; another cluster may want the name at once.
        let _gone = system("ip", ["link", "delete", &link(self.number)]);
    }
}

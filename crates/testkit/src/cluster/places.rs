//! Places in the cluster's network that have no engine: for a server, a database, a catalog.

use std::{
    ffi::OsString,
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command},
};

use super::{Cluster, HOSTS_MAX};
use crate::docker::engine::network_namespace;

/// A machine of the cluster on which other programs run than an engine.
#[derive(Debug)]
pub struct Place {
    name: String,
    address: Ipv4Addr,
    /// Holds its network.
    namespace: Child,
}

impl Cluster {
    /// Adds a place.
    ///
    /// # Errors
    /// What `unshare` or `ip` says.
    pub fn place(&mut self, name: &str) -> anyhow::Result<&Place> {
        let at = HOSTS_MAX + self.places.len();
        let namespace = network_namespace()?;
        self.note.add_holder(namespace.id())?;
        let address = self.network.connect(at, namespace.id())?;
        self.places.push(Place {
            name: name.to_owned(),
            address,
            namespace,
        });
        Ok(&self.places[self.places.len() - 1])
    }

    /// The address of a host or a place.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Ipv4Addr {
        let mut hosts = self.hosts.iter().filter(|host| host.name == name);
        let mut places = self.places.iter().filter(|place| place.name == name);
        let found = hosts.next().map(|host| host.address);
        let found = found.or_else(|| places.next().map(|place| place.address));
        found.unwrap_or_else(|| panic!("neither a host nor a place is called {name}"))
    }

    /// A command that runs in the network of a host or a place.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn enter(&self, name: &str, program: impl AsRef<Path>) -> Command {
        let place = self.places.iter().find(|place| place.name == name);
        if let Some(place) = place {
            let mut command = Command::new("nsenter");
            command
                .arg(format!("--net=/proc/{}/ns/net", place.namespace.id()))
                .arg("--")
                .arg(program.as_ref());
            return command;
        }
        let host = self.hosts.iter().find(|host| host.name == name);
        host.unwrap_or_else(|| panic!("neither a host nor a place is called {name}"))
            .enter(program)
    }

    /// The words by which another command is run there.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<OsString> {
        let entered = self.enter(name, "");
        std::iter::once(entered.get_program())
            .chain(entered.get_args().filter(|word| !word.is_empty()))
            .map(ToOwned::to_owned)
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.namespace.kill();
        let _reaped = self.namespace.wait();
    }
}

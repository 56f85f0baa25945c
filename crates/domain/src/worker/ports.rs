//! The ports of a Worker besides its first.

use super::WorkerSpec;
use crate::PortName;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// The most ports of a Worker besides its first.
pub const PORTS_MAX: usize = 8;

/// Ports by their names: those that a process listens on, or those of a node that lead there. As text
/// `admin=9200,metrics=9100`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NamedPorts(BTreeMap<PortName, u16>);

/// Text that names no ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no ports; they are written as in `admin=9200,metrics=9100`")]
pub struct BadNamedPorts(String);

impl NamedPorts {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each with its name, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&PortName, u16)> {
        self.0.iter().map(|(name, port)| (name, *port))
    }

    /// The ports, in order of name.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        self.0.values().copied()
    }

    /// The port of this name.
    #[must_use]
    pub fn get(&self, name: &PortName) -> Option<u16> {
        self.0.get(name).copied()
    }
}

impl FromIterator<(PortName, u16)> for NamedPorts {
    fn from_iter<T: IntoIterator<Item = (PortName, u16)>>(ports: T) -> Self {
        Self(ports.into_iter().collect())
    }
}

impl fmt::Display for NamedPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, port)) in self.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{name}={port}")?;
        }
        Ok(())
    }
}

impl FromStr for NamedPorts {
    type Err = BadNamedPorts;
    fn from_str(text: &str) -> Result<Self, BadNamedPorts> {
        let one = |part: &str| {
            let (name, port) = part.split_once('=')?;
            Some((name.parse().ok()?, port.parse().ok()?))
        };
        let bad = || BadNamedPorts(text.to_owned());
        let mut read = BTreeMap::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (name, port) = one(part).ok_or_else(bad)?;
            if read.insert(name, port).is_some() {
                return Err(bad());
            }
        }
        Ok(Self(read))
    }
}

/// Ports that no Worker can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPorts {
    #[error(
        "a worker has named ports only besides its first one; give it a `port`, or take the named ones away as well"
    )]
    NoFirst,
    #[error("{0} named ports are too many: a worker has at most {PORTS_MAX}")]
    TooMany(usize),
    #[error("`{name}` is {number}, which is no port; a port is 1 to 65535")]
    Number { name: PortName, number: i64 },
    #[error("`{name}` is {port}, which the worker has already; one process listens there once")]
    Twice { name: PortName, port: u16 },
    #[error("two named ports would be told as `{0}`; names differ by more than `-` and `_`")]
    SameVariable(String),
}

impl WorkerSpec {
    /// Refuses named ports that it cannot have.
    ///
    /// # Errors
    /// `BadPorts` with what to do.
    pub fn check_ports(&self) -> Result<(), BadPorts> {
        if self.ports.is_empty() {
            return Ok(());
        }
        let Some(first) = self.port else {
            return Err(BadPorts::NoFirst);
        };
        if self.ports.len() > PORTS_MAX {
            return Err(BadPorts::TooMany(self.ports.len()));
        }
        let (mut taken, mut told) = (BTreeSet::from([first]), BTreeSet::new());
        for (name, port) in self.ports.iter() {
            if !told.insert(name.variable()) {
                return Err(BadPorts::SameVariable(name.variable()));
            }
            let name = name.clone();
            if !taken.insert(name.port(port.into())?) {
                return Err(BadPorts::Twice { name, port });
            }
        }
        Ok(())
    }
}

impl PortName {
    /// What somebody gives this name to.
    ///
    /// # Errors
    /// `BadPorts::Number` for what is no port.
    pub fn port(&self, number: i64) -> Result<u16, BadPorts> {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        port.ok_or_else(|| BadPorts::Number {
            name: self.clone(),
            number,
        })
    }

    /// The variable that tells a process the number of this port: `PORT_METRICS`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PORT_{}", self.as_str().to_uppercase().replace('-', "_"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_ports_stand_beside_a_first_one_and_differ() {
        let told = |port: Option<u16>, ports: &[(&str, u16)]| {
            let mut spec = WorkerSpec::named("web".parse().unwrap());
            spec.port = port;
            let named = ports
                .iter()
                .map(|(name, port)| (name.parse().unwrap(), *port));
            spec.ports = named.collect();
            spec.check_ports().map_err(|error| error.to_string())
        };
        assert_eq!(told(None, &[]), Ok(()));
        assert_eq!(
            told(Some(8888), &[("grpc", 50_051), ("metrics", 9100)]),
            Ok(())
        );
        assert_eq!(
            told(None, &[("metrics", 9100)]),
            Err("a worker has named ports only besides its first one; give it a `port`, or take the named ones away as well".to_owned())
        );
        assert_eq!(
            told(Some(8888), &[("metrics", 8888)]),
            Err(
                "`metrics` is 8888, which the worker has already; one process listens there once"
                    .to_owned()
            )
        );
        assert_eq!(
            told(Some(8888), &[("metrics", 0)]),
            Err("`metrics` is 0, which is no port; a port is 1 to 65535".to_owned())
        );
        assert_eq!(
            told(Some(8888), &[("a-b", 1), ("a_b", 2)]),
            Err("two named ports would be told as `PORT_A_B`; names differ by more than `-` and `_`".to_owned())
        );
        let many: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
            .into_iter()
            .zip(1..)
            .collect();
        assert_eq!(
            told(Some(8888), &many),
            Err("9 named ports are too many: a worker has at most 8".to_owned())
        );
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let text = "admin=9200,metrics=9100";
        let ports: NamedPorts = text.parse().unwrap();
        assert_eq!(ports.to_string(), text);
        assert_eq!(ports.get(&"metrics".parse().unwrap()), Some(9100));
        assert_eq!("".parse(), Ok(NamedPorts::default()));
        for wrong in [
            "metrics",
            "metrics=",
            "Metrics=1",
            "a=70000",
            "a=1,,b=2",
            "a=1,a=2",
        ] {
            assert!(wrong.parse::<NamedPorts>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_is_told_the_number_of_a_port_by_its_name() {
        let name: PortName = "admin-v2".parse().unwrap();
        assert_eq!(name.variable(), "PORT_ADMIN_V2");
    }
}

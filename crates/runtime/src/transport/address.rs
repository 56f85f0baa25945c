//! Where an Engine is, as people write it.

use super::{Carried, Certificates};
use hyper::Uri;
use std::{fmt, path::PathBuf};

/// The port of an Engine that speaks TLS, and of one that does not, where none is given.
const TLS_PORT: u16 = 2376;
const PLAIN_PORT: u16 = 2375;
/// The same of a node program.
const NODE_PORT: u16 = 4045;

/// Where an Engine is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// TCP with TLS, where both sides show a certificate.
    Tls(Place, Certificates),
    /// The node program of a host, which carries what is said to its Engine: TCP with TLS, by certificates of our own CA.
    Carried(Place, Carried),
    /// TCP without TLS. Whoever reaches the port owns the host.
    Plain(Place),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A name or an IP address, without brackets.
    pub host: String,
    pub port: u16,
}

/// How the Engines of other hosts are spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// With TLS, showing these.
    Tls(Certificates),
    /// Without TLS, since somebody has said so.
    Plain,
    /// Not at all.
    Refused,
}

/// Why an address is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error(
        "`{0}` is not where a Docker Engine is; write it as unix:///var/run/docker.sock or tcp://HOST[:PORT]"
    )]
    NotOne(String),
    #[error(
        "`{0}` is on a network, and neither certificates for it nor leave to do without were given"
    )]
    NoCertificates(String),
}

impl Address {
    /// Reads `unix://PATH` or `tcp://HOST[:PORT]`. The port is 2376 by default, without TLS 2375.
    ///
    /// # Errors
    /// `NotOne` for anything else, `NoCertificates` for a host where those are refused.
    pub fn parse(text: &str, remote: &Remote) -> Result<Self, BadAddress> {
        let bad = || BadAddress::NotOne(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://") {
            return match path.starts_with('/') {
                true => Ok(Self::Unix(path.into())),
                false => Err(bad()),
            };
        }
        let rest = text.strip_prefix("tcp://").ok_or_else(bad)?;
        let place = |default: u16| Place::parse(rest, default).ok_or_else(bad);
        match remote {
            Remote::Tls(certificates) => Ok(Self::Tls(place(TLS_PORT)?, certificates.clone())),
            Remote::Plain => Ok(Self::Plain(place(PLAIN_PORT)?)),
            Remote::Refused => {
                place(TLS_PORT)?;
                Err(BadAddress::NoCertificates(text.to_owned()))
            }
        }
    }

    /// Reads what follows `node://`: `HOST[:PORT]`, where the port is 4045 by default.
    ///
    /// # Errors
    /// `NotOne`.
    pub fn carried(place: &str, carried: Carried) -> Result<Self, BadAddress> {
        let bad = || BadAddress::NotOne(format!("node://{place}"));
        let place = Place::parse(place, NODE_PORT).ok_or_else(bad)?;
        Ok(Self::Carried(place, carried))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tls(place, _) => write!(f, "tcp://{place} with TLS"),
            Self::Carried(place, _) => write!(f, "node://{place}"),
            Self::Plain(place) => write!(f, "tcp://{place} without TLS"),
        }
    }
}

impl Place {
    /// `HOST[:PORT]`, and nothing behind it.
    fn parse(text: &str, default: u16) -> Option<Self> {
        let uri: Uri = format!("http://{text}").parse().ok()?;
        let has_more =
            !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('@');
        let host = uri.host().filter(|host| !host.is_empty() && !has_more)?;
        let authority = uri.authority().map_or("", |all| all.as_str());
        let port = match authority[host.len()..].strip_prefix(':') {
            Some(text) => text.parse::<u16>().ok()?,
            None => default,
        };
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    }

    pub(super) fn uri(&self) -> Uri {
        format!("http://{self}/")
            .parse()
            .expect("it was read from an address")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_refused() {
        let certificates = Certificates::below("/certs".as_ref());
        let tls = Remote::Tls(certificates);
        for (text, remote, want) in [
            (
                "unix:///run/docker.sock",
                &Remote::Refused,
                "unix /run/docker.sock",
            ),
            ("unix://docker.sock", &tls, "none"),
            ("tcp://10.0.0.1:1", &tls, "tls 10.0.0.1:1"),
            ("tcp://host", &tls, "tls host:2376"),
            ("tcp://host", &Remote::Plain, "plain host:2375"),
            ("tcp://[fd00::1]", &tls, "tls [fd00::1]:2376"),
            ("tcp://host", &Remote::Refused, "no certificates"),
            ("tcp://", &tls, "none"),
            ("tcp://host:70000", &tls, "none"),
            ("tcp://host/path", &tls, "none"),
            ("tcp://me@host", &tls, "none"),
            ("http://host", &tls, "none"),
        ] {
            let got = match Address::parse(text, remote) {
                Ok(Address::Unix(path)) => format!("unix {}", path.display()),
                Ok(Address::Tls(place, _)) => format!("tls {place}"),
                Ok(Address::Plain(place)) => format!("plain {place}"),
                Ok(Address::Carried(..)) => unreachable!("nothing here is carried"),
                Err(BadAddress::NotOne(_)) => "none".to_owned(),
                Err(BadAddress::NoCertificates(_)) => "no certificates".to_owned(),
            };
            assert_eq!(got, want, "{text}");
        }
    }
}

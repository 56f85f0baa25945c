//! Names become addresses here, and none that is inside gets out.

use domain::reach::Reach;
use hyper_util::client::legacy::connect::dns::Name;
use ports::notifier::Error;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

/// The addresses of a name, as they are now.
pub(crate) type Lookup = fn(Name) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves a name, and refuses it when any of its addresses is one that may not be called.
#[derive(Clone)]
pub(crate) struct CheckedResolver {
    pub(crate) reach: Arc<Reach>,
    pub(crate) lookup: Lookup,
}

/// As this machine resolves names.
pub(crate) fn by_machine(
    name: Name,
) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
        Ok(found.map(|at| at.ip()).collect())
    })
}

/// Why a name was not resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{what}")]
    Inside { what: String },
    #[error("{why}")]
    Unknown { why: String },
}

impl Refused {
    /// The same, as the port says it.
    pub(crate) fn told(&self, host: &str) -> Error {
        let host = host.to_owned();
        match self {
            Self::Inside { what } => Error::Forbidden {
                host,
                what: what.clone(),
            },
            Self::Unknown { why } => Error::Unknown {
                host,
                why: why.clone(),
            },
        }
    }
}

/// The addresses of a host that may be called: all of them, or none.
pub(crate) fn admit(
    reach: &Reach,
    host: &str,
    addresses: impl IntoIterator<Item = IpAddr>,
) -> Result<Vec<IpAddr>, Refused> {
    let addresses: Vec<IpAddr> = addresses.into_iter().collect();
    if addresses.is_empty() {
        return Err(Refused::Unknown {
            why: "no such host".to_owned(),
        });
    }
    if reach.allows_host(host) {
        return Ok(addresses);
    }
    for address in &addresses {
        if let Some(inside) = reach.forbids(*address) {
            return Err(Refused::Inside {
                what: format!("{inside} ({address})"),
            });
        }
    }
    Ok(addresses)
}

impl tower::Service<Name> for CheckedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, lookup) = (Arc::clone(&self.reach), self.lookup);
        Box::pin(async move {
            let found = lookup(name.clone()).await;
            let found = found.map_err(|error| Refused::Unknown {
                why: error.to_string(),
            })?;
            let admitted = admit(&reach, name.as_str(), found)?;
            // The port is put in by whoever connects.
            let at: Vec<SocketAddr> = admitted
                .into_iter()
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            Ok(at.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(reach: &[&str], host: &str, addresses: &[&str]) -> String {
        let reach: Reach = reach.iter().map(|text| text.parse().unwrap()).collect();
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        match admit(&reach, host, addresses) {
            Ok(admitted) => format!("{} addresses", admitted.len()),
            Err(refused) => refused.to_string(),
        }
    }

    #[test]
    fn all_addresses_of_a_name_may_be_called_or_none() {
        let metadata = "a link-local address, where cloud metadata is (169.254.169.254)";
        for (reach, host, addresses, want) in [
            (
                &[][..],
                "a.example",
                &["8.8.8.8", "2606:50c0::1"][..],
                "2 addresses",
            ),
            (&[], "a.example", &["8.8.8.8", "169.254.169.254"], metadata),
            (
                &[],
                "a.example",
                &["10.0.0.1"],
                "a private address (10.0.0.1)",
            ),
            (&["10.0.0.0/8"], "a.example", &["10.0.0.1"], "1 addresses"),
            (
                &["10.0.0.0/8"],
                "a.example",
                &["10.0.0.1", "169.254.169.254"],
                metadata,
            ),
            (&["a.example"], "A.example", &["10.0.0.1"], "1 addresses"),
            (
                &["a.example"],
                "b.example",
                &["10.0.0.1"],
                "a private address (10.0.0.1)",
            ),
            (&[], "a.example", &[], "no such host"),
        ] {
            assert_eq!(
                words(reach, host, addresses),
                want,
                "{reach:?} {host} {addresses:?}"
            );
        }
    }
}

//! Which catalog the server has, and how it makes itself known there.

use crate::{
    args,
    fleet::{Hears, Names},
};
use anyhow::{Context, bail};
use catalog::{Consul, Embedded, Listed, Machine, Own, OwnCheck, Settings, TlsFiles};
use domain::{InstallationId, NodeName};
use ports::Catalog;
use secrecy::SecretString;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often a server registers itself again: an agent that was set up anew knows nothing.
const REGISTER_EVERY: Duration = Duration::from_secs(60);
/// After a registration that failed.
const REGISTER_AGAIN: Duration = Duration::from_secs(5);
/// How long a server that ends waits to be forgotten.
const FORGET_DEADLINE: Duration = Duration::from_secs(2);

/// Where nodes come from.
#[derive(Debug, Clone)]
pub(crate) enum Membership {
    /// This machine is the only node.
    Alone(Arc<Embedded>),
    /// The hosts that a person has listed.
    Listed(Arc<Listed>),
    /// Hosts join pools in Consul.
    Consul(Arc<Consul>),
}

impl Membership {
    /// # Errors
    /// When an argument cannot be used.
    pub(crate) fn of(
        args: &args::Serve,
        machine: Machine,
        installation: InstallationId,
    ) -> anyhow::Result<Self> {
        let consul = consul(&args.consul, machine.clone(), installation)?;
        match (consul, &args.docker.hosts.nodes) {
            (Some(_), Some(_)) => {
                bail!("--consul and --nodes both say which nodes there are; give one")
            }
            (Some(consul), None) => Ok(Self::Consul(Arc::new(consul))),
            (None, Some(file)) => {
                let listed = Listed::open(file).context("--nodes")?;
                Ok(Self::Listed(Arc::new(listed)))
            }
            (None, None) => Ok(Self::Alone(Arc::new(Embedded::new(machine)))),
        }
    }

    /// What is known here of nodes that join.
    pub(crate) fn hears(&self) -> Hears {
        let its: Names = match self {
            Self::Alone(embedded) => {
                let embedded = embedded.clone();
                Arc::new(move || BTreeSet::from([embedded.name()]))
            }
            Self::Listed(listed) => {
                let listed = listed.clone();
                Arc::new(move || listed.names())
            }
            Self::Consul(_) => return Hears::OfThem,
        };
        Hears::Nothing(its)
    }

    pub(crate) fn catalog(&self) -> Arc<dyn Catalog> {
        match self {
            Self::Alone(embedded) => embedded.clone(),
            Self::Listed(listed) => listed.clone(),
            Self::Consul(consul) => consul.clone(),
        }
    }
}

/// None: there is no Consul.
///
/// # Errors
/// When an argument cannot be used.
pub(crate) fn consul(
    args: &args::Consul,
    machine: Machine,
    installation: InstallationId,
) -> anyhow::Result<Option<Consul>> {
    let Some(settings) = settings(args, machine, installation)? else {
        return Ok(None);
    };
    Ok(Some(Consul::new(settings).context("--consul")?))
}

/// How Consul is spoken to. None: there is none.
///
/// # Errors
/// When an argument cannot be used.
pub(crate) fn settings(
    args: &args::Consul,
    machine: Machine,
    installation: InstallationId,
) -> anyhow::Result<Option<Settings>> {
    let Some(address) = &args.consul else {
        return Ok(None);
    };
    let token = match &args.consul_token_file {
        Some(file) => Some(token(file)?),
        None => args.consul_token.clone(),
    };
    Ok(Some(Settings {
        address: address.clone(),
        agent_port: args.consul_agent_port,
        token,
        plain_token: args.consul_plain_token,
        datacenter: args.consul_datacenter.clone(),
        namespace: args.consul_namespace.clone(),
        tls: TlsFiles {
            ca: args.consul_ca.clone(),
            certificate: args.consul_cert.clone(),
            key: args.consul_key.clone(),
            server_name: args.consul_server_name.clone(),
        },
        installation,
        machine,
        tags: args.tags(),
    }))
}

fn token(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("--consul-token-file {}", file.display()))?;
    Ok(SecretString::from(text.trim()))
}

/// Makes this server known as a service `jockey`, until it is told to stop; then it is forgotten.
pub(crate) async fn announce(
    membership: Membership,
    url: String,
    installation: InstallationId,
    stop: CancellationToken,
) {
    let Membership::Consul(consul) = membership else {
        return;
    };
    let (host, port) = consul.agent();
    let place = Place {
        node: consul.own_node(),
        elsewhere: seen_from(host, port).await,
    };
    let Some(own) = own(&url, installation, &place) else {
        return;
    };
    let mut warned = false;
    loop {
        let wait = match consul.register_server(&own).await {
            Ok(()) => {
                warned = warned || warn_of_loopback(&consul).await;
                REGISTER_EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "the server is not known to Consul; trying again");
                REGISTER_AGAIN
            }
        };
        // Dropped at any point: registering may be repeated.
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wait) => {}
        }
    }
    let forgotten = tokio::time::timeout(FORGET_DEADLINE, consul.deregister_server(&own.id)).await;
    if !matches!(forgotten, Ok(Ok(()))) {
        tracing::info!("the server is still known to Consul, which finds that it does not answer");
    }
}

/// Whether it was looked at.
async fn warn_of_loopback(consul: &Consul) -> bool {
    match consul.told_at_loopback().await {
        Ok(Some(wrong)) => tracing::error!("{wrong}"),
        Ok(None) => {}
        Err(_) => return false,
    }
    true
}

/// Where this server is, as its agent has to be told.
struct Place {
    node: NodeName,
    /// This host's address as the agent sees it. None: the agent is on this host.
    elsewhere: Option<IpAddr>,
}

/// The address of this host by which it reaches that one. None: it is this one, or there is no way.
async fn seen_from(host: &str, port: u16) -> Option<IpAddr> {
    let host = host.trim_matches(['[', ']']);
    for peer in tokio::net::lookup_host((host, port)).await.ok()? {
        let any: IpAddr = match peer.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Nothing is sent: connecting a datagram socket asks the kernel for the way alone.
        if let Ok(socket) = tokio::net::UdpSocket::bind((any, 0)).await
            && socket.connect(peer).await.is_ok()
        {
            let own = socket.local_addr().ok()?.ip();
            return (own != peer.ip()).then_some(own);
        }
    }
    None
}

/// None: the address is none that could be told.
fn own(url: &str, installation: InstallationId, place: &Place) -> Option<Own> {
    let (scheme, at) = url.split_once("://")?;
    let listen: SocketAddr = at.parse().ok()?;
    // Of a server that listens on every address its node's own is told, and the agent of this host asks on loopback. An
    // agent elsewhere has another node's.
    let everywhere = listen.ip().is_unspecified();
    let told = match (everywhere, place.elsewhere) {
        (false, _) => Some(listen.ip()),
        (true, elsewhere) => elsewhere,
    };
    let asked = match (told, listen) {
        (Some(ip), listen) => SocketAddr::new(ip, listen.port()).to_string(),
        (None, SocketAddr::V4(_)) => format!("127.0.0.1:{}", listen.port()),
        (None, SocketAddr::V6(_)) => format!("[::1]:{}", listen.port()),
    };
    Some(Own {
        // Servers of several hosts may share an agent.
        id: format!("jockey-{installation}-{}-{}", place.node, listen.port()),
        address: told.map(|ip| ip.to_string()).unwrap_or_default(),
        port: listen.port(),
        check: match scheme {
            "http" => OwnCheck::Http(format!("http://{asked}/health")),
            // Its certificate is for the name by which people know it.
            _ => OwnCheck::Tcp(asked),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_as_others_reach_it() {
        let place = |elsewhere: Option<&str>| Place {
            node: "host-1".parse().unwrap(),
            elsewhere: elsewhere.map(|ip| ip.parse().unwrap()),
        };
        let told = |url, place: &Place| own(url, InstallationId::from_bits(7), place).unwrap();
        let of = |url| told(url, &place(None));
        let local = of("http://127.0.0.1:4044");
        assert_eq!(local.address, "127.0.0.1");
        let health = OwnCheck::Http("http://127.0.0.1:4044/health".to_owned());
        assert_eq!(local.check, health);
        let open = of("https://0.0.0.0:4044");
        assert_eq!((open.address.as_str(), open.port), ("", 4044));
        assert_eq!(open.check, OwnCheck::Tcp("127.0.0.1:4044".to_owned()));
        assert_eq!(
            of("https://[::]:1").check,
            OwnCheck::Tcp("[::1]:1".to_owned())
        );
        let far = told("http://0.0.0.0:4044", &place(Some("10.0.0.5")));
        assert_eq!(far.address, "10.0.0.5", "not that of the agent's node");
        let health = OwnCheck::Http(format!("http://{}:4044/health", far.address));
        assert_eq!(far.check, health);
        assert!(far.id.ends_with("-host-1-4044"), "{}", far.id);
    }

    #[tokio::test]
    async fn an_agent_on_this_host_is_known_for_one() {
        assert_eq!(seen_from("127.0.0.1", 8500).await, None);
        assert_eq!(seen_from("[::1]", 8500).await, None);
    }
}

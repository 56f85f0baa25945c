//! Connections to agents: HTTP, or HTTPS with a CA and a certificate of one's own.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{
    ConfigBuilderExt, FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);
/// Where agents listen when an address does not say.
const PORT: u16 = 8500;
const TLS_PORT: u16 = 8501;

/// Where an agent listens: `http://10.0.0.1:8500`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    scheme: &'static str,
    /// IPv6 addresses without their brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Text that is no agent's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of Consul; write it as http://HOST:8500 or https://HOST:8501")]
pub struct BadAddress(String);

impl Base {
    /// Whether nobody else reads what is sent there: by TLS, or since it does not leave this host.
    pub(crate) fn is_private(&self) -> bool {
        let ip: Result<std::net::IpAddr, _> = self.host.trim_matches(['[', ']']).parse();
        self.scheme == "https" || self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// The same way to another agent.
    pub(crate) fn at(&self, host: &str, port: u16) -> Self {
        Self {
            scheme: self.scheme,
            host: host.to_owned(),
            port,
        }
    }
}

impl FromStr for Base {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => ("http", rest),
            Some(("https", rest)) => ("https", rest),
            Some(_) => return Err(bad()),
            // As Consul's own tools take it.
            None => ("http", text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let default = if scheme == "https" { TLS_PORT } else { PORT };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(bad)?;
                let port = match port.strip_prefix(':') {
                    Some(port) => Some(port),
                    None if port.is_empty() => None,
                    None => return Err(bad()),
                };
                host.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
                (host, port)
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._:".contains(c));
        if host.is_empty() || host.contains(odd) {
            return Err(bad());
        }
        let port = port.map_or(Ok(default), |port| port.parse().map_err(|_| bad()))?;
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

/// A file's content, and what it is called when it cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Pem {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
}

/// Whom to trust, and what to show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    /// None: the machine's own CAs.
    pub(crate) ca: Option<Pem>,
    /// A certificate and its key.
    pub(crate) client: Option<(Pem, Pem)>,
    /// The name that agents' certificates are for. None: the host that is called.
    pub(crate) server_name: Option<String>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    #[error("{0} holds no certificate as PEM")]
    NoCertificate(String),
    #[error("{0} holds no private key as PEM")]
    NoKey(String),
    #[error("the key and the certificate for Consul do not belong together: {0}")]
    Mismatch(rustls::Error),
    #[error("`{0}` is no name of a server")]
    ServerName(String),
    #[error("the machine's own CAs cannot be read: {0}")]
    NoRoots(std::io::Error),
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// A pool of connections.
#[derive(Clone)]
pub(crate) struct Transport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Transport {
    /// # Errors
    /// A file that holds nothing of its kind.
    pub(crate) fn new(tls: &Tls) -> Result<Self, BadTls> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let mut builder = HttpsConnectorBuilder::new()
            .with_tls_config(config(tls)?)
            .https_or_http();
        if let Some(name) = &tls.server_name {
            let bad = |_| BadTls::ServerName(name.clone());
            let name = ServerName::try_from(name.clone()).map_err(bad)?;
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = builder.enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }

    /// # Errors
    /// The innermost words of what went wrong: `connection refused`.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        self.0.request(request).await.map_err(|error| {
            let mut cause: &dyn std::error::Error = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            match cause
                .downcast_ref::<std::io::Error>()
                .map(std::io::Error::kind)
            {
                Some(std::io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
                Some(_) | None => cause.to_string(),
            }
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

fn config(tls: &Tls) -> Result<ClientConfig, BadTls> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(BadTls::Setup)?;
    let builder = match &tls.ca {
        Some(ca) => builder.with_root_certificates(roots(ca)?),
        None => builder.with_native_roots().map_err(BadTls::NoRoots)?,
    };
    match &tls.client {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                certificates(certificate)?,
                PrivateKeyDer::from_pem_slice(&key.bytes)
                    .map_err(|_| BadTls::NoKey(key.name.clone()))?,
            )
            .map_err(BadTls::Mismatch),
    }
}

fn roots(ca: &Pem) -> Result<RootCertStore, BadTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots
            .add(certificate)
            .map_err(|_| BadTls::NoCertificate(ca.name.clone()))?;
    }
    Ok(roots)
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(BadTls::NoCertificate(pem.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_consuls_own_tools_read_it() {
        for (text, want) in [
            ("http://10.0.0.1:8500", "http://10.0.0.1:8500"),
            ("127.0.0.1:18500", "http://127.0.0.1:18500"),
            ("https://consul.internal/", "https://consul.internal:8501"),
            ("consul", "http://consul:8500"),
            ("http://[::1]:8500", "http://[::1]:8500"),
            ("http://[::1]", "http://[::1]:8500"),
        ] {
            assert_eq!(text.parse::<Base>().unwrap().to_string(), want);
        }
        for bad in [
            "",
            "unix:///run/consul.sock",
            "http://",
            "http://a:b",
            "http://a/v1",
            "http://u@a",
            "http://[::1",
            "http://[x]:1",
        ] {
            assert!(bad.parse::<Base>().is_err(), "{bad}");
        }
    }
}

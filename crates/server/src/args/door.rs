//! How callers come to the port: by which way, with which certificates, how often.

use super::origin;
use crate::listen::Network;
use clap::ValueEnum;
use http::HeaderValue;
use std::path::PathBuf;

/// How callers come to the port.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Door {
    #[command(flatten)]
    pub(crate) tls: Tls,
    /// Where people reach the server, as in https://jockey.example.com: a browser that has signed in comes back there.
    /// [default: the address of --listen, when that is loopback]
    #[arg(long, env = "JOCKEY_PUBLIC_URL", value_parser = origin, value_name = "URL")]
    pub(crate) public_url: Option<HeaderValue>,
    /// Networks of proxies whose `X-Forwarded-For` is believed, with commas between them. [default: none]
    #[arg(
        long = "trusted-proxy",
        env = "JOCKEY_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    pub(crate) trusted_proxies: Vec<Network>,
    /// How many calls a second one caller may make, and five times as many at once. 0: as many as they like.
    #[arg(
        long,
        env = "JOCKEY_CALL_RATE",
        default_value_t = 200,
        value_name = "N"
    )]
    pub(crate) call_rate: u32,
}

/// What the port shows of itself, and asks of its callers.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Tls {
    /// File with the server's certificate and those between it and its CA, as PEM. The port then speaks TLS and nothing
    /// else; a file that changes is taken within seconds. [default: none, plain HTTP]
    #[arg(
        long,
        env = "JOCKEY_TLS_CERT",
        requires = "tls_key",
        value_name = "FILE"
    )]
    pub(crate) tls_cert: Option<PathBuf>,
    /// File with its private key, as PEM.
    #[arg(
        long,
        env = "JOCKEY_TLS_KEY",
        requires = "tls_cert",
        value_name = "FILE"
    )]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with the CAs of callers' certificates, as PEM. A token is asked for all the same. [default: none, no
    /// certificate is asked for]
    #[arg(
        long,
        env = "JOCKEY_TLS_CLIENT_CA",
        requires = "tls_cert",
        value_name = "FILE"
    )]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Whether a caller may come without a certificate.
    #[arg(
        long,
        env = "JOCKEY_TLS_CLIENT_CERTIFICATES",
        default_value = "required",
        value_name = "WHETHER"
    )]
    pub(crate) tls_client_certificates: ClientCertificates,
}

/// Whether callers need a certificate, where there are CAs for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientCertificates {
    /// Who has none is not let in.
    #[default]
    Required,
    /// Who has none is let in; who shows one needs a good one.
    Optional,
}

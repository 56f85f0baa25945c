//! What a node program says to a server.

use crate::args;
use anyhow::{Context, bail};
use domain::InstallationId;
use http::Uri;
use proto::v1::{self, node_service_client::NodeServiceClient};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt::Display, fs, net::IpAddr, time::Duration};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;

/// How long a connection, and how long a call may take.
const CONNECT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);
/// The server's own word for a node that was removed.
const NODE_GONE: &str = "NODE_GONE";

/// The server's own word for a lease that has run out.
const LEASE_OVER: &str = "LEASE_OVER";

/// A server. Clones share a connection.
#[derive(Clone)]
pub(super) struct Server {
    endpoint: Endpoint,
    client: NodeServiceClient<Channel>,
}

/// Why a server gives no certificate, or no lease.
pub(super) enum Refusal {
    /// It may later.
    Passing(String),
    /// It does not, as it was asked.
    Final(String),
    /// The node was removed.
    Gone(String),
    /// There is nothing left to prolong.
    Over(String),
}

impl Refusal {
    pub(super) fn passing(error: impl Display) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let why = match status.message() {
            "" => status.code().to_string(),
            message => message.to_owned(),
        };
        // A proxy that refuses has the same code.
        let said = status.get_details_error_info().map(|info| info.reason);
        match status.code() {
            Code::PermissionDenied if said.as_deref() == Some(NODE_GONE) => Self::Gone(why),
            Code::FailedPrecondition if said.as_deref() == Some(LEASE_OVER) => Self::Over(why),
            Code::Unauthenticated | Code::InvalidArgument | Code::AlreadyExists => Self::Final(why),
            _ => Self::Passing(why),
        }
    }
}

impl Server {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the address is none, is not spoken to without TLS, or the CA cannot be read.
    pub(super) fn connect(args: &args::Node) -> anyhow::Result<Self> {
        let uri: Uri = args.server.parse().context("--server")?;
        let endpoint = Endpoint::from(uri.clone())
            .connect_timeout(CONNECT)
            .timeout(CALL);
        let endpoint = match uri.scheme_str() {
            Some("https") => {
                let tls = match &args.server_ca {
                    Some(file) => {
                        let pem = fs::read(file);
                        let pem = pem.with_context(|| format!("--server-ca {}", file.display()))?;
                        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
                    }
                    None => ClientTlsConfig::new().with_native_roots(),
                };
                endpoint.tls_config(tls).context("--server-ca")?
            }
            Some("http") if args.server_plain || is_here(&uri) => endpoint,
            Some("http") => bail!(
                "--server {}: whoever is on the way to it could take this host over; give an https:// address, or \
                 --server-plain where the network itself keeps everybody else out",
                args.server
            ),
            Some(_) | None => bail!(
                "--server `{}` is no address of a server; write it as https://jockey.example.com",
                args.server
            ),
        };
        Ok(Self {
            client: NodeServiceClient::new(endpoint.connect_lazy()),
            endpoint,
        })
    }

    /// The same, by a connection that is made anew.
    pub(super) fn again(&self) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            client: NodeServiceClient::new(self.endpoint.connect_lazy()),
        }
    }

    /// Prolongs, begins or ends a lease. Answers how long it lasts, and whose singletons it is about.
    ///
    /// # Errors
    /// As `Refusal` has it.
    pub(super) async fn hold(
        &self,
        request: v1::HoldLeaseRequest,
    ) -> Result<(Duration, InstallationId), Refusal> {
        let answer = self.client.clone().hold_lease(request).await?.into_inner();
        let time = answer.ttl.and_then(|ttl| Duration::try_from(ttl).ok());
        let installation = answer.installation.parse().ok();
        let odd = || Refusal::passing("the server answered without a lease");
        time.zip(installation).ok_or_else(odd)
    }

    /// Joins.
    ///
    /// # Errors
    /// As `Refusal` has it.
    pub(super) async fn join(
        &self,
        token: &SecretString,
        claim: v1::NodeClaim,
    ) -> Result<v1::NodeCertificate, Refusal> {
        let request = v1::JoinNodeRequest {
            token: token.expose_secret().to_owned(),
            claim: Some(claim),
        };
        let answer = self.client.clone().join_node(request).await?.into_inner();
        answer.certificate.ok_or_else(odd)
    }

    /// Renews.
    ///
    /// # Errors
    /// As `Refusal` has it.
    pub(super) async fn renew(&self, claim: v1::NodeClaim) -> Result<v1::NodeCertificate, Refusal> {
        let request = v1::RenewNodeRequest { claim: Some(claim) };
        let answer = self.client.clone().renew_node(request).await?.into_inner();
        answer.certificate.ok_or_else(odd)
    }
}

fn odd() -> Refusal {
    Refusal::passing("the server answered without a certificate")
}

/// Whether a server is on this host.
fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address: Result<IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The token to join by.
///
/// # Errors
/// None is given, or its file cannot be read.
pub(super) fn token(args: &args::Node) -> anyhow::Result<SecretString> {
    match (&args.token, &args.token_file) {
        (Some(token), _) => Ok(token.clone()),
        (None, Some(file)) => {
            let text = fs::read_to_string(file);
            let text = text.with_context(|| format!("--token-file {}", file.display()))?;
            Ok(SecretString::from(text.trim()))
        }
        (None, None) => bail!(
            "this host has not joined yet: make a token with `jockey nodes join-token`, and give it with --token-file"
        ),
    }
}

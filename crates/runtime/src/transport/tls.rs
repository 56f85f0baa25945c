//! TLS to an Engine: our own roots and nobody else's, and a certificate of ours.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

/// Files with what this side shows and believes, as PEM. Read for each new connection, so that renewed ones are taken up
/// without a restart: some 0.1 ms beside a handshake of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The CAs of the Engines' certificates. No other is believed.
    pub ca: PathBuf,
    /// Ours, with those between it and its CA.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificates {
    /// As the `docker` command has them in one directory: `ca.pem`, `cert.pem` and `key.pem`.
    #[must_use]
    pub fn below(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            certificate: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }

    /// Whether they can be read, and belong together.
    ///
    /// # Errors
    /// With the file that is at fault, and how.
    pub fn check(&self) -> io::Result<()> {
        self.load().map(drop)
    }

    fn load(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for one in certificates(&self.ca)? {
            roots.add(one).map_err(|error| at(&self.ca, &error))?;
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| at(&self.key, &error))?;
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&self.certificate)?, key)
            .map_err(|error| at(&self.certificate, &error))
    }
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = read.map_err(|error| at(file, &error))?;
    match all.is_empty() {
        true => Err(at(file, &"it holds no certificate")),
        false => Ok(all),
    }
}

fn at(file: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}

/// What is shown to one Engine.
#[derive(Debug)]
pub(super) struct Files {
    host: String,
    certificates: Certificates,
}

impl Files {
    pub(super) const fn new(host: String, certificates: Certificates) -> Self {
        Self { host, certificates }
    }

    /// # Errors
    /// When the files cannot be used, or either side does not believe the other.
    pub(super) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.certificates.load()?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

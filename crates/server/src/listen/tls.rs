//! TLS on the port: certificates from files, read again when those change.
//!
//! **Invariant:** files that cannot be used are never taken: what was good before stays, and the log and the metrics say
//! so.

pub(crate) mod validity;

use crate::args::{self, ClientCertificates};
use anyhow::{Context, bail};
use domain::Timestamp;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};

/// How long a handshake may take: two round trips over a bad line.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How often the files are looked at. A look is three `stat`s.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What is spoken, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where certificates and keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    clients: Option<(PathBuf, ClientCertificates)>,
}

/// What connections are accepted with.
pub(crate) struct Tls {
    files: Files,
    config: RwLock<Arc<ServerConfig>>,
}

/// What was read of the files.
pub(crate) struct Loaded {
    config: ServerConfig,
    /// When the first certificate of the chain, or another one before it, ends. None: no time could be read.
    pub(crate) expires_at: Option<Timestamp>,
}

/// What tells one version of a file from another.
type Version = Vec<Option<(i64, i64, u64, u64)>>;

impl Files {
    /// None: plain HTTP.
    pub(crate) fn of(args: &args::Tls) -> Option<Self> {
        let (certificate, key) = (args.tls_cert.clone()?, args.tls_key.clone()?);
        let clients = args.tls_client_ca.clone();
        Some(Self {
            certificate,
            key,
            clients: clients.map(|file| (file, args.tls_client_certificates)),
        })
    }

    /// Reads them, and makes sure that they belong together.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of the kind, or the key is another certificate's.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        let chain = certificates(&self.certificate, "--tls-cert")?;
        let key = PrivateKeyDer::from_pem_file(&self.key).with_context(|| {
            format!(
                "--tls-key {} holds no private key that can be read; give it as PEM, without a passphrase",
                self.key.display()
            )
        })?;
        let ends = chain.iter().map(|one| validity::not_after(one));
        let expires_at = ends.min().flatten();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS")?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some((file, whether)) => {
                let mut roots = RootCertStore::empty();
                for one in certificates(file, "--tls-client-ca")? {
                    let added = roots.add(one);
                    added.with_context(|| format!("--tls-client-ca {}", file.display()))?;
                }
                let provider = Arc::new(ring::default_provider());
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match whether {
                    ClientCertificates::Required => verifier,
                    ClientCertificates::Optional => verifier.allow_unauthenticated(),
                };
                builder.with_client_cert_verifier(verifier.build().context("--tls-client-ca")?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).with_context(|| {
            format!(
                "{} and {} cannot be used; does the key belong to the certificate?",
                self.certificate.display(),
                self.key.display()
            )
        })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Loaded { config, expires_at })
    }

    fn version(&self) -> Version {
        let clients = self.clients.as_ref().map(|(file, _)| file);
        let files = [&self.certificate, &self.key].into_iter().chain(clients);
        files.map(|file| version(file)).collect()
    }
}

/// None: it is not there.
fn version(file: &Path) -> Option<(i64, i64, u64, u64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.ino(), found.len()))
}

fn certificates(file: &Path, flag: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read =
        CertificateDer::pem_file_iter(file).and_then(|found| found.collect::<Result<Vec<_>, _>>());
    let found = read.with_context(|| format!("{flag} {} cannot be read", file.display()))?;
    if found.is_empty() {
        bail!(
            "{flag} {} holds no certificate; give it as PEM",
            file.display()
        );
    }
    Ok(found)
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As `Files::load`.
    pub(crate) fn new(files: Files) -> anyhow::Result<Arc<Self>> {
        let loaded = files.load()?;
        tell(&loaded);
        Ok(Arc::new(Self {
            files,
            config: RwLock::new(Arc::new(loaded.config)),
        }))
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When the other side does not, or takes too long.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.config());
        tokio::time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await?
    }

    fn config(&self) -> Arc<ServerConfig> {
        // Nothing in here can be left half done.
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }

    /// Looks at the files for ever, and takes them when they have changed and are good.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut seen = self.files.version();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.files.version();
            if now != seen {
                seen = now;
                self.reload();
            }
        }
    }

    fn reload(&self) {
        let outcome = match self.files.load() {
            Ok(loaded) => {
                tell(&loaded);
                let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
                *config = Arc::new(loaded.config);
                tracing::info!("the certificate was read again");
                "taken"
            }
            Err(error) => {
                tracing::error!(
                    error = &*error as &dyn std::error::Error,
                    "the new certificate cannot be used; the one before it is served on"
                );
                "refused"
            }
        };
        metrics::counter!("jockey_tls_reloads_total", "outcome" => outcome).increment(1);
    }
}

/// Puts the end of a certificate where it is seen in time.
fn tell(loaded: &Loaded) {
    let Some(ends) = loaded.expires_at else {
        return;
    };
    let seconds = ends.micros() / 1_000_000;
    metrics::gauge!("jockey_tls_certificate_expires_timestamp_seconds").set(seconds as f64);
    tracing::info!(expires_at = %ends, "serving TLS");
}

#[cfg(test)]
mod tests;

//! A server: its URL, and who may vouch for it.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::exit::Error;

/// What a file of certificates has in it.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// As it was written.
    pub(crate) url: String,
    pub(super) endpoint: Endpoint,
}

impl Server {
    /// The server at this URL. With a file of certificates, only these may vouch for it; else those that the machine
    /// trusts.
    ///
    /// # Errors
    /// `BadServer` for what is not an http or https URL, `Read` and `BadCaFile` for the file, `CaWithoutTls` when the
    /// URL is an http one.
    pub(crate) fn new(url: String, ca_file: Option<PathBuf>) -> Result<Self, Error> {
        let bad = || Error::BadServer(url.clone());
        let mut endpoint = Endpoint::from_shared(url.clone()).map_err(|_| bad())?;
        let tls = ClientTlsConfig::new();
        match (endpoint.uri().scheme_str(), ca_file) {
            (Some("http"), None) => {}
            (Some("http"), Some(_)) => return Err(Error::CaWithoutTls(url)),
            (Some("https"), None) => {
                endpoint = endpoint
                    .tls_config(tls.with_native_roots())
                    .map_err(|_| bad())?;
            }
            (Some("https"), Some(path)) => {
                let tls = tls.ca_certificate(certificates(&path)?);
                endpoint = endpoint
                    .tls_config(tls)
                    .map_err(|_| Error::BadCaFile(path))?;
            }
            _ => return Err(bad()),
        }
        Ok(Self { url, endpoint })
    }
}

fn certificates(path: &Path) -> Result<Certificate, Error> {
    let pem = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    match pem.contains(PEM) {
        true => Ok(Certificate::from_pem(pem)),
        false => Err(Error::BadCaFile(path.to_owned())),
    }
}

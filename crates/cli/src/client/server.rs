//! A server: its URL, who may vouch for it, and what is shown to it.

use tonic::transport::Endpoint;

use super::{doubt::Shown, tls::TlsFiles};
use crate::exit::Error;

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// As it was written.
    pub(crate) url: String,
    pub(super) endpoint: Endpoint,
    pub(super) shown: Shown,
}

impl Server {
    /// The server at this URL. With a file of certificates, only these may vouch for it; else those that the machine
    /// trusts.
    ///
    /// # Errors
    /// `BadServer` for what is not an http or https URL, `CaWithoutTls` and `CertificateWithoutTls` when the URL is an
    /// http one, and what [`TlsFiles`] answer.
    pub(crate) fn new(url: String, files: &TlsFiles) -> Result<Self, Error> {
        let bad = || Error::BadServer(url.clone());
        let mut endpoint = Endpoint::from_shared(url.clone()).map_err(|_| bad())?;
        let shown = match (endpoint.uri().scheme_str(), &files.ca, &files.client) {
            (Some("http"), None, None) => Shown::InTheClear,
            (Some("http"), Some(_), _) => return Err(Error::CaWithoutTls(url)),
            (Some("http"), None, Some(_)) => return Err(Error::CertificateWithoutTls(url)),
            (Some("https"), ca, client) => {
                let tls = files.config()?;
                endpoint = endpoint.tls_config(tls).map_err(|_| match ca {
                    Some(path) => Error::NoCertificate(path.clone()),
                    None => bad(),
                })?;
                match client {
                    Some(files) => Shown::Certificate(files.cert.clone()),
                    None => Shown::NoCertificate,
                }
            }
            _ => return Err(bad()),
        };
        Ok(Self {
            url,
            endpoint,
            shown,
        })
    }
}

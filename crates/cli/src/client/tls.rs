//! What TLS takes from files: who may vouch for a server, and what is shown to one that asks its callers for a
//! certificate.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::exit::Error;

/// What a file of certificates has in it.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// The files, all of them PEM.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFiles {
    /// The certificates of who may vouch for the server. The machine's own when not set.
    pub(crate) ca: Option<PathBuf>,
    /// What is shown to a server that asks for it.
    pub(crate) client: Option<ClientCertificate>,
}

impl TlsFiles {
    /// Reads them.
    ///
    /// # Errors
    /// `Read`, `NoCertificate`, `NoKey`, and `BadClientCertificate` for two files that do not belong together.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, Error> {
        let tls = ClientTlsConfig::new();
        let tls = match &self.ca {
            Some(path) => tls.ca_certificate(Certificate::from_pem(certificates(path)?)),
            None => tls.with_native_roots(),
        };
        match &self.client {
            Some(files) => Ok(tls.identity(files.identity()?)),
            None => Ok(tls),
        }
    }
}

/// A certificate of who calls, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl ClientCertificate {
    /// Both files or none, and what the two are called where they are said.
    ///
    /// # Errors
    /// `HalfCertificate` for one without the other.
    pub(crate) fn of(
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
        names: [&str; 2],
    ) -> Result<Option<Self>, Error> {
        let [cert_name, key_name] = names.map(str::to_owned);
        match (cert, key) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(Self { cert, key })),
            (Some(_), None) => Err(Error::HalfCertificate {
                given: cert_name,
                missing: key_name,
            }),
            (None, Some(_)) => Err(Error::HalfCertificate {
                given: key_name,
                missing: cert_name,
            }),
        }
    }

    fn identity(&self) -> Result<Identity, Error> {
        let identity = Identity::from_pem(certificates(&self.cert)?, key(&self.key)?);
        // With nothing else, so that it is these two that are at fault.
        let alone = ClientTlsConfig::new().identity(identity.clone());
        match Endpoint::from_static("https://localhost").tls_config(alone) {
            Ok(_) => Ok(identity),
            Err(_) => Err(Error::BadClientCertificate {
                cert: self.cert.clone(),
                key: self.key.clone(),
            }),
        }
    }
}

fn certificates(path: &Path) -> Result<String, Error> {
    let pem = read(path)?;
    match pem.contains(PEM) {
        true => Ok(pem),
        false => Err(Error::NoCertificate(path.to_owned())),
    }
}

/// A key that takes no passphrase.
fn key(path: &Path) -> Result<String, Error> {
    let pem = read(path)?;
    let begins_a_key = |line: &str| {
        line.starts_with("-----BEGIN ")
            && line.ends_with("PRIVATE KEY-----")
            && !line.contains("ENCRYPTED")
    };
    match pem.lines().any(|line| begins_a_key(line.trim_end())) {
        true => Ok(pem),
        false => Err(Error::NoKey(path.to_owned())),
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_takes_its_key_and_a_key_its_certificate() {
        let path = |name: &str| Some(PathBuf::from(name));
        let of = |cert, key| ClientCertificate::of(cert, key, ["--cert", "--key"]);
        assert_eq!(of(None, None).unwrap(), None);
        let both = of(path("a.pem"), path("a.key")).unwrap().unwrap();
        assert_eq!(both.cert, Path::new("a.pem"));
        assert_eq!(both.key, Path::new("a.key"));
        for (cert, key, told) in [
            (path("a.pem"), None, "--cert takes --key as well"),
            (None, path("a.key"), "--key takes --cert as well"),
        ] {
            assert_eq!(of(cert, key).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn a_file_that_holds_no_key_or_a_locked_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        for (text, is_key) in [
            ("-----BEGIN PRIVATE KEY-----\n", true),
            ("a comment\r\n-----BEGIN EC PRIVATE KEY-----\r\n", true),
            ("-----BEGIN RSA PRIVATE KEY-----\n", true),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", false),
            ("-----BEGIN PUBLIC KEY-----\n", false),
            (PEM, false),
            ("", false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(key(&file).is_ok(), is_key, "{text}");
        }
        assert!(matches!(key(&file), Err(Error::NoKey(_))));
        assert!(matches!(certificates(&file), Err(Error::NoCertificate(_))));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(key(&file), Err(Error::Read { .. })));
    }
}

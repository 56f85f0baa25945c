//! A CA of one test, and a certificate by which an agent is known and by which it knows who speaks to it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use tempfile::TempDir;

/// Files of PEM, which go with this value.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// New ones, for loopback and for `server.dc1.consul`.
    ///
    /// # Errors
    /// There is no `openssl`.
    pub fn issue() -> anyhow::Result<Self> {
        let own = Self {
            directory: tempfile::tempdir()?,
        };
        const KEY: [&str; 6] = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
        ];
        let (ca_key, request, more) = (own.file("ca.key"), own.file("request"), own.file("more"));
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:server.dc1.consul\n";
        std::fs::write(&more, names)?;
        openssl(
            Command::new("openssl")
                .args(["req", "-x509"])
                .args(KEY)
                .args(["30", "-subj", "/CN=a CA of a test", "-keyout"])
                .arg(&ca_key)
                .arg("-out")
                .arg(own.ca()),
        )?;
        openssl(
            Command::new("openssl")
                .arg("req")
                .args(&KEY[..5])
                .args(["-subj", "/CN=server.dc1.consul", "-keyout"])
                .arg(own.key())
                .arg("-out")
                .arg(&request),
        )?;
        openssl(
            Command::new("openssl")
                .args(["x509", "-req", "-days", "30", "-CAcreateserial", "-in"])
                .arg(&request)
                .arg("-CA")
                .arg(own.ca())
                .arg("-CAkey")
                .arg(&ca_key)
                .arg("-extfile")
                .arg(&more)
                .arg("-out")
                .arg(own.certificate()),
        )?;
        Ok(own)
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The certificate of agents, and of who speaks to them.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.file("agent.pem")
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.file("agent.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.directory.path()).join(name)
    }
}

fn openssl(command: &mut Command) -> anyhow::Result<()> {
    let told = command.output().context("openssl could not be started")?;
    let words = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "{command:?}: {words}");
    Ok(())
}

//! A CA of one cluster, a certificate for its engines, and one for who speaks to them.

use std::{
    ffi::OsString,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::system;

/// How much older they say they are than they are, as faketime writes it. They are believed by who is some hours behind, as
/// those are that have been in use for a while.
const AGE: &str = "-1d";

#[derive(Debug)]
pub(super) struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes them below this directory, for engines at these addresses.
    ///
    /// # Errors
    /// What openssl says.
    pub(super) fn make(below: &Path, addresses: &[Ipv4Addr]) -> anyhow::Result<Self> {
        let directory = below.join("certificates");
        fs::create_dir(&directory)?;
        authority(&directory)?;
        let names: Vec<String> = addresses.iter().map(|at| format!("IP:{at}")).collect();
        let names = format!("subjectAltName={}\n", names.join(","));
        issue(
            &directory,
            "engine",
            &format!("{names}extendedKeyUsage=serverAuth\n"),
        )?;
        issue(&directory, "cert", "extendedKeyUsage=clientAuth\n")?;
        fs::rename(directory.join("cert.key"), directory.join("key.pem"))?;
        Ok(Self { directory })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What an engine is told: to show its own, and to let in who shows one of this CA.
    pub(super) fn of_engine(&self) -> Vec<OsString> {
        let file = |name: &str| self.directory.join(name).into_os_string();
        vec![
            "--tlsverify".into(),
            "--tlscacert".into(),
            file("ca.pem"),
            "--tlscert".into(),
            file("engine.pem"),
            "--tlskey".into(),
            file("engine.key"),
        ]
    }

    /// The same for who speaks to them, of another CA, with the right one to believe the engines by.
    pub(super) fn strange(&self) -> anyhow::Result<PathBuf> {
        let directory = self.directory.with_file_name("strange");
        fs::create_dir(&directory)?;
        authority(&directory)?;
        issue(&directory, "cert", "extendedKeyUsage=clientAuth\n")?;
        fs::rename(directory.join("cert.key"), directory.join("key.pem"))?;
        fs::copy(self.directory.join("ca.pem"), directory.join("ca.pem"))?;
        Ok(directory)
    }
}

/// `ca.pem` and `ca.key`.
fn authority(directory: &Path) -> anyhow::Result<()> {
    let (certificate, key) = (text(directory, "ca.pem"), text(directory, "ca.key"));
    #[rustfmt::skip]
    system("faketime", [
        "-f", AGE, "openssl",
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=a CA of a cluster", "-keyout", &key, "-out", &certificate,
    ])
    .context("this test needs faketime and openssl: run scripts/provision, then try again")?;
    Ok(())
}

/// `NAME.pem` and `NAME.key`, by the CA in the same directory.
fn issue(directory: &Path, name: &str, extensions: &str) -> anyhow::Result<()> {
    let file = |name: String| text(directory, &name);
    let (certificate, key) = (file(format!("{name}.pem")), file(format!("{name}.key")));
    let (request, more) = (
        file(format!("{name}.request")),
        file(format!("{name}.more")),
    );
    fs::write(&more, extensions)?;
    let subject = format!("/CN={name}");
    #[rustfmt::skip]
    system("openssl", [
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", &subject, "-keyout", &key, "-out", &request,
    ])?;
    let (ca, ca_key) = (file("ca.pem".to_owned()), file("ca.key".to_owned()));
    #[rustfmt::skip]
    system("faketime", [
        "-f", AGE, "openssl",
        "x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial",
        "-days", "30", "-extfile", &more, "-out", &certificate,
    ])?;
    Ok(())
}

fn text(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

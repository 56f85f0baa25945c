//! TLS on the port: whom it lets in, what it shows, and how it follows its files.

use crate::{
    calls::contains,
    harness::{Jockeyd, PATIENCE},
    programs::{Ended, ended},
};
use anyhow::{Context, ensure};
use proto::v1;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// The name that certificates of these tests are for, besides loopback.
pub(crate) const HOST: &str = "jockey.example";

/// A CA of one test.
pub(crate) struct Ca {
    directory: tempfile::TempDir,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

async fn openssl(words: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("openssl");
    ended(command.args(words)).await?.with(0);
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

impl Ca {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let own = Self {
            directory: tempfile::tempdir()?,
        };
        let (certificate, key) = (own.certificate(), own.file("ca.key"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=a CA of a test",
            "-keyout",
            text(&key),
            "-out",
            text(&certificate),
        ])
        .await?;
        Ok(own)
    }

    /// The certificate of the CA itself.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A certificate that is good for so many days.
    pub(crate) async fn issue(&self, name: &str, days: u32) -> anyhow::Result<Issued> {
        let issued = Issued {
            certificate: self.file(&format!("{name}.pem")),
            key: self.file(&format!("{name}.key")),
        };
        let (request, more) = (self.file("request"), self.file("more"));
        openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            text(&issued.key),
            "-out",
            text(&request),
        ])
        .await?;
        let names = format!("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{HOST}\n");
        std::fs::write(&more, names)?;
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-CA",
            text(&self.certificate()),
            "-CAkey",
            text(&self.file("ca.key")),
            "-CAcreateserial",
            "-days",
            &days.to_string(),
            "-extfile",
            text(&more),
            "-out",
            text(&issued.certificate),
        ])
        .await?;
        Ok(issued)
    }

    /// What a caller trusts who trusts this CA.
    fn trusted(&self) -> anyhow::Result<ClientTlsConfig> {
        let ca = std::fs::read_to_string(self.certificate())?;
        Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)))
    }
}

/// What makes a server show this.
pub(crate) fn flags(issued: &Issued) -> Vec<String> {
    let Issued { certificate, key } = issued;
    ["--tls-cert", text(certificate), "--tls-key", text(key)]
        .map(str::to_owned)
        .to_vec()
}

/// A server that shows this, and where it listens.
async fn serving(issued: &Issued, more: &[&str]) -> anyhow::Result<(Jockeyd, String)> {
    let mut server = Jockeyd::prepare(more)?;
    server.arguments().extend(flags(issued));
    let url = server.launch()?;
    ensure!(url.starts_with("https://"), "{url}");
    Ok((server, url))
}

/// Asks for the apps, as the administrator.
async fn ask(server: &mut Jockeyd, url: &str, tls: ClientTlsConfig) -> anyhow::Result<()> {
    let channel: Channel = Endpoint::from_shared(url.to_owned())?
        .tls_config(tls)?
        .connect_timeout(Duration::from_secs(10))
        .connect()
        .await?;
    server.reach_by(channel);
    let request = v1::ListAppsRequest::default();
    server.admin().apps().list_apps(request).await?;
    Ok(())
}

/// What a person types whose contexts are those of the test.
async fn typed(server: &Jockeyd, words: &[&str]) -> anyhow::Result<Ended> {
    let mut command = server.jockey_command(words)?;
    ended(command.env("XDG_CONFIG_HOME", server.file("config"))).await
}

/// A person is told to show a certificate, shows it, and has it shown by a context.
async fn a_person_shows(server: &Jockeyd, url: &str, ca: &Ca, own: &Issued) -> anyhow::Result<()> {
    let roots = ca.certificate();
    let trusting = ["--ca-file", text(&roots)];
    let Issued { certificate, key } = own;
    let showing = [
        "--client-cert",
        text(certificate),
        "--client-key",
        text(key),
    ];
    let list = ["apps", "list"];
    let told = typed(server, &[&list[..], &trusting[..]].concat()).await?;
    told.with(6)
        .refuses(&["--client-cert FILE --client-key FILE"]);
    let words = [&list[..], &trusting[..], &showing[..]].concat();
    typed(server, &words).await?.with(0);
    let add = ["context", "add", "private", url];
    let words = [&add[..], &trusting[..], &showing[..]].concat();
    typed(server, &words).await?.with(0);
    let words = ["apps", "list", "--context", "private"];
    typed(server, &words).await?.with(0);
    Ok(())
}

/// `curl`, which knows no CA but this one.
async fn curl(ca: &Ca, words: &[&str]) -> anyhow::Result<Ended> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--include", "--max-time", "20"])
        .arg("--cacert")
        .arg(ca.certificate())
        .args(words)
        .stdin(Stdio::null());
    ended(&mut command).await
}

#[tokio::test]
async fn grpc_and_rest_are_served_over_tls_and_nothing_in_the_clear() -> anyhow::Result<()> {
    let ca = Ca::new().await?;
    let (mut server, url) = serving(&ca.issue("server", 30).await?, &[]).await?;
    ask(&mut server, &url, ca.trusted()?).await?;
    for (version, line) in [("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200")] {
        let told = curl(&ca, &[version, &format!("{url}/v1/")]).await?.with(0);
        let told = told.out.to_ascii_lowercase();
        contains(&told, &[&line.to_ascii_lowercase()]);
        let wanted = [
            "strict-transport-security: max-age=31536000",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "frame-ancestors 'none'",
        ];
        contains(&told, &wanted);
    }
    let clear = url.replace("https:", "http:");
    let told = curl(&ca, &[&format!("{clear}/health")]).await?;
    assert_ne!(told.code, Some(0), "{told:?}");

    let stranger = Ca::new().await?;
    let refused = ask(&mut server, &url, stranger.trusted()?).await;
    assert!(refused.is_err(), "who does not know the CA does not ask");
    Ok(())
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_a_bad_one_is_not() -> anyhow::Result<()> {
    let (before, after) = (Ca::new().await?, Ca::new().await?);
    let served = before.issue("server", 30).await?;
    let (mut server, url) = serving(&served, &[]).await?;
    ask(&mut server, &url, before.trusted()?).await?;

    std::fs::write(&served.certificate, "no certificate")?;
    let told = "the new certificate cannot be used; the one before it is served on";
    let log = server.file("log");
    let says = |words: &str| std::fs::read_to_string(&log).is_ok_and(|log| log.contains(words));
    server.wait("the bad file to be noticed", || says(told))?;
    ask(&mut server, &url, before.trusted()?).await?;

    let next = after.issue("server", 30).await?;
    std::fs::copy(&next.key, &served.key)?;
    std::fs::copy(&next.certificate, &served.certificate)?;
    let began = Instant::now();
    while ask(&mut server, &url, after.trusted()?).await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ask(&mut server, &url, before.trusted()?).await.is_err());
    Ok(())
}

#[tokio::test]
async fn callers_show_certificates_where_that_is_asked() -> anyhow::Result<()> {
    let (ca, clients) = (Ca::new().await?, Ca::new().await?);
    let issued = ca.issue("server", 30).await?;
    let shown = |issued: Issued| -> anyhow::Result<ClientTlsConfig> {
        let read = |path| std::fs::read_to_string(path);
        let identity = Identity::from_pem(read(issued.certificate)?, read(issued.key)?);
        Ok(ca.trusted()?.identity(identity))
    };
    let caller = clients.issue("caller", 30).await?;
    let known = shown(caller.clone())?;
    let unknown = shown(ca.issue("stranger", 30).await?)?;
    let roots = clients.certificate();
    for (whether, none_is_let_in) in [("required", false), ("optional", true)] {
        let more = [
            "--tls-client-ca",
            text(&roots),
            "--tls-client-certificates",
            whether,
        ];
        let (mut server, url) = serving(&issued, &more).await?;
        ask(&mut server, &url, known.clone())
            .await
            .context("a good certificate")?;
        let answered = ask(&mut server, &url, unknown.clone()).await;
        assert!(answered.is_err(), "{whether}: one of another CA");
        let answered = ask(&mut server, &url, ca.trusted()?).await;
        assert_eq!(answered.is_ok(), none_is_let_in, "{whether}: none");
        if !none_is_let_in {
            a_person_shows(&server, &url, &ca, &caller).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn check_says_when_a_certificate_ends_and_serve_what_is_missing() -> anyhow::Result<()> {
    let ca = Ca::new().await?;
    let (long, soon) = (ca.issue("long", 30).await?, ca.issue("soon", 3).await?);
    let (_, other) = (long.clone(), ca.issue("other", 30).await?);
    let crossed = Issued {
        certificate: long.certificate.clone(),
        key: other.key,
    };
    let server = Jockeyd::prepare(&[])?;
    for (issued, words) in [
        (&long, "ok     certificate: good for 29 days"),
        (&soon, "WRONG  certificate: ends in 2 days"),
        (&crossed, "does the key belong to the certificate?"),
    ] {
        let mut arguments = vec!["check".to_owned()];
        arguments.extend(flags(issued));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told = server.jockeyd(&arguments).await?;
        contains(&told.out, &[words]);
    }
    let certificate = text(&long.certificate);
    let told = server
        .jockeyd(&["serve", "--tls-cert", certificate])
        .await?;
    told.refuses(&["--tls-key"]);
    Ok(())
}

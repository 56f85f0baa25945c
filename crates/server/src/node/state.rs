//! What a node program keeps: its key, and the certificate that it has for it. One file, which its user alone reads.

use super::Said;
use crate::{authority::Key, machine::SystemClock, state};
use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{InstallationId, NodeName, Timestamp, guard::Wish};
use ports::{
    Clock,
    authority::{Claim, Hold},
};
use proto::v1;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, crypto::ring as provider, pki_types::CertificateDer,
    server::WebPkiClientVerifier, version::TLS13,
};

const FILE: &str = "node.json";
/// By how much the number on the disk is ahead of those that are said, in microseconds: a minute.
const NUMBERS: i64 = 60_000_000;

/// The state, as it is on the disk as well.
pub(super) struct State {
    directory: PathBuf,
    key: Key,
    kept: Kept,
    /// Of the last word on the lease. Those that an earlier program has said are below the one on the disk.
    lease_number: i64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// PKCS#8, in base64.
    key: String,
    /// Of the last claim, or above that of the last word on the lease.
    number: i64,
    joined: Option<Joined>,
}

/// What a node has that has joined. Certificates are DER, in base64; times are microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Joined {
    name: String,
    certificate: String,
    authority: String,
    had_at: i64,
    expires_at: i64,
}

impl State {
    /// Reads it, or makes it with a fresh key.
    ///
    /// # Errors
    /// It cannot be read or written, or holds something else.
    pub(super) fn open(directory: &Path) -> anyhow::Result<Self> {
        state::make_dir(directory)?;
        let file = directory.join(FILE);
        let found = match fs::read(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{}", file.display())),
        };
        if let Some(text) = found {
            let of_file = || format!("{} holds no state of a node", file.display());
            let kept: Kept = serde_json::from_slice(&text).with_context(of_file)?;
            let pkcs8 = STANDARD.decode(&kept.key).with_context(of_file)?;
            let key = Key::read(SecretSlice::from(pkcs8)).with_context(of_file)?;
            return Ok(Self {
                directory: directory.to_owned(),
                key,
                lease_number: kept.number,
                kept,
            });
        }
        let key = Key::random()?;
        let made = Self {
            directory: directory.to_owned(),
            kept: Kept {
                key: STANDARD.encode(key.private().expose_secret()),
                number: 0,
                joined: None,
            },
            key,
            lease_number: 0,
        };
        made.save()?;
        Ok(made)
    }

    pub(super) const fn has_joined(&self) -> bool {
        self.kept.joined.is_some()
    }

    /// What it has joined as.
    pub(super) fn name(&self) -> Option<NodeName> {
        self.kept.joined.as_ref()?.name.parse().ok()
    }

    /// What the host says of itself now, signed. Its number is on the disk before it is said.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn claim(&mut self, said: &Said) -> anyhow::Result<v1::NodeClaim> {
        // Higher than the last one, whatever became of the clock.
        self.kept.number = SystemClock.now().micros().max(self.kept.number + 1);
        self.save()?;
        let claim = Claim {
            name: said.name.clone(),
            public_key: self.key.public().to_vec(),
            number: self.kept.number,
            address: said.address.clone(),
            port: said.port,
            pools: said.pools.clone(),
            meta: said.meta.clone(),
        };
        Ok(v1::NodeClaim {
            signature: self.key.signature(&claim.text())?,
            name: claim.name.to_string(),
            public_key: claim.public_key,
            number: claim.number,
            address: claim.address,
            port: claim.port.into(),
            pools: claim.pools,
            meta: claim.meta,
        })
    }

    /// What this host wants of its lease, signed. A number is not written for each, but for all of the next minute.
    ///
    /// # Errors
    /// It has not joined; the disk.
    pub(super) fn hold(&mut self, wish: Wish) -> anyhow::Result<v1::HoldLeaseRequest> {
        let name = self.name().context("this host has not joined")?;
        let number = SystemClock.now().micros().max(self.lease_number + 1);
        if number > self.kept.number {
            self.kept.number = number + NUMBERS;
            // The clock goes on by itself: what is kept is for one that is set back.
            if let Err(error) = self.save() {
                tracing::warn!(%error, "the next program may not know this one's last number");
            }
        }
        self.lease_number = number;
        let hold = Hold {
            name,
            public_key: self.key.public().to_vec(),
            number,
            wish,
        };
        Ok(v1::HoldLeaseRequest {
            signature: self.key.signature(&hold.text())?,
            node: hold.name.to_string(),
            public_key: hold.public_key,
            number,
            wish: match wish {
                Wish::Prolong => v1::LeaseWish::Prolong,
                Wish::Begin => v1::LeaseWish::Begin,
                Wish::End => v1::LeaseWish::End,
            }
            .into(),
        })
    }

    /// Takes a certificate. The CA is that of the first one: whoever could give another one would be let in by it.
    ///
    /// # Errors
    /// Another CA; a certificate that is none; the disk.
    pub(super) fn keep(&mut self, name: NodeName, had: v1::NodeCertificate) -> anyhow::Result<()> {
        let authority = STANDARD.encode(&had.authority);
        if let Some(known) = &self.kept.joined {
            ensure!(
                known.authority == authority,
                "the server shows another CA than the one that this host has joined"
            );
        }
        let expires = had.expire_time.unwrap_or_default();
        let joined = Joined {
            name: name.to_string(),
            certificate: STANDARD.encode(&had.certificate),
            authority,
            had_at: SystemClock.now().micros(),
            expires_at: expires.seconds.saturating_mul(1_000_000),
        };
        config(&joined, &self.key)?;
        self.kept.joined = Some(joined);
        self.save()
    }

    /// What is shown to servers, and which are let in.
    ///
    /// # Errors
    /// It has not joined.
    pub(super) fn shown(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let joined = self.kept.joined.as_ref();
        let joined = joined.context("this host has not joined")?;
        Ok(Arc::new(config(joined, &self.key)?))
    }

    /// Whose node this is, as its CA is called. None: it has not joined.
    pub(super) fn installation(&self) -> Option<InstallationId> {
        let authority = &self.kept.joined.as_ref()?.authority;
        crate::authority::installation(&STANDARD.decode(authority).ok()?)
    }

    /// How long until two thirds of the certificate's life are over.
    pub(super) fn renew_in(&self, now: Timestamp) -> Duration {
        let Some(joined) = &self.kept.joined else {
            return Duration::ZERO;
        };
        let life = joined.expires_at.saturating_sub(joined.had_at).max(0);
        let at = joined.had_at.saturating_add(life / 3 * 2);
        let left = at.saturating_sub(now.micros());
        Duration::from_micros(u64::try_from(left).unwrap_or(0))
    }

    fn save(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string(&self.kept)?;
        state::write_private(&self.directory, FILE, &text).map(drop)
    }
}

/// TLS 1.3, and a certificate of the CA for clients. A node's own is for servers alone, so that no node is let in.
fn config(joined: &Joined, key: &Key) -> anyhow::Result<ServerConfig> {
    let der = |text: &str| STANDARD.decode(text).map(CertificateDer::from);
    let mut roots = RootCertStore::empty();
    roots.add(der(&joined.authority)?)?;
    let ring = Arc::new(provider::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&ring));
    let mut config = ServerConfig::builder_with_provider(ring)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(vec![der(&joined.certificate)?], key.for_tls())?;
    // A session that goes on would not show again who is there.
    config.send_tls13_tickets = 0;
    Ok(config)
}

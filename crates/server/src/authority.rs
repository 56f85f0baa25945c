//! The CA of joined nodes, behind the port, and what the servers show to nodes.
//!
//! Its key is in the database, encrypted; it is made when it is first needed. Who is who is said by the extended use of a
//! certificate's key: a node is a server of TLS and nothing else, a server of Jockey a client, so that no node passes for
//! a server before another. A node's certificate is for a name that is made of its key: whoever had the name of a node
//! before, or has the certificate of another one, is not taken for it.

mod key;

pub(crate) use key::Key;

use async_trait::async_trait;
use domain::{InstallationId, NodeName, Timestamp};
use key::Point;
use ports::{
    Authority, Clock, Store,
    authority::{Certified, Claim, Error, Hold},
    store::joined::NodeAuthority,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, SerialNumber,
};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};
use runtime::{Shown, Wallet};
use std::{
    error::Error as StdError,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring as provider,
    pki_types::{CertificateDer, ServerName},
    version::TLS13,
};

/// How long the CA is good. Nothing takes its place by itself.
const LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// By how much the clock of a node may be behind.
const SKEW: Duration = Duration::from_secs(300);

/// The CA.
pub(crate) struct Nodes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How long a certificate is good.
    life: Duration,
    known: Mutex<Known>,
}

/// What is kept in memory.
#[derive(Default)]
struct Known {
    ca: Option<Arc<Ca>>,
    /// What this server shows, and until when it is shown.
    shown: Option<(Arc<ClientConfig>, Timestamp)>,
}

struct Ca {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, Key>,
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nodes")
    }
}

impl Nodes {
    /// The CA of an Installation, whose certificates are good for so long.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, life: Duration) -> Self {
        Self {
            store,
            clock,
            life,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here can be left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The CA, made where there is none.
    async fn ca(&self) -> Result<Arc<Ca>, Error> {
        if let Some(ca) = &self.known().ca {
            return Ok(Arc::clone(ca));
        }
        let installation = self.store.installation();
        let kept = match self.store.node_authority().await? {
            Some(kept) => kept,
            None => {
                let made = make(installation, self.clock.now()).map_err(unusable)?;
                match self.store.keep_node_authority(made).await {
                    Ok(kept) => kept,
                    // Another server may have been first.
                    Err(error) => self.store.node_authority().await?.ok_or(error)?,
                }
            }
        };
        let ca = Arc::new(read(installation, &kept).map_err(unusable)?);
        self.known().ca = Some(Arc::clone(&ca));
        Ok(ca)
    }

    /// What this server shows to nodes: a certificate of its own, which is made anew after half of its life. Of two who
    /// need a new one at once each makes one, and either is good.
    async fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let now = self.clock.now();
        if let Some((config, until)) = &self.known().shown
            && now < *until
        {
            return Ok(Arc::clone(config));
        }
        let ca = self.ca().await?;
        let config = Arc::new(client(&ca, now, self.life)?);
        self.known().shown = Some((Arc::clone(&config), now + self.life / 2));
        Ok(config)
    }
}

#[async_trait]
impl Authority for Nodes {
    fn is_signed(&self, claim: &Claim, signature: &[u8]) -> bool {
        verifies(&claim.public_key, &claim.text(), signature)
    }

    fn is_asked(&self, hold: &Hold, signature: &[u8]) -> bool {
        verifies(&hold.public_key, &hold.text(), signature)
    }

    async fn certify(&self, name: &NodeName, public_key: &[u8]) -> Result<Certified, Error> {
        let ca = self.ca().await?;
        let expires_at = self.clock.now() + self.life;
        let names = vec![server_name(public_key)];
        let mut params = good_for(names, self.clock.now(), self.life).map_err(unusable)?;
        params
            .distinguished_name
            .push(DnType::CommonName, name.as_str());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = Point::read(public_key).map_err(unusable)?;
        let made = params.signed_by(&key, &ca.issuer).map_err(unusable)?;
        Ok(Certified {
            certificate: made.der().to_vec(),
            authority: ca.certificate.to_vec(),
            expires_at,
        })
    }
}

#[async_trait]
impl Wallet for Nodes {
    async fn shown(&self, node: &NodeName) -> io::Result<Shown> {
        let joined = self.store.joined_nodes().await.map_err(io::Error::other)?;
        let found = joined.into_iter().find(|known| known.claim.name == *node);
        let found = found.ok_or_else(|| {
            io::Error::other(format!("node {node} has not joined, or was removed"))
        })?;
        let name = ServerName::try_from(server_name(&found.claim.public_key));
        Ok(Shown {
            config: self.client().await.map_err(io::Error::other)?,
            name: name.map_err(io::Error::other)?,
        })
    }
}

fn verifies(public_key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key);
    key.verify(text, signature).is_ok()
}

fn key_id(public_key: &[u8]) -> KeyIdMethod {
    let digest = digest(&SHA256, public_key);
    KeyIdMethod::PreSpecified(digest.as_ref().iter().take(20).copied().collect())
}

/// The name that the certificate of a node with this key is for.
fn server_name(public_key: &[u8]) -> String {
    let digest = digest(&SHA256, public_key);
    let half = digest.as_ref().iter().take(16);
    let hex: String = half.map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.node.jockey.internal")
}

fn make(
    installation: InstallationId,
    now: Timestamp,
) -> Result<NodeAuthority, Box<dyn StdError + Send + Sync>> {
    let key = Key::random()?;
    let certificate = of_ca(installation, now, &key)?.self_signed(&key)?;
    Ok(NodeAuthority {
        certificate: certificate.der().to_vec(),
        private: key.private().clone(),
        made_at: now,
    })
}

fn read(
    installation: InstallationId,
    kept: &NodeAuthority,
) -> Result<Ca, Box<dyn StdError + Send + Sync>> {
    let key = Key::read(kept.private.clone())?;
    Ok(Ca {
        certificate: CertificateDer::from(kept.certificate.clone()),
        // The same as it was made of.
        issuer: Issuer::new(of_ca(installation, kept.made_at, &key)?, key),
    })
}

/// Before the Installation, in the name of the CA of its nodes.
const OF_NODES: &str = "Jockey nodes ";

/// Whose CA this is, in DER. None: nobody's that is known.
pub(crate) fn installation(certificate: &[u8]) -> Option<InstallationId> {
    let name = OF_NODES.as_bytes();
    let at = certificate
        .windows(name.len())
        .position(|part| part == name)?;
    let id = certificate[at + name.len()..].iter();
    let id = id.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
    let id: Vec<u8> = id.copied().take(ID_LEN).collect();
    String::from_utf8(id).ok()?.parse().ok()
}

/// How long the id of an Installation is, `jky-` and twelve more.
const ID_LEN: usize = 16;

fn of_ca(
    installation: InstallationId,
    made_at: Timestamp,
    key: &Key,
) -> Result<CertificateParams, Box<dyn StdError + Send + Sync>> {
    let mut params = good_for(Vec::new(), made_at, LIFE)?;
    let name = format!("{OF_NODES}{installation}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.key_identifier_method = key_id(key.public());
    Ok(params)
}

/// What this server shows, and believes.
fn client(ca: &Ca, now: Timestamp, life: Duration) -> Result<ClientConfig, Error> {
    let key = Key::random().map_err(unusable)?;
    let mut params = good_for(Vec::new(), now, life).map_err(unusable)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Jockey server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let made = params.signed_by(&key, &ca.issuer).map_err(unusable)?;
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate.clone()).map_err(unusable)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![made.der().clone()], key.for_tls())
        .map_err(unusable)?;
    // A session that goes on would not ask again who is there.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A certificate for these names, from now on.
fn good_for(
    names: Vec<String>,
    now: Timestamp,
    life: Duration,
) -> Result<CertificateParams, Box<dyn StdError + Send + Sync>> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.not_before = moment(now)? - SKEW;
    params.not_after = moment(now + life)?;
    params.use_authority_key_identifier_extension = true;
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| error.to_string())?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn moment(at: Timestamp) -> Result<OffsetDateTime, time::error::ComponentRange> {
    OffsetDateTime::from_unix_timestamp(at.micros().div_euclid(1_000_000))
}

fn unusable(error: impl fmt::Display) -> Error {
    Error::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::authority::contract::{Ground, NodeKey, contract};

    async fn nodes() -> (tempfile::TempDir, Nodes) {
        let directory = tempfile::tempdir().unwrap();
        let database = store::Database::File(directory.path().join("db"));
        let opened = store::Store::open(store::OpenOptions {
            database,
            key: store::KeySource::File(directory.path().join("key")),
            installation: None,
        });
        let store = Arc::new(opened.await.unwrap());
        let clock = Arc::new(crate::machine::SystemClock);
        let life = Duration::from_secs(3600);
        (directory, Nodes::new(store, clock, life))
    }

    #[tokio::test]
    async fn it_keeps_the_contract_of_authorities() {
        let (_directory, nodes) = nodes().await;
        // As another server, that has made none.
        let life = Duration::from_secs(60);
        let other = Nodes::new(nodes.store.clone(), nodes.clock.clone(), life);
        let keys = [Key::random().unwrap(), Key::random().unwrap()];
        let ground = Ground {
            authority: &nodes,
            other_server: &other,
            keys: keys.each_ref().map(|key| NodeKey {
                public: key.public().to_vec(),
                sign: Box::new(|text| key.signature(text).unwrap()),
            }),
            now: nodes.clock.now(),
        };
        contract(&ground).await;
    }

    #[tokio::test]
    async fn a_node_that_has_not_joined_is_shown_nothing() {
        let (_directory, nodes) = nodes().await;
        let error = nodes.shown(&"host-1".parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("has not joined"), "{error}");
    }
}

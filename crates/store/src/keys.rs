//! Config values at rest: `version(1) ‖ key id(4) ‖ nonce(24) ‖ ciphertext`, XChaCha20-Poly1305.
//!
//! The header and the identity of the row are authenticated with it, so that a value moved to another row does not
//! open. The database records which key is in use; several may be known while one is exchanged for another.

pub(crate) mod file;

use crate::{
    audit::AuditKey,
    fault::{Fault, corrupt},
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    path::PathBuf,
    sync::{OnceLock, PoisonError, RwLock},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u8 = 1;
const NONCE: usize = 24;
const HEADER: usize = 1 + 4 + NONCE;

/// Where the keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// A file, newest key first, one a line. Made with the database; never made for one that is there already.
    File(PathBuf),
    /// Keys handed in, newest first, separated by commas or white space: 32 bytes each, in base64.
    Given(SecretString),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Given(_) => f.write_str("Given(***)"),
        }
    }
}

/// What is wrong with the keys.
#[derive(Debug, thiserror::Error)]
pub enum BadKeys {
    #[error(
        "the key file {path} is missing; put back the one that was made with the database: without it the config values cannot be read"
    )]
    Missing { path: PathBuf },
    #[error("the key file {path} cannot be read: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the key file {path} cannot be written: {source}")]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{whence} holds no key: one is 32 bytes in base64, the newest first")]
    Malformed { whence: String },
    #[error(
        "the database was encrypted with the key {wanted}, and {whence} holds {found}; give the key that was made with the database"
    )]
    Wrong {
        wanted: KeyId,
        whence: String,
        found: String,
    },
    #[error(
        "the newest key given is the one in use already; give a new key first, and the old one after it"
    )]
    NothingNew,
    #[error("the system has no random numbers: {0}")]
    Random(getrandom::Error),
}

/// The first four bytes of a key's SHA-256: tells keys apart, and nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:08x}", u32::from_be_bytes(self.0)))
    }
}

impl std::str::FromStr for KeyId {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u32::from_str_radix(text, 16).map(|bits| Self(bits.to_be_bytes()))
    }
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn random() -> Result<Self, BadKeys> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(BadKeys::Random)?;
        Ok(Self(bytes))
    }

    pub(crate) fn id(&self) -> KeyId {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.0);
        let mut id = [0; 4];
        id.copy_from_slice(&digest.as_ref()[..4]);
        KeyId(id)
    }
}

/// The keys that are known. Shared by readers and the writer; learns of new ones when it meets them.
pub(crate) struct Keyring {
    source: KeySource,
    keys: RwLock<Vec<Key>>,
    audit: OnceLock<AuditKey>,
}

impl Keyring {
    pub(crate) const fn new(source: KeySource, keys: Vec<Key>) -> Self {
        Self {
            source,
            keys: RwLock::new(keys),
            audit: OnceLock::new(),
        }
    }

    /// Keeps the key of the audit log, which the database holds encrypted.
    pub(crate) fn keep_audit_key(&self, key: AuditKey) {
        drop(self.audit.set(key));
    }

    /// The key of the audit log.
    pub(crate) fn audit(&self) -> Result<&AuditKey, Fault> {
        let key = self.audit.get();
        key.ok_or_else(|| corrupt("the key of the audit log was not read"))
    }

    /// The key of this id; the source is read again when it is not known, for it may just have been exchanged.
    fn key(&self, id: KeyId) -> Result<Key, Fault> {
        let known = |keys: &[Key]| keys.iter().find(|key| key.id() == id).cloned();
        let found = known(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(key) = found {
            return Ok(key);
        }
        let read = file::load(&self.source).map_err(corrupt)?;
        let found = known(&read);
        self.learn(read);
        found.ok_or_else(|| corrupt(format!("it names the key {id}, which is not known here")))
    }

    /// Adds keys. None is forgotten while the process lives: a reader may be behind.
    pub(crate) fn learn(&self, new: Vec<Key>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for key in new {
            if keys.iter().all(|known| known.id() != key.id()) {
                keys.push(key);
            }
        }
    }

    pub(crate) const fn source(&self) -> &KeySource {
        &self.source
    }

    /// Encrypts what belongs to the row of this identity.
    pub(crate) fn seal(&self, key: KeyId, row: &str, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(corrupt)?;
        let mut sealed = Vec::with_capacity(HEADER + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend(key.0);
        sealed.extend(nonce);
        let aad = bound_to(&sealed, row);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let cipher = XChaCha20Poly1305::new(&self.key(key)?.0.into());
        let text = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| corrupt("a value could not be encrypted"))?;
        sealed.extend(text);
        Ok(sealed)
    }

    /// Decrypts what belongs to the row of this identity.
    pub(crate) fn open(&self, row: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let unreadable = || corrupt(format!("{row} does not decrypt"));
        let (header, text) = sealed.split_at_checked(HEADER).ok_or_else(unreadable)?;
        let (Some(VERSION), Some(id), Some(nonce)) = (
            header.first().copied(),
            header.get(1..5).and_then(|id| id.try_into().ok()),
            header
                .get(5..)
                .and_then(|nonce| <[u8; NONCE]>::try_from(nonce).ok()),
        ) else {
            return Err(unreadable());
        };
        let cipher = XChaCha20Poly1305::new(&self.key(KeyId(id))?.0.into());
        let aad = bound_to(header, row);
        let payload = Payload {
            msg: text,
            aad: &aad,
        };
        let plain = cipher.decrypt(&XNonce::from(nonce), payload);
        plain.map(Zeroizing::new).map_err(|_| unreadable())
    }
}

fn bound_to(header: &[u8], row: &str) -> Vec<u8> {
    [header, row.as_bytes()].concat()
}

/// Reads keys, the newest first, in base64.
fn decode(whence: &str, text: &SecretString) -> Result<Vec<Key>, BadKeys> {
    use base64::Engine as _;
    let malformed = || BadKeys::Malformed {
        whence: whence.to_owned(),
    };
    let lines = text
        .expose_secret()
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let words = lines
        .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
        .filter(|word| !word.is_empty());
    let keys: Result<Vec<Key>, BadKeys> = words
        .map(|word| {
            let bytes = Zeroizing::new(
                base64::engine::general_purpose::STANDARD
                    .decode(word)
                    .map_err(|_| malformed())?,
            );
            <[u8; 32]>::try_from(bytes.as_slice())
                .map(Key)
                .map_err(|_| malformed())
        })
        .collect();
    keys.and_then(|keys| {
        if keys.is_empty() {
            Err(malformed())
        } else {
            Ok(keys)
        }
    })
}

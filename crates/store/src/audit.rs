//! The chain of the audit log: keyed hashes, and the head's anchor outside the database.
//!
//! A row is written with a MAC over what it says; the sealer later gives it a number and a hash over the seal before it,
//! its number, its id and that MAC. The key is random, made with the database and kept in it encrypted under the
//! installation's key, so that exchanging that key breaks no chain.

pub(crate) mod anchor;
pub(crate) mod seal;
pub(crate) mod verify;

use crate::{
    conn::{Conn, write},
    fault::{Fault, corrupt},
    keys::{KeyId, Keyring},
    tables::{audit::head, meta},
    tx::Tx,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::audit::Seal;
use ports::store::Error;
use ring::hmac;
use std::path::Path;
use zeroize::Zeroizing;

/// What the encrypted key is bound to.
const IDENTITY: &str = "the key of the audit log";

/// The key of the audit log. HMAC-SHA-256; each use begins with a word of its own.
pub(crate) struct AuditKey(hmac::Key);

impl AuditKey {
    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn sign(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        for part in parts {
            // No two lists of parts read alike.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Of what a row says.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.sign("row", parts)
    }

    /// The seal after this one, of the row with this id and MAC.
    pub(crate) fn next(&self, before: &Seal, id: i64, mac: &[u8]) -> Seal {
        let number = before.number + 1;
        let hash = self.sign(
            "seal",
            &[&before.hash, &number.to_be_bytes(), &id.to_be_bytes(), mac],
        );
        Seal { number, hash }
    }

    /// Proves that the rows up to this one were pruned by whoever has the key.
    fn checkpoint(&self, last: &Seal) -> [u8; 32] {
        self.sign("checkpoint", &[&last.number.to_be_bytes(), &last.hash])
    }

    /// Tells secrets apart, and nothing of them to whoever has not the key.
    pub(crate) fn fingerprint(&self, secret: &str) -> String {
        let tag = self.sign("fingerprint", &[secret.as_bytes()]);
        let hex: String = tag
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("fingerprint:{hex}")
    }
}

/// The key; made with the first opening.
pub(crate) fn load_or_make(conn: &mut Conn, keys: &Keyring) -> Result<AuditKey, Fault> {
    write(conn, |conn| {
        if let Some(stored) = meta::audit_key(conn)? {
            let sealed = STANDARD.decode(stored).map_err(corrupt)?;
            return Ok(AuditKey::new(&keys.open(IDENTITY, &sealed)?));
        }
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).map_err(corrupt)?;
        let in_use = meta::key_in_use(conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
        store_key(conn, keys, in_use, secret.as_ref())?;
        Ok(AuditKey::new(secret.as_ref()))
    })
}

fn store_key(conn: &mut Conn, keys: &Keyring, under: KeyId, secret: &[u8]) -> Result<(), Fault> {
    let sealed = keys.seal(under, IDENTITY, secret)?;
    meta::set_audit_key(conn, &STANDARD.encode(sealed))
}

/// Encrypts the key again, under this one. The chain goes on.
pub(crate) fn seal_again(tx: &mut Tx<'_>, under: KeyId) -> Result<(), Fault> {
    let Some(stored) = meta::audit_key(tx.conn)? else {
        return Ok(());
    };
    let sealed = STANDARD.decode(stored).map_err(corrupt)?;
    let secret = tx.keys.open(IDENTITY, &sealed)?;
    store_key(tx.conn, tx.keys, under, &secret)
}

/// Anchors the chain as it stands where a server has no anchor yet: one that joins others on their database. From then on
/// it misses what is cut off.
pub(crate) fn anchor_first(conn: &mut Conn, keys: &Keyring, database: &Path) -> Result<(), Fault> {
    let path = anchor::path(database);
    if anchor::read(&path) != anchor::Anchor::Missing {
        return Ok(());
    }
    let head = head(conn, keys.audit()?)?;
    anchor::write(&path, &head).map_err(|error| Fault(unwritable(&error)))
}

/// What is told when the head cannot be anchored.
pub(crate) fn unwritable(error: &std::io::Error) -> Error {
    Error::Unavailable(format!(
        "the head of the audit log cannot be anchored in the file audit-head beside the database: {error}"
    ))
}

/// The last row that was pruned. None: none was.
///
/// # Errors
/// `Err(())` inside: it was altered.
pub(crate) fn checkpoint(
    conn: &mut Conn,
    key: &AuditKey,
) -> Result<Option<Result<Seal, Altered>>, Fault> {
    let Some(stored) = meta::audit_checkpoint(conn)? else {
        return Ok(None);
    };
    let read = || {
        let (seal, proof) = stored.rsplit_once(' ')?;
        let seal: Seal = seal.parse().ok()?;
        let proof = STANDARD.decode(proof).ok()?;
        (proof == key.checkpoint(&seal)).then_some(seal)
    };
    Ok(Some(read().ok_or(Altered)))
}

/// A checkpoint that nobody with the key has written.
pub(crate) struct Altered;

/// Records that the rows up to this one are pruned.
pub(crate) fn set_checkpoint(conn: &mut Conn, key: &AuditKey, last: &Seal) -> Result<(), Fault> {
    let proof = STANDARD.encode(key.checkpoint(last));
    meta::set_audit_checkpoint(conn, &format!("{last} {proof}"))
}

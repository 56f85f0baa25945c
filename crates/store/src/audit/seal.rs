//! The sealer's work: gives rows their place in the chain. What is hashed is read beside the writers; only the numbers
//! and hashes are written, in one transaction of theirs among others.

use super::{
    anchor::{self, Anchor},
    checkpoint,
};
use crate::{
    Store,
    fault::{Fault, stale},
    tables::audit::{self as rows, Unsealed},
};
use domain::audit::Seal;
use ports::store::{Error, audit::Sealed};

/// A row and the seal that it gets.
pub(crate) struct ToSeal {
    pub(crate) id: i64,
    pub(crate) seal: Seal,
}

impl Store {
    /// Seals a batch, then anchors the head.
    pub(crate) async fn seal_batch(&self, limit: u32) -> Result<Sealed, Error> {
        let keys = self.keys.clone();
        let (before, batch) = self
            .read(move |conn| {
                let before = rows::head(conn, keys.audit()?)?;
                let mut last = before;
                let mut batch = Vec::new();
                for Unsealed { id, mac } in rows::unsealed(conn, limit)? {
                    last = keys.audit()?.next(&last, id, &mac);
                    batch.push(ToSeal { id, seal: last });
                }
                Ok((before, batch))
            })
            .await?;
        let head = batch.last().map_or(before, |last| last.seal);
        let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        if count > 0 {
            let keys = self.keys.clone();
            self.write(move |tx| {
                // Another server has sealed meanwhile.
                if rows::head(tx.conn, keys.audit()?)? != before {
                    return Err(stale("the audit log", "its end"));
                }
                rows::write_seals(tx, &batch)
            })
            .await?;
        }
        Ok(Sealed {
            rows: count,
            anchored: self.anchor(&before, &head).await?,
        })
    }

    /// Moves the anchor on, when it is one of this chain. One that is ahead of the chain, or of another one, stays: it is
    /// all that shows what was cut off.
    async fn anchor(&self, before: &Seal, head: &Seal) -> Result<bool, Error> {
        let path = anchor::path(&self.path);
        let known = match anchor::read(&path) {
            Anchor::At(known) if known == *head => return Ok(true),
            Anchor::At(known) if known == *before || known == Seal::ORIGIN => true,
            // The server ended between a seal and its anchor, or others have sealed since, and pruned.
            Anchor::At(known) => {
                let keys = self.keys.clone();
                self.read(move |conn| {
                    let pruned = checkpoint(conn, keys.audit()?)?.and_then(Result::ok);
                    Ok(rows::seal_at(conn, known.number)? == Some(known)
                        || pruned.is_some_and(|pruned| known.number < pruned.number))
                })
                .await?
            }
            Anchor::Missing => *before == Seal::ORIGIN,
            Anchor::Unreadable => false,
        };
        if known && *head != Seal::ORIGIN {
            self.write_anchor(*head).await?;
        }
        Ok(known)
    }

    /// Anchors this head, whatever was anchored.
    pub(crate) async fn write_anchor(&self, head: Seal) -> Result<(), Error> {
        let path = anchor::path(&self.path);
        let written = tokio::task::spawn_blocking(move || anchor::write(&path, &head));
        let written = written.await.map_err(std::io::Error::other);
        written
            .and_then(|written| written)
            .map_err(|error| super::unwritable(&error))
    }

    /// The last seal there is.
    pub(crate) async fn audit_head(&self) -> Result<Seal, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| -> Result<Seal, Fault> { rows::head(conn, keys.audit()?) })
            .await
    }
}

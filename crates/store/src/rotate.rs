//! Exchanging the key of the config values.

use crate::{
    Store, audit,
    keys::{BadKeys, Key, KeyId, KeySource, file},
    tables::{app_hooks, configs, deliveries, jobs, joined, meta, sessions, webhooks},
};
use ports::store::Error;

/// Why the key was not exchanged. The old one is still in use.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error(transparent)]
    Keys(#[from] BadKeys),
    #[error(transparent)]
    Store(#[from] Error),
}

/// A key that was exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    pub from: KeyId,
    pub to: KeyId,
    /// How many versions of Config Sets were encrypted again.
    pub values: usize,
}

impl Store {
    /// Encrypts every value again, under a new key: of a key file one is made, of given keys the first is taken.
    ///
    /// May run beside a server, which reads the file again when it meets the new key. After a crash at any point the
    /// file holds every key that is in use: first the new key is added to it, then one transaction encrypts everything
    /// and records which is in use, and only then the old ones are dropped.
    ///
    /// # Errors
    /// `BadKeys::NothingNew` when the first key given is the one in use; those of the file and the database.
    pub async fn rotate_keys(&self) -> Result<Rotated, RotateError> {
        let in_use = self.read(meta::key_in_use).await?;
        let from = in_use.ok_or_else(|| Error::Corrupt("no key is recorded".to_owned()))?;
        let newest = self.newest_key()?;
        let id = newest.id();
        if id == from {
            return Err(BadKeys::NothingNew.into());
        }
        self.keys.learn(vec![newest.clone()]);
        let values = self
            .write(move |tx| {
                let values = configs::seal_again(tx, id)?;
                sessions::seal_again(tx, id)?;
                joined::seal_again(tx, id)?;
                audit::seal_again(tx, id)?;
                app_hooks::seal_again(tx, id)?;
                deliveries::seal_again(tx, id)?;
                jobs::seal_again(tx, id)?;
                webhooks::seal_again(tx, id)?;
                meta::set_key_in_use(tx.conn, id)?;
                Ok(values)
            })
            .await?;
        if let KeySource::File(path) = self.keys.source() {
            file::save(path, &[newest])?;
        }
        Ok(Rotated {
            from,
            to: id,
            values,
        })
    }

    fn newest_key(&self) -> Result<Key, BadKeys> {
        let mut keys = file::load(self.keys.source())?;
        match self.keys.source() {
            KeySource::File(path) => {
                let made = Key::random()?;
                keys.insert(0, made.clone());
                file::save(path, &keys)?;
                Ok(made)
            }
            KeySource::Given(_) => Ok(keys.swap_remove(0)),
        }
    }
}

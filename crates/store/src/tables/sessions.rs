//! Sessions: signing keys, encrypted, and the sessions that were ended before their time.

use crate::{
    Store,
    conn::columns,
    fault::{Fault, corrupt},
    keys::KeyId,
    schema::{revoked_sessions, signing_keys},
    tables::meta,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::Timestamp;
use ports::store::{
    Change, Error, Sessions,
    sessions::{NewSigningKey, SigningKey},
};
use secrecy::{ExposeSecret, SecretSlice};

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
struct KeyRow {
    id: i64,
    sealed: Vec<u8>,
    made_at: i64,
}

impl KeyRow {
    fn key(self, keys: &crate::keys::Keyring) -> Result<SigningKey, Fault> {
        let plain = keys.open(&identity(self.id), &self.sealed)?;
        Ok(SigningKey {
            number: self.id,
            private: SecretSlice::from(plain.to_vec()),
            made_at: Timestamp::from_micros(self.made_at),
        })
    }
}

/// What a sealed key is bound to.
fn identity(id: i64) -> String {
    format!("signing key {id}")
}

fn in_use(tx: &mut Tx<'_>) -> Result<KeyId, Fault> {
    meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))
}

fn add(tx: &mut Tx<'_>, new: &NewSigningKey) -> Result<SigningKey, Fault> {
    let retired = signing_keys::made_at.lt(new.retired_before.micros());
    diesel::delete(signing_keys::table.filter(retired)).execute(tx.conn)?;
    // Sealed with its number, which the row has to have first.
    let row: KeyRow = diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::sealed.eq(Vec::new()),
            signing_keys::made_at.eq(new.made_at.micros()),
        ))
        .returning(columns::<KeyRow>())
        .get_result(tx.conn)?;
    let key = in_use(tx)?;
    seal(tx, row.id, key, new.private.expose_secret())?;
    Ok(SigningKey {
        number: row.id,
        private: new.private.clone(),
        made_at: new.made_at,
    })
}

fn seal(tx: &mut Tx<'_>, id: i64, key: KeyId, plain: &[u8]) -> Result<(), Fault> {
    let sealed = tx.keys.seal(key, &identity(id), plain)?;
    diesel::update(signing_keys::table.find(id))
        .set(signing_keys::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

/// Encrypts every key again, under this one.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let rows: Vec<KeyRow> = signing_keys::table
        .order(signing_keys::id)
        .select(KeyRow::as_select())
        .load(tx.conn)?;
    for row in rows {
        let plain = tx.keys.open(&identity(row.id), &row.sealed)?;
        seal(tx, row.id, key, &plain)?;
    }
    Ok(())
}

fn revoke(
    tx: &mut Tx<'_>,
    session: &str,
    expires_at: Timestamp,
    change: &Change,
) -> Result<(), Fault> {
    let over = revoked_sessions::expires_at.le(change.at.micros());
    diesel::delete(revoked_sessions::table.filter(over)).execute(tx.conn)?;
    let known: i64 = revoked_sessions::table
        .filter(revoked_sessions::id.eq(session))
        .count()
        .get_result(tx.conn)?;
    if known > 0 {
        tx.concerns(session);
        return Ok(());
    }
    diesel::insert_into(revoked_sessions::table)
        .values((
            revoked_sessions::id.eq(session),
            revoked_sessions::expires_at.eq(expires_at.micros()),
        ))
        .execute(tx.conn)?;
    tx.tell("session.revoked", About::thing(session), change)
}

#[async_trait]
impl Sessions for Store {
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let rows: Vec<KeyRow> = signing_keys::table
                .order(signing_keys::id)
                .select(KeyRow::as_select())
                .load(conn)?;
            rows.into_iter().map(|row| row.key(&keys)).collect()
        })
        .await
    }

    async fn add_signing_key(&self, new: NewSigningKey) -> Result<SigningKey, Error> {
        self.write(move |tx| add(tx, &new)).await
    }

    async fn revoke_session(
        &self,
        session: &str,
        expires_at: Timestamp,
        change: &Change,
    ) -> Result<(), Error> {
        let session = session.to_owned();
        self.change(change, move |tx, change| {
            revoke(tx, &session, expires_at, change)
        })
        .await
    }

    async fn is_session_revoked(&self, session: &str) -> Result<bool, Error> {
        let session = session.to_owned();
        self.read(move |conn| {
            let known: i64 = revoked_sessions::table
                .filter(revoked_sessions::id.eq(session))
                .count()
                .get_result(conn)?;
            Ok(known > 0)
        })
        .await
    }
}

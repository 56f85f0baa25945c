//! What the database says of itself.

use crate::{
    conn::Conn,
    fault::{Fault, parse_some},
    keys::KeyId,
    schema::meta,
};
use diesel::prelude::*;
use domain::{InstallationId, WorkerSpec};

const INSTALLATION: &str = "installation";
const KEY_IN_USE: &str = "key_in_use";
const AUDIT_KEY: &str = "audit_key";
const AUDIT_CHECKPOINT: &str = "audit_checkpoint";
/// The migration that a server has to know to be let write. Set by a migration that takes away what earlier versions use, and
/// where something is first written that they would lose.
pub(crate) const LEAST_MIGRATION: &str = "least_migration";

/// That with which named ports came.
const NAMED_PORTS: &str = "0016";

fn get(conn: &mut Conn, key: &str) -> QueryResult<Option<String>> {
    meta::table
        .find(key)
        .select(meta::value)
        .first(conn)
        .optional()
}

fn set(conn: &mut Conn, key: &str, value: &str) -> Result<(), Fault> {
    let there = diesel::update(meta::table.find(key))
        .set(meta::value.eq(value))
        .execute(conn)?;
    if there == 0 {
        diesel::insert_into(meta::table)
            .values((meta::key.eq(key), meta::value.eq(value)))
            .execute(conn)?;
    }
    Ok(())
}

pub(crate) fn installation(conn: &mut Conn) -> Result<Option<InstallationId>, Fault> {
    parse_some(get(conn, INSTALLATION)?.as_deref())
}

pub(crate) fn set_installation(conn: &mut Conn, id: InstallationId) -> Result<(), Fault> {
    set(conn, INSTALLATION, &id.to_string())
}

/// The key under which values are encrypted now.
pub(crate) fn key_in_use(conn: &mut Conn) -> Result<Option<KeyId>, Fault> {
    parse_some(get(conn, KEY_IN_USE)?.as_deref())
}

pub(crate) fn set_key_in_use(conn: &mut Conn, id: KeyId) -> Result<(), Fault> {
    set(conn, KEY_IN_USE, &id.to_string())
}

/// The key of the audit log, encrypted, in base64.
pub(crate) fn audit_key(conn: &mut Conn) -> QueryResult<Option<String>> {
    get(conn, AUDIT_KEY)
}

pub(crate) fn set_audit_key(conn: &mut Conn, sealed: &str) -> Result<(), Fault> {
    set(conn, AUDIT_KEY, sealed)
}

/// The last row of the audit log that was pruned, and what proves that it was.
pub(crate) fn audit_checkpoint(conn: &mut Conn) -> QueryResult<Option<String>> {
    get(conn, AUDIT_CHECKPOINT)
}

pub(crate) fn set_audit_checkpoint(conn: &mut Conn, checkpoint: &str) -> Result<(), Fault> {
    set(conn, AUDIT_CHECKPOINT, checkpoint)
}

/// The migration that whoever writes has to know; empty where there is none.
pub(crate) fn least_migration(conn: &mut Conn) -> QueryResult<String> {
    get(conn, LEAST_MIGRATION).map(Option::unwrap_or_default)
}

/// A Worker is written that a server of an earlier version would read without its named ports, and write back so: from now
/// on such a server writes no more.
pub(crate) fn expect_named_ports(conn: &mut Conn, spec: &WorkerSpec) -> Result<(), Fault> {
    if spec.ports.is_empty() || least_migration(conn)?.as_str() >= NAMED_PORTS {
        return Ok(());
    }
    set(conn, LEAST_MIGRATION, NAMED_PORTS)
}

/// Writes what is there already, to see whether it can be written.
pub(crate) fn touch(conn: &mut Conn) -> Result<(), Fault> {
    diesel::update(meta::table)
        .set(meta::value.eq(meta::value))
        .execute(conn)?;
    Ok(())
}

//! The rows as the chain sees them: sealed ones by their number, and those that wait for it.

use super::AuditRow;
use crate::{
    audit::{self, AuditKey, seal::ToSeal},
    conn::Conn,
    fault::{Fault, corrupt, stale},
    schema::audit as table,
    tables::PAGE_MAX,
    tx::Tx,
};
use diesel::prelude::*;
use domain::{AuditId, audit::Seal};

/// A row that waits for its seal.
pub(crate) struct Unsealed {
    pub(crate) id: i64,
    pub(crate) mac: Vec<u8>,
}

/// The oldest rows without a seal.
pub(crate) fn unsealed(conn: &mut Conn, limit: u32) -> QueryResult<Vec<Unsealed>> {
    let found: Vec<(i64, Vec<u8>)> = table::table
        .filter(table::number.is_null())
        .order(table::id)
        .limit(limit.min(PAGE_MAX).into())
        .select((table::id, table::mac))
        .load(conn)?;
    Ok(found
        .into_iter()
        .map(|(id, mac)| Unsealed { id, mac })
        .collect())
}

/// The newest row without a seal; `AuditId::new(0)` when there is none.
pub(crate) fn newest_unsealed(conn: &mut Conn) -> Result<AuditId, Fault> {
    let newest: Option<i64> = table::table
        .filter(table::number.is_null())
        .select(diesel::dsl::max(table::id))
        .first(conn)?;
    Ok(AuditId::new(newest.unwrap_or(0)))
}

/// Rows with a seal after this number, in order.
pub(crate) fn sealed_after(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<AuditRow>> {
    table::table
        .filter(table::number.is_not_null())
        .filter(table::number.gt(after))
        .order(table::number)
        .limit(limit)
        .select(AuditRow::as_select())
        .load(conn)
}

/// Rows without a seal after this id, in order.
pub(crate) fn unsealed_after(
    conn: &mut Conn,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<AuditRow>> {
    table::table
        .filter(table::number.is_null())
        .filter(table::id.gt(after))
        .order(table::id)
        .limit(limit)
        .select(AuditRow::as_select())
        .load(conn)
}

/// The last seal: of a row, else of what was pruned.
pub(crate) fn head(conn: &mut Conn, key: &AuditKey) -> Result<Seal, Fault> {
    let last: Option<AuditRow> = table::table
        .filter(table::number.is_not_null())
        .order(table::number.desc())
        .select(AuditRow::as_select())
        .first(conn)
        .optional()?;
    if let Some(seal) = last.and_then(|row| row.seal()) {
        return Ok(seal);
    }
    let pruned = audit::checkpoint(conn, key)?.and_then(Result::ok);
    Ok(pruned.unwrap_or(Seal::ORIGIN))
}

/// The seal of this number, as it stands.
pub(crate) fn seal_at(conn: &mut Conn, wanted: u64) -> Result<Option<Seal>, Fault> {
    let row: Option<AuditRow> = table::table
        .filter(table::number.eq(i64::try_from(wanted).unwrap_or(i64::MAX)))
        .select(AuditRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(|row| row.seal()))
}

pub(crate) fn write_seals(tx: &mut Tx<'_>, batch: &[ToSeal]) -> Result<(), Fault> {
    for ToSeal { id, seal } in batch {
        let waiting = table::table.find(id).filter(table::number.is_null());
        let place: i64 = i64::try_from(seal.number).map_err(corrupt)?;
        let sealed = diesel::update(waiting)
            .set((
                table::number.eq(place),
                table::hash.eq(seal.hash.as_slice()),
            ))
            .execute(tx.conn)?;
        if sealed == 0 {
            return Err(stale("the audit log", AuditId::new(*id)));
        }
    }
    Ok(())
}

/// Takes old rows away from the beginning on, and leaves a checkpoint. What does not hold is not pruned: that would hide
/// it.
pub(in crate::tables) fn prune(tx: &mut Tx<'_>, since: i64, limit: i64) -> Result<usize, Fault> {
    let key = tx.keys.audit()?;
    let mut last = match audit::checkpoint(tx.conn, key)? {
        None => Seal::ORIGIN,
        Some(Ok(seal)) => seal,
        Some(Err(_)) => return Ok(0),
    };
    let after = i64::try_from(last.number).unwrap_or(i64::MAX);
    let mut old = Vec::new();
    for row in sealed_after(tx.conn, after, limit)? {
        let next = key.next(&last, row.id, &row.mac);
        if row.at >= since || row.seal() != Some(next) || !row.is_as_written(key) {
            break;
        }
        old.push(row.id);
        last = next;
    }
    if old.is_empty() {
        return Ok(0);
    }
    audit::set_checkpoint(tx.conn, key, &last)?;
    let pruned: Result<Vec<usize>, _> = old
        .chunks(500)
        .map(|ids| diesel::delete(table::table.filter(table::id.eq_any(ids))).execute(tx.conn))
        .collect();
    Ok(pruned?.into_iter().sum())
}

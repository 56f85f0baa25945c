//! Leases with fencing numbers.

use crate::{ServeLock, Store, conn::Conn, fault::Fault, schema::leases};
use async_trait::async_trait;
use diesel::{prelude::*, sql_query, sql_types::BigInt};
use domain::Timestamp;
use ports::store::{
    Error, Fence, Leases,
    leases::{Claim, Lease},
};
use std::time::Duration;

#[derive(Queryable, Selectable)]
#[diesel(table_name = leases)]
struct LeaseRow {
    name: String,
    /// Empty: given back.
    owner: String,
    number: i64,
    until: i64,
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = BigInt)]
    now: i64,
}

/// The database's own clock, in microseconds. No other clock is ever compared with it.
pub(super) fn now(conn: &mut Conn) -> Result<i64, Fault> {
    let clock = match conn {
        Conn::Sqlite(_) => "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now",
        Conn::Postgres(_) => {
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS now"
        }
    };
    Ok(sql_query(clock).get_result::<Now>(conn)?.now)
}

pub(super) fn after(now: i64, time: Duration) -> i64 {
    (Timestamp::from_micros(now) + time).micros()
}

fn find(conn: &mut Conn, name: &str) -> QueryResult<Option<LeaseRow>> {
    leases::table
        .find(name)
        .select(LeaseRow::as_select())
        .first(conn)
        .optional()
}

/// Refuses a write whose lease has changed hands, or was given back.
pub(crate) fn guard(conn: &mut Conn, fence: &Fence) -> Result<(), Fault> {
    match find(conn, &fence.lease)? {
        Some(row) if row.number == fence.number && !row.owner.is_empty() => Ok(()),
        Some(_) | None => Err(Fault(Error::Fenced {
            lease: fence.lease.clone(),
        })),
    }
}

fn claim(conn: &mut Conn, name: &str, owner: &str, time: Duration) -> Result<Claim, Fault> {
    let now = now(conn)?;
    let until = after(now, time);
    let number = match find(conn, name)? {
        Some(row) if row.owner == owner => row.number,
        Some(row) if !row.owner.is_empty() && row.until > now => {
            return Ok(Claim::Theirs {
                owner: row.owner,
                until: Timestamp::from_micros(row.until),
            });
        }
        Some(row) => row.number + 1,
        None => {
            diesel::insert_into(leases::table)
                .values((
                    leases::name.eq(name),
                    leases::owner.eq(owner),
                    leases::number.eq(0_i64),
                    leases::until.eq(until),
                ))
                .execute(conn)?;
            1
        }
    };
    diesel::update(leases::table.find(name))
        .set((
            leases::owner.eq(owner),
            leases::number.eq(number),
            leases::until.eq(until),
        ))
        .execute(conn)?;
    Ok(Claim::Ours(Fence {
        lease: name.to_owned(),
        number,
    }))
}

/// Ends a lease, whoever holds it.
pub(super) fn end(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    diesel::update(leases::table.find(name))
        .set(leases::owner.eq(""))
        .execute(conn)?;
    Ok(())
}

#[async_trait]
impl Leases for Store {
    async fn claim(&self, name: &str, owner: &str, time: Duration) -> Result<Claim, Error> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        self.write(move |tx| claim(tx.conn, &name, &owner, time))
            .await
    }

    async fn renew(&self, fence: &Fence, time: Duration) -> Result<(), Error> {
        let fence = fence.clone();
        self.write(move |tx| {
            tx.guard(&fence)?;
            let until = after(now(tx.conn)?, time);
            diesel::update(leases::table.find(&fence.lease))
                .set(leases::until.eq(until))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn release(&self, fence: &Fence) -> Result<(), Error> {
        let fence = fence.clone();
        self.write(move |tx| {
            let ours = leases::table
                .find(&fence.lease)
                .filter(leases::number.eq(fence.number));
            diesel::update(ours)
                .set(leases::owner.eq(""))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn list_leases(&self) -> Result<Vec<Lease>, Error> {
        self.read(|conn| {
            let now = now(conn)?;
            let held: Vec<LeaseRow> = leases::table
                .filter(leases::until.gt(now).and(leases::owner.ne("")))
                .order(leases::name)
                .select(LeaseRow::as_select())
                .load(conn)?;
            let lease = |row: LeaseRow| Lease {
                name: row.name,
                owner: row.owner,
                number: row.number,
                until: Timestamp::from_micros(row.until),
            };
            Ok(held.into_iter().map(lease).collect())
        })
        .await
    }
}

impl Store {
    /// Lets the leases of servers before this one run out now. Whoever holds the lock is the only server on this
    /// database: those before it have ended, however they did. Where servers share a database the lock says nothing of the
    /// others, and their leases run out by themselves.
    ///
    /// # Errors
    /// None but those of the database.
    pub async fn break_leases(&self, _lock: &ServeLock) -> Result<(), Error> {
        if self.is_shared() {
            return Ok(());
        }
        self.write(|tx| {
            diesel::update(leases::table)
                .set(leases::until.eq(0_i64))
                .execute(tx.conn)?;
            super::jobs::break_leases(tx.conn)
        })
        .await
    }
}

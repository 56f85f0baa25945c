//! Leases of node programs.

use super::{joined, leases};
use crate::{
    Store,
    conn::Conn,
    fault::{Fault, missing, parse, stale},
    schema::node_leases,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{NodeName, Timestamp, guard::Wish};
use ports::{
    authority::Hold,
    store::{
        Error, NodeLeases,
        node_leases::{Held, NodeLease},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Whoever asks has to be a node that has joined.
fn recognise(conn: &mut Conn, hold: &Hold) -> Result<(), Fault> {
    let known = joined::find(conn, &hold.name)?;
    let is_known = known.is_some_and(|known| known.claim.public_key == hold.public_key);
    match is_known {
        true => Ok(()),
        false => Err(missing("node", &hold.name)),
    }
}

fn hold(conn: &mut Conn, hold: &Hold, time: Duration) -> Result<Held, Fault> {
    recognise(conn, hold)?;
    let row = node_leases::table.find(hold.name.as_str());
    let known: Option<(i64, Option<i64>)> = row
        .select((node_leases::number, node_leases::until))
        .first(conn)
        .optional()?;
    let until = match known {
        Some((number, _)) if hold.number <= number => return Err(stale("node", &hold.name)),
        Some((_, until)) => until,
        None => {
            diesel::insert_into(node_leases::table)
                .values((
                    node_leases::name.eq(hold.name.as_str()),
                    node_leases::number.eq(hold.number),
                ))
                .execute(conn)?;
            None
        }
    };
    let now = leases::now(conn)?;
    let has_run_out = until.is_some_and(|until| until <= now);
    let (until, held) = match hold.wish {
        // Others may rely upon its end by now.
        Wish::Prolong | Wish::End if has_run_out => (until, Held::RunOut),
        Wish::Prolong | Wish::Begin => (Some(leases::after(now, time)), Held::Yes),
        Wish::End => (None, Held::Yes),
    };
    diesel::update(row)
        .set((
            node_leases::number.eq(hold.number),
            node_leases::until.eq(until),
        ))
        .execute(conn)?;
    Ok(held)
}

/// Another host may come by this name, which counts for itself.
pub(super) fn forget_number(conn: &mut Conn, name: &NodeName) -> Result<(), Fault> {
    diesel::update(node_leases::table.find(name.as_str()))
        .set(node_leases::number.eq(i64::MIN))
        .execute(conn)?;
    Ok(())
}

/// Those that were not ended, as they stand now.
pub(super) fn all(conn: &mut Conn) -> Result<BTreeMap<NodeName, NodeLease>, Fault> {
    let now = Timestamp::from_micros(leases::now(conn)?);
    let found: Vec<(String, Option<i64>)> = node_leases::table
        .filter(node_leases::until.is_not_null())
        .select((node_leases::name, node_leases::until))
        .load(conn)?;
    let lease = |until: i64| NodeLease {
        until: Timestamp::from_micros(until),
        now,
    };
    found
        .into_iter()
        .filter_map(|(name, until)| Some((name, lease(until?))))
        .map(|(name, lease)| Ok((parse(&name)?, lease)))
        .collect()
}

#[async_trait]
impl NodeLeases for Store {
    async fn hold_node(&self, asked: &Hold, time: Duration) -> Result<Held, Error> {
        // Anybody may ask: who is no node does not keep those waiting who write.
        let unknown = asked.clone();
        self.read(move |conn| recognise(conn, &unknown)).await?;
        let asked = asked.clone();
        self.write(move |tx| hold(tx.conn, &asked, time)).await
    }

    async fn node_leases(&self) -> Result<BTreeMap<NodeName, NodeLease>, Error> {
        self.read(all).await
    }
}

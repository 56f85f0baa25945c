//! What people want of nodes. A node without a row serves.

use crate::{
    Store,
    conn::Conn,
    fault::{Fault, parse},
    schema::node_duties,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{NodeName, node::Duty};
use ports::store::{Change, Error, Nodes};
use std::collections::BTreeMap;

pub(super) fn all(conn: &mut Conn) -> Result<BTreeMap<NodeName, Duty>, Fault> {
    let found: Vec<(String, String)> = node_duties::table
        .select((node_duties::node, node_duties::duty))
        .load(conn)?;
    found
        .into_iter()
        .map(|(node, duty)| Ok((parse(&node)?, parse(&duty)?)))
        .collect()
}

fn set(tx: &mut Tx<'_>, node: &NodeName, duty: Duty, change: &Change) -> Result<(), Fault> {
    tx.will_change(node)?;
    diesel::delete(node_duties::table.find(node.as_str())).execute(tx.conn)?;
    let kind = match duty {
        Duty::Serving => "node.serving",
        Duty::Cordoned => "node.cordoned",
        Duty::Draining => "node.draining",
        Duty::GivenUp => "node.given_up",
    };
    if duty != Duty::Serving {
        diesel::insert_into(node_duties::table)
            .values((
                node_duties::node.eq(node.as_str()),
                node_duties::duty.eq(duty.as_str()),
                node_duties::since.eq(change.at.micros()),
            ))
            .execute(tx.conn)?;
    }
    tx.tell(kind, About::thing(node), change)
}

#[async_trait]
impl Nodes for Store {
    async fn duties(&self) -> Result<BTreeMap<NodeName, Duty>, Error> {
        self.read(all).await
    }

    async fn set_duty(&self, node: &NodeName, duty: Duty, change: &Change) -> Result<(), Error> {
        let node = node.clone();
        self.change(change, move |tx, change| set(tx, &node, duty, change))
            .await
    }
}

//! Nodes that have joined, the tokens by which they did, and the CA that vouches for them.

use crate::{
    Store,
    conn::Conn,
    fault::{Fault, corrupt, exists, missing, number, parse, stale},
    json,
    keys::{KeyId, Keyring},
    schema::{join_tokens, joined_nodes, node_authority},
    tables::{meta, node_leases},
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{NodeName, Timestamp};
use ports::{
    authority::Claim,
    store::{
        Change, Error, JoinedNodes,
        joined::{JoinedNode, NewJoinToken, NodeAuthority},
        tokens::TokenHash,
    },
};
use secrecy::{ExposeSecret, SecretSlice};

/// The number of the one row of a CA, and what its key is bound to.
const ONLY: i64 = 1;
const IDENTITY: &str = "node authority";

#[derive(Queryable, Selectable)]
#[diesel(table_name = joined_nodes)]
struct NodeRow {
    name: String,
    public_key: Vec<u8>,
    address: String,
    port: i64,
    pools: String,
    meta: String,
    number: i64,
    joined_at: i64,
    renewed_at: i64,
}

impl NodeRow {
    fn node(self) -> Result<JoinedNode, Fault> {
        Ok(JoinedNode {
            claim: Claim {
                name: parse(&self.name)?,
                public_key: self.public_key,
                number: self.number,
                address: self.address,
                port: number(self.port)?,
                pools: json::unplain(&self.pools)?,
                meta: json::unplain(&self.meta)?,
            },
            joined_at: Timestamp::from_micros(self.joined_at),
            renewed_at: Timestamp::from_micros(self.renewed_at),
        })
    }
}

pub(super) fn find(conn: &mut Conn, name: &NodeName) -> Result<Option<JoinedNode>, Fault> {
    let row: Option<NodeRow> = joined_nodes::table
        .find(name.as_str())
        .select(NodeRow::as_select())
        .first(conn)
        .optional()?;
    row.map(NodeRow::node).transpose()
}

fn add_token(tx: &mut Tx<'_>, new: &NewJoinToken, change: &Change) -> Result<(), Fault> {
    let over = join_tokens::expires_at.le(change.at.micros());
    diesel::delete(join_tokens::table.filter(over)).execute(tx.conn)?;
    diesel::insert_into(join_tokens::table)
        .values((
            join_tokens::hash.eq(new.hash.as_slice()),
            join_tokens::expires_at.eq(new.expires_at.micros()),
        ))
        .execute(tx.conn)?;
    // A part of the hash tells tokens apart, and nothing of them.
    let [a, b, c, d, ..] = new.hash;
    let subject = format!("join-token-{a:02x}{b:02x}{c:02x}{d:02x}");
    tx.made(&subject);
    tx.tell("node.token_created", About::thing(subject), change)
}

fn no_token() -> Fault {
    missing("token", "to join by")
}

/// Somebody may join by this token, whoever has taken it.
fn require(conn: &mut Conn, hash: &TokenHash, now: Timestamp) -> Result<(), Fault> {
    let token = join_tokens::table
        .find(hash.as_slice())
        .filter(join_tokens::expires_at.gt(now.micros()));
    let is_there = diesel::select(diesel::dsl::exists(token)).get_result(conn)?;
    if is_there { Ok(()) } else { Err(no_token()) }
}

/// What is known of this node, if this is the node.
fn recognise(conn: &mut Conn, claim: &Claim) -> Result<JoinedNode, Fault> {
    let known = find(conn, &claim.name)?;
    let known = known.filter(|known| known.claim.public_key == claim.public_key);
    known.ok_or_else(|| missing("node", &claim.name))
}

fn join(
    tx: &mut Tx<'_>,
    hash: &TokenHash,
    claim: Claim,
    change: &Change,
) -> Result<JoinedNode, Fault> {
    // One statement takes it, so that of two who race one finds it taken.
    let free = join_tokens::taken_by.is_null();
    let of_this = join_tokens::taken_by.eq(claim.public_key.as_slice());
    let good = join_tokens::table
        .find(hash.as_slice())
        .filter(join_tokens::expires_at.gt(change.at.micros()))
        .filter(free.or(of_this));
    let taken = diesel::update(good)
        .set(join_tokens::taken_by.eq(claim.public_key.as_slice()))
        .execute(tx.conn)?;
    if taken == 0 {
        return Err(no_token());
    }
    tx.will_change(&claim.name)?;
    match find(tx.conn, &claim.name)? {
        Some(known) if known.claim.public_key == claim.public_key => {
            // The same request again is no news, and an older one no word of now.
            match claim.number < known.claim.number {
                true => Err(stale("node", &claim.name)),
                false => say(tx, known, claim, change.at),
            }
        }
        Some(known) => Err(exists("a node", known.claim.name)),
        None => {
            diesel::insert_into(joined_nodes::table)
                .values((
                    joined_nodes::name.eq(claim.name.as_str()),
                    joined_nodes::public_key.eq(claim.public_key.as_slice()),
                    joined_nodes::address.eq(&claim.address),
                    joined_nodes::port.eq(i64::from(claim.port)),
                    joined_nodes::pools.eq(json::plain(&claim.pools)?),
                    joined_nodes::meta.eq(json::plain(&claim.meta)?),
                    joined_nodes::number.eq(claim.number),
                    joined_nodes::joined_at.eq(change.at.micros()),
                    joined_nodes::renewed_at.eq(change.at.micros()),
                ))
                .execute(tx.conn)?;
            tx.tell("node.joined", About::thing(&claim.name), change)?;
            Ok(JoinedNode {
                claim,
                joined_at: change.at,
                renewed_at: change.at,
            })
        }
    }
}

/// Keeps what a known node says now.
fn say(
    tx: &mut Tx<'_>,
    known: JoinedNode,
    claim: Claim,
    at: Timestamp,
) -> Result<JoinedNode, Fault> {
    diesel::update(joined_nodes::table.find(claim.name.as_str()))
        .set((
            joined_nodes::address.eq(&claim.address),
            joined_nodes::port.eq(i64::from(claim.port)),
            joined_nodes::pools.eq(json::plain(&claim.pools)?),
            joined_nodes::meta.eq(json::plain(&claim.meta)?),
            joined_nodes::number.eq(claim.number),
            joined_nodes::renewed_at.eq(at.micros()),
        ))
        .execute(tx.conn)?;
    Ok(JoinedNode {
        claim,
        renewed_at: at,
        ..known
    })
}

fn renew(tx: &mut Tx<'_>, claim: Claim, change: &Change) -> Result<JoinedNode, Fault> {
    let known = recognise(tx.conn, &claim)?;
    if claim.number <= known.claim.number {
        return Err(stale("node", &claim.name));
    }
    let is_same = Claim {
        number: claim.number,
        ..known.claim.clone()
    } == claim;
    if !is_same {
        tx.will_change(&claim.name)?;
        tx.tell("node.changed", About::thing(&claim.name), change)?;
    }
    say(tx, known, claim, change.at)
}

fn remove(tx: &mut Tx<'_>, name: &NodeName, change: &Change) -> Result<(), Fault> {
    tx.will_change(name)?;
    let known = find(tx.conn, name)?.ok_or_else(|| missing("node", name))?;
    // The token that its key has taken would let it in again.
    let taken = join_tokens::taken_by.eq(known.claim.public_key.as_slice());
    diesel::delete(join_tokens::table.filter(taken)).execute(tx.conn)?;
    diesel::delete(joined_nodes::table.find(name.as_str())).execute(tx.conn)?;
    node_leases::forget_number(tx.conn, name)?;
    tx.tell("node.removed", About::thing(name), change)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = node_authority)]
struct AuthorityRow {
    certificate: Vec<u8>,
    sealed: Vec<u8>,
    made_at: i64,
}

impl AuthorityRow {
    fn authority(self, keys: &Keyring) -> Result<NodeAuthority, Fault> {
        let plain = keys.open(IDENTITY, &self.sealed)?;
        Ok(NodeAuthority {
            certificate: self.certificate,
            private: SecretSlice::from(plain.to_vec()),
            made_at: Timestamp::from_micros(self.made_at),
        })
    }
}

fn authority(conn: &mut Conn) -> Result<Option<AuthorityRow>, Fault> {
    Ok(node_authority::table
        .find(ONLY)
        .select(AuthorityRow::as_select())
        .first(conn)
        .optional()?)
}

fn keep(tx: &mut Tx<'_>, new: NodeAuthority) -> Result<NodeAuthority, Fault> {
    if let Some(row) = authority(tx.conn)? {
        return row.authority(tx.keys);
    }
    let key = meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
    let sealed = tx.keys.seal(key, IDENTITY, new.private.expose_secret())?;
    diesel::insert_into(node_authority::table)
        .values((
            node_authority::id.eq(ONLY),
            node_authority::certificate.eq(new.certificate.as_slice()),
            node_authority::sealed.eq(sealed),
            node_authority::made_at.eq(new.made_at.micros()),
        ))
        .execute(tx.conn)?;
    Ok(new)
}

/// Encrypts the key of the CA again, under this one.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let Some(row) = authority(tx.conn)? else {
        return Ok(());
    };
    let plain = tx.keys.open(IDENTITY, &row.sealed)?;
    let sealed = tx.keys.seal(key, IDENTITY, &plain)?;
    diesel::update(node_authority::table.find(ONLY))
        .set(node_authority::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

#[async_trait]
impl JoinedNodes for Store {
    async fn add_join_token(&self, token: NewJoinToken, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| add_token(tx, &token, change))
            .await
    }

    async fn join_node(
        &self,
        token: &TokenHash,
        claim: Claim,
        change: &Change,
    ) -> Result<JoinedNode, Error> {
        let (token, now) = (*token, change.at);
        // Anybody may ask: who has no token does not keep those waiting who write.
        self.read(move |conn| require(conn, &token, now)).await?;
        self.change(change, move |tx, change| join(tx, &token, claim, change))
            .await
    }

    async fn renew_node(&self, claim: Claim, change: &Change) -> Result<JoinedNode, Error> {
        // As for who joins.
        let asked = claim.clone();
        self.read(move |conn| recognise(conn, &asked)).await?;
        self.change(change, move |tx, change| renew(tx, claim, change))
            .await
    }

    async fn remove_node(&self, name: &NodeName, change: &Change) -> Result<(), Error> {
        let name = name.clone();
        self.change(change, move |tx, change| remove(tx, &name, change))
            .await
    }

    async fn joined_nodes(&self) -> Result<Vec<JoinedNode>, Error> {
        self.read(|conn| {
            let rows: Vec<NodeRow> = joined_nodes::table
                .order(joined_nodes::name)
                .select(NodeRow::as_select())
                .load(conn)?;
            rows.into_iter().map(NodeRow::node).collect()
        })
        .await
    }

    async fn node_authority(&self) -> Result<Option<NodeAuthority>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let row = authority(conn)?;
            row.map(|row| row.authority(&keys)).transpose()
        })
        .await
    }

    async fn keep_node_authority(&self, new: NodeAuthority) -> Result<NodeAuthority, Error> {
        self.write(move |tx| keep(tx, new)).await
    }
}

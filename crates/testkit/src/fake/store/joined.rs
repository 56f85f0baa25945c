//! Nodes that have joined.

use super::{
    Store,
    state::{About, State, missing},
};
use async_trait::async_trait;
use domain::{NodeName, Timestamp, guard::Wish};
use ports::{
    authority::{Claim, Hold},
    store::{
        Change, Error, JoinedNodes, NodeLeases,
        joined::{JoinedNode, NewJoinToken, NodeAuthority},
        node_leases::{Held, NodeLease},
        tokens::TokenHash,
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Nodes, tokens with their ends and whose they are, and the CA.
#[derive(Debug, Clone, Default)]
pub(super) struct JoinTable {
    tokens: BTreeMap<TokenHash, (Timestamp, Option<Vec<u8>>)>,
    nodes: BTreeMap<NodeName, JoinedNode>,
    authority: Option<NodeAuthority>,
    /// The number of each node's last word on its lease, and until when it has one.
    leases: BTreeMap<NodeName, (i64, Option<Timestamp>)>,
}

impl JoinTable {
    /// What a node that has joined has said last.
    pub(super) fn claim(&self, node: &NodeName) -> Option<&Claim> {
        Some(&self.nodes.get(node)?.claim)
    }

    /// The leases as they stand now.
    pub(super) fn leases(&self, now: Timestamp) -> BTreeMap<NodeName, NodeLease> {
        let leases = self.leases.iter();
        leases
            .filter_map(|(name, (_, until))| {
                let until = (*until)?;
                Some((name.clone(), NodeLease { until, now }))
            })
            .collect()
    }

    fn hold(&mut self, hold: &Hold, now: Timestamp, time: Duration) -> Result<Held, Error> {
        let known = self.claim(&hold.name);
        if known.is_none_or(|known| known.public_key != hold.public_key) {
            return Err(missing("node", &hold.name));
        }
        let lease = self.leases.entry(hold.name.clone());
        let (number, until) = lease.or_insert((i64::MIN, None));
        if hold.number <= *number {
            return Err(Error::Stale {
                what: "node",
                which: hold.name.to_string(),
            });
        }
        *number = hold.number;
        *until = match (hold.wish, *until) {
            (Wish::Prolong | Wish::End, Some(until)) if until <= now => return Ok(Held::RunOut),
            (Wish::Prolong | Wish::Begin, _) => Some(now + time),
            (Wish::End, _) => None,
        };
        Ok(Held::Yes)
    }
}

impl State {
    fn join(
        &mut self,
        token: &TokenHash,
        claim: Claim,
        change: &Change,
    ) -> Result<JoinedNode, Error> {
        let found = self.joined.tokens.get_mut(token);
        let good = found.filter(|(end, by)| {
            *end > change.at && by.as_ref().is_none_or(|by| *by == claim.public_key)
        });
        let (_, taken_by) = good.ok_or_else(|| missing("token", "to join by"))?;
        let known = self.joined.nodes.get(&claim.name);
        if known.is_some_and(|known| known.claim.public_key != claim.public_key) {
            return Err(Error::Exists {
                what: "a node",
                which: claim.name.to_string(),
            });
        }
        if known.is_some_and(|known| claim.number < known.claim.number) {
            return Err(Error::Stale {
                what: "node",
                which: claim.name.to_string(),
            });
        }
        *taken_by = Some(claim.public_key.clone());
        let node = JoinedNode {
            joined_at: known.map_or(change.at, |known| known.joined_at),
            renewed_at: change.at,
            claim,
        };
        let name = node.claim.name.clone();
        if self
            .joined
            .nodes
            .insert(name.clone(), node.clone())
            .is_none()
        {
            self.tell("node.joined", About::thing(name), change);
        }
        Ok(node)
    }

    fn renew(&mut self, claim: Claim, change: &Change) -> Result<JoinedNode, Error> {
        let known = self.joined.nodes.get_mut(&claim.name);
        let known = known.filter(|known| known.claim.public_key == claim.public_key);
        let known = known.ok_or_else(|| missing("node", &claim.name))?;
        if claim.number <= known.claim.number {
            return Err(Error::Stale {
                what: "node",
                which: claim.name.to_string(),
            });
        }
        let before = std::mem::replace(&mut known.claim, claim.clone());
        known.renewed_at = change.at;
        let renewed = known.clone();
        let is_same = Claim {
            number: claim.number,
            ..before
        } == claim;
        if !is_same {
            self.tell("node.changed", About::thing(claim.name), change);
        }
        Ok(renewed)
    }
}

#[async_trait]
impl JoinedNodes for Store {
    async fn add_join_token(&self, token: NewJoinToken, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let tokens = &mut state.joined.tokens;
            tokens.retain(|_, (end, _)| *end > change.at);
            tokens.insert(token.hash, (token.expires_at, None));
            let [a, b, c, d, ..] = token.hash;
            let subject = format!("join-token-{a:02x}{b:02x}{c:02x}{d:02x}");
            state.tell("node.token_created", About::thing(subject), change);
            Ok(())
        })
    }

    async fn join_node(
        &self,
        token: &TokenHash,
        claim: Claim,
        change: &Change,
    ) -> Result<JoinedNode, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.join(token, claim, change)
        })
    }

    async fn renew_node(&self, claim: Claim, change: &Change) -> Result<JoinedNode, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.renew(claim, change)
        })
    }

    async fn remove_node(&self, name: &NodeName, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let removed = state.joined.nodes.remove(name);
            let key = removed
                .ok_or_else(|| missing("node", name))?
                .claim
                .public_key;
            let tokens = &mut state.joined.tokens;
            tokens.retain(|_, (_, taken_by)| taken_by.as_ref() != Some(&key));
            // Another host may come by this name, which counts for itself.
            if let Some((number, _)) = state.joined.leases.get_mut(name) {
                *number = i64::MIN;
            }
            state.tell("node.removed", About::thing(name), change);
            Ok(())
        })
    }

    async fn joined_nodes(&self) -> Result<Vec<JoinedNode>, Error> {
        Ok(self.read(|state| state.joined.nodes.values().cloned().collect()))
    }

    async fn node_authority(&self) -> Result<Option<NodeAuthority>, Error> {
        Ok(self.read(|state| state.joined.authority.clone()))
    }

    async fn keep_node_authority(&self, new: NodeAuthority) -> Result<NodeAuthority, Error> {
        self.write(|state| Ok(state.joined.authority.get_or_insert(new).clone()))
    }
}

#[async_trait]
impl NodeLeases for Store {
    async fn hold_node(&self, hold: &Hold, time: Duration) -> Result<Held, Error> {
        let now = self.clock.now();
        self.write(|state| state.joined.hold(hold, now, time))
    }

    async fn node_leases(&self) -> Result<BTreeMap<NodeName, NodeLease>, Error> {
        let now = self.clock.now();
        Ok(self.read(|state| state.joined.leases(now)))
    }
}

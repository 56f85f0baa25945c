//! Nodes that have joined by a token, beside those that a catalog tells of.
//!
//! Where Consul is the catalog, their node programs have registered them there, and who was removed is left out. Elsewhere
//! they are added to those that there are: having joined is being there, as being listed is.

use domain::{
    Node, NodeName,
    node::{Duty, NodeState},
};
use ports::{
    Store,
    catalog::{Error, Pool},
    store::joined::JoinedNode,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{CARRIED, DOCKER};

/// What a catalog's nodes are called now, whatever their pools.
pub(crate) type Names = Arc<dyn Fn() -> BTreeSet<NodeName> + Send + Sync>;

/// Whether the catalog knows of nodes that join, by itself.
pub(crate) enum Hears {
    OfThem,
    /// It has nodes of its own, which keep their names.
    Nothing(Names),
}

/// The nodes that have joined.
pub(crate) struct Joined {
    store: Arc<dyn Store>,
    hears: Hears,
    /// Those whose name another node has, which was said once.
    doubles: Mutex<BTreeSet<NodeName>>,
}

impl Joined {
    /// `hears`: what the catalog knows of them.
    pub(crate) fn new(store: Arc<dyn Store>, hears: Hears) -> Self {
        Self {
            store,
            hears,
            doubles: Mutex::default(),
        }
    }

    /// The nodes of a pool, with those that have joined it and without those that were removed.
    ///
    /// # Errors
    /// Those of the store, as the catalog's.
    pub(super) async fn among(
        &self,
        mut nodes: Vec<Node>,
        pool: &Pool,
    ) -> Result<Vec<Node>, Error> {
        let joined = self.store.joined_nodes().await;
        let joined = joined.map_err(|error| Error::Unreachable(error.to_string()))?;
        let is_carried = |node: &Node| {
            let docker = node.meta.get(DOCKER);
            docker.is_some_and(|docker| docker.starts_with(CARRIED))
        };
        nodes.retain(|node| {
            !is_carried(node) || joined.iter().any(|known| known.claim.name == node.name)
        });
        let Hears::Nothing(its) = &self.hears else {
            return Ok(nodes);
        };
        let its = its();
        for one in joined.into_iter().filter(|one| is_of(one, pool)) {
            match its.contains(&one.claim.name) {
                true => self.warn_of(&one.claim.name),
                false => nodes.push(node(one)),
            }
        }
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    fn warn_of(&self, double: &NodeName) {
        // A set of names is whole whenever a panic elsewhere left it.
        let mut told = self.doubles.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(double.clone()) {
            tracing::error!(node = %double, "a node has joined by the name of one that was there before; it is not worked with");
        }
    }
}

/// As a catalog tells of it.
fn node(joined: JoinedNode) -> Node {
    let claim = joined.claim;
    let host = match claim.address.contains(':') {
        true => format!("[{}]", claim.address),
        false => claim.address.clone(),
    };
    let mut meta = claim.meta;
    meta.insert(DOCKER.to_owned(), format!("{CARRIED}{host}:{}", claim.port));
    Node {
        name: claim.name,
        address: claim.address,
        // Nobody watches it: one that does not answer is silent.
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta,
        memory: None,
        cpu: None,
    }
}

fn is_of(joined: &JoinedNode, pool: &Pool) -> bool {
    let fits = |wanted: &str, name: &str| wanted == "*" || wanted == name;
    let mut pools = joined.claim.pools.iter();
    pools.any(|member| {
        member.split_once('/').is_some_and(|(environment, stack)| {
            fits(environment, pool.environment_name.as_str())
                && fits(stack, pool.stack_name.as_str())
        })
    })
}

#[cfg(test)]
mod tests;

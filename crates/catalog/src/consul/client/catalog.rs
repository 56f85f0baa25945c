//! `/v1/catalog`: which nodes there are.

use super::{Base, Client, Fault, Query};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeRow {
    pub(crate) node: String,
    pub(crate) address: String,
    /// None and null are the same.
    pub(crate) meta: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeAnswer {
    node: NodeRow,
}

impl Client {
    /// Every node of the datacenter that the token may read, in no order.
    pub(crate) async fn nodes(&self, base: &Base) -> Result<Vec<NodeRow>, Fault> {
        self.get(base, &Query::of("catalog/nodes").stale()).await
    }

    /// One node. None: there is none, or the token may not read it.
    pub(crate) async fn node(&self, base: &Base, name: &str) -> Result<Option<NodeRow>, Fault> {
        let query = Query::of("catalog/node").segment(name).stale();
        // Releases differ in how they say that there is none.
        match self.get::<Option<NodeAnswer>>(base, &query).await {
            Ok(found) => Ok(found.map(|found| found.node)),
            Err(Fault::Missing(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

//! Where the agent of each node is.

use super::{
    client::{Base, Client, Fault},
    lock,
};
use domain::NodeName;
use ports::catalog::Error;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

/// What a host says in the meta of its pool's service, or of its node, where its agent listens elsewhere.
const AGENT_PORT: &str = "agent_port";

/// How soon an agent that has refused to say which node it is on is asked again: a token may get its policy late.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// The agents that are known. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Agents {
    client: Client,
    /// The agent that the server is configured with.
    base: Base,
    /// Where the agents of other nodes listen.
    port: u16,
    known: Arc<Mutex<BTreeMap<NodeName, Base>>>,
    /// The node of the configured agent, which may listen on loopback alone.
    own: Arc<OnceCell<String>>,
    /// When it has refused to say that.
    refused: Arc<Mutex<Option<Instant>>>,
}

impl Agents {
    /// `port`: None, as the configured agent does.
    pub(super) fn new(client: Client, base: Base, port: Option<u16>) -> Self {
        Self {
            client,
            port: port.unwrap_or(base.port),
            base,
            known: Arc::default(),
            own: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// Takes what the catalog says of a node.
    pub(super) fn learn(
        &self,
        name: &NodeName,
        row: &super::client::NodeRow,
        service: Option<&BTreeMap<String, String>>,
    ) {
        let mut said = [service, row.meta.as_ref()].into_iter().flatten();
        let port = said.find_map(|meta| meta.get(AGENT_PORT)?.parse().ok());
        let agent = self.base.at(&row.address, port.unwrap_or(self.port));
        lock(&self.known).insert(name.clone(), agent);
    }

    /// The agent of a node. None: there is no such node.
    ///
    /// # Errors
    /// The catalog's, where the node has not been met.
    pub(super) async fn of(&self, node: &NodeName) -> Result<Option<Base>, Error> {
        if self.own().await?.is_some_and(|own| own == node.as_str()) {
            return Ok(Some(self.base.clone()));
        }
        if let Some(known) = lock(&self.known).get(node) {
            return Ok(Some(known.clone()));
        }
        let Some(row) = self.client.node(&self.base, node.as_str()).await? else {
            return Ok(None);
        };
        self.learn(node, &row, None);
        Ok(lock(&self.known).get(node).cloned())
    }

    /// None: it may not be asked, at the moment.
    async fn own(&self) -> Result<Option<&String>, Error> {
        if let Some(known) = self.own.get() {
            return Ok(Some(known));
        }
        if lock(&self.refused).is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return Ok(None);
        }
        let asked = self
            .own
            .get_or_try_init(|| async { Ok(self.client.myself(&self.base).await?.node) });
        match asked.await {
            Ok(node) => Ok(Some(node)),
            Err(Fault::Denied(why)) => {
                *lock(&self.refused) = Some(Instant::now());
                tracing::warn!(
                    why,
                    "the agent does not say which node it is on: it is reached by that node's address"
                );
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

#[cfg(test)]
mod tests;

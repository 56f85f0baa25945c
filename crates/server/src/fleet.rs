//! The one node of a single machine.

use domain::NodeName;
use ports::{Fleet, Images, Runtime, fleet::UnknownNode};
use runtime::Docker;
use std::sync::Arc;

/// The local Docker host.
#[derive(Debug, Clone)]
pub(crate) struct OneNode {
    pub(crate) name: NodeName,
    pub(crate) docker: Docker,
}

impl Fleet for OneNode {
    fn nodes(&self) -> Vec<NodeName> {
        vec![self.name.clone()]
    }

    fn runtime(&self, node: &NodeName) -> Result<Arc<dyn Runtime>, UnknownNode> {
        self.of(node)
            .map(|docker| Arc::new(docker) as Arc<dyn Runtime>)
    }

    fn images(&self, node: &NodeName) -> Result<Arc<dyn Images>, UnknownNode> {
        self.of(node)
            .map(|docker| Arc::new(docker) as Arc<dyn Images>)
    }
}

impl OneNode {
    fn of(&self, node: &NodeName) -> Result<Docker, UnknownNode> {
        if *node == self.name {
            Ok(self.docker.clone())
        } else {
            Err(UnknownNode(node.clone()))
        }
    }
}

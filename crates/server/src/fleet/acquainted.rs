//! A catalog, with the nodes that have joined, all of which the fleet gets to know as they are told of: nobody hears of a
//! node before there is a way to it.

use super::{Hosts, Joined};
use async_trait::async_trait;
use domain::{InstanceId, Node, NodeName};
use futures_util::stream::BoxStream;
use ports::{
    Catalog,
    catalog::{Entry, Error, Pool, Registration, Word},
};
use std::{collections::BTreeMap, sync::Arc};

/// The catalog behind it, with what the nodes themselves say they have laid below what it says.
pub(crate) struct Acquainted {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) joined: Joined,
    pub(crate) hosts: Arc<Hosts>,
}

#[async_trait]
impl Catalog for Acquainted {
    async fn nodes(&self, pool: &Pool) -> Result<Vec<Node>, Error> {
        let told = self.catalog.nodes(pool).await?;
        let mut nodes = self.joined.among(told, pool).await?;
        self.hosts.meet(&mut nodes).await;
        Ok(nodes)
    }

    async fn register(&self, entry: &Entry) -> Result<(), Error> {
        self.catalog.register(entry).await
    }

    async fn maintenance(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.catalog.maintenance(node, instance).await
    }

    async fn deregister(&self, node: &NodeName, instance: InstanceId) -> Result<(), Error> {
        self.catalog.deregister(node, instance).await
    }

    async fn attest(
        &self,
        node: &NodeName,
        instance: InstanceId,
        word: &Word,
    ) -> Result<(), Error> {
        self.catalog.attest(node, instance, word).await
    }

    async fn registrations(
        &self,
        node: &NodeName,
    ) -> Result<BTreeMap<InstanceId, Registration>, Error> {
        self.catalog.registrations(node).await
    }

    async fn changes(&self) -> BoxStream<'static, ()> {
        self.catalog.changes().await
    }
}

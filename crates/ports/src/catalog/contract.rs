//! What every `Catalog` does, stated as tests for the fake and for the adapters alike.

use super::{Catalog, Entry, Pool, Registration};
use domain::{InstanceId, NodeName};
use futures_util::StreamExt;
use std::{sync::Arc, time::Duration};

/// A catalog to test, with what the tests need of it.
pub struct Ground {
    pub catalog: Arc<dyn Catalog>,
    /// A pool with at least one node.
    pub pool: Pool,
    /// An instance on the first node of the pool, that nothing has registered yet.
    pub entry: Entry,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// All of it. Leaves nothing in the catalog.
///
/// # Panics
/// When the catalog does otherwise.
pub async fn contract(ground: &Ground) {
    nodes_come_in_order_of_name(ground).await;
    an_instance_is_registered_kept_from_traffic_and_forgotten(ground).await;
    what_it_does_not_know_it_leaves_alone(ground).await;
    watchers_hear_of_a_registration(ground).await;
}

async fn nodes_come_in_order_of_name(ground: &Ground) {
    let nodes = ground.catalog.nodes(&ground.pool).await.expect("nodes");
    assert!(nodes.iter().any(|node| node.name == ground.entry.node));
    assert!(nodes.is_sorted_by(|a, b| a.name < b.name));
}

async fn registration(ground: &Ground) -> Option<Registration> {
    let all = ground.catalog.registrations(&ground.entry.node).await;
    all.expect("registrations")
        .get(&ground.entry.instance)
        .copied()
}

async fn an_instance_is_registered_kept_from_traffic_and_forgotten(ground: &Ground) {
    let (node, instance) = (&ground.entry.node, ground.entry.instance);
    assert_eq!(registration(ground).await, None);
    for _ in ["done", "was so"] {
        ground
            .catalog
            .register(&ground.entry)
            .await
            .expect("a registration");
        assert_eq!(registration(ground).await, Some(Registration::Serving));
    }
    for _ in ["done", "was so"] {
        ground
            .catalog
            .maintenance(node, instance)
            .await
            .expect("a change");
        assert_eq!(registration(ground).await, Some(Registration::Maintenance));
    }
    ground
        .catalog
        .register(&ground.entry)
        .await
        .expect("a registration");
    assert_eq!(
        registration(ground).await,
        Some(Registration::Serving),
        "it comes back"
    );
    for _ in ["done", "was so"] {
        ground
            .catalog
            .deregister(node, instance)
            .await
            .expect("a change");
        assert_eq!(registration(ground).await, None);
    }
}

async fn what_it_does_not_know_it_leaves_alone(ground: &Ground) {
    let stranger = InstanceId::from_bits(ground.entry.instance.bits() + 1);
    ground
        .catalog
        .maintenance(&ground.entry.node, stranger)
        .await
        .expect("nothing");
    ground
        .catalog
        .deregister(&ground.entry.node, stranger)
        .await
        .expect("nothing");
    let nowhere: NodeName = "no-such-node".parse().expect("a name");
    let none = ground.catalog.registrations(&nowhere).await;
    assert!(none.is_ok_and(|none| none.is_empty()));
    assert_eq!(registration(ground).await, None);
}

async fn watchers_hear_of_a_registration(ground: &Ground) {
    let mut changes = ground.catalog.changes().await;
    ground
        .catalog
        .register(&ground.entry)
        .await
        .expect("a registration");
    let told = tokio::time::timeout(PATIENCE, changes.next()).await;
    assert_eq!(told.expect("a word in time"), Some(()));
    let (node, instance) = (&ground.entry.node, ground.entry.instance);
    ground
        .catalog
        .deregister(node, instance)
        .await
        .expect("a change");
}

//! What every `Catalog` does, stated as tests for the fake and for the adapters alike.

use super::{Catalog, Check, Entry, Pool, Registration, Word};
use domain::{InstanceId, NodeName};
use futures_util::StreamExt;
use std::{sync::Arc, time::Duration};

/// A catalog to test, with what the tests need of it.
pub struct Ground {
    pub catalog: Arc<dyn Catalog>,
    /// A pool with at least one node.
    pub pool: Pool,
    /// An instance on a node of the pool, that nothing has registered yet.
    pub entry: Entry,
    /// Changes something about a node of the pool, from outside.
    pub stir: Box<dyn Fn() + Send + Sync>,
}

const PATIENCE: Duration = Duration::from_secs(60);

/// All of it. Leaves nothing in the catalog.
///
/// # Panics
/// When the catalog does otherwise.
pub async fn contract(ground: &Ground) {
    nodes_come_in_order_of_name(ground).await;
    an_instance_is_registered_kept_from_traffic_and_forgotten(ground).await;
    what_it_does_not_know_it_leaves_alone(ground).await;
    an_instance_without_a_port_is_known_and_spoken_of(ground).await;
    instances_of_one_node_are_told_apart(ground).await;
    watchers_hear_of_a_change_of_nodes(ground).await;
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

async fn an_instance_without_a_port_is_known_and_spoken_of(ground: &Ground) {
    let clock = Entry {
        port: None,
        check: Check::Told,
        ..ground.entry.clone()
    };
    let (node, instance) = (&clock.node, clock.instance);
    let said = [Word::Unwell("exit 1".to_owned()), Word::Well];
    for word in &said {
        let spoken = ground.catalog.attest(node, instance, word).await;
        spoken.expect("nothing is known of it yet");
    }
    let known = ground.catalog.register(&clock).await;
    known.expect("a registration");
    for word in &said {
        let spoken = ground.catalog.attest(node, instance, word).await;
        spoken.expect("a word");
        assert_eq!(registration(ground).await, Some(Registration::Serving));
    }
    let gone = ground.catalog.deregister(node, instance).await;
    gone.expect("a change");
    assert_eq!(registration(ground).await, None);
}

async fn instances_of_one_node_are_told_apart(ground: &Ground) {
    let first = &ground.entry;
    let second = Entry {
        instance: InstanceId::from_bits(first.instance.bits() + 2),
        port: first.port.map(|port| port + 1),
        ..first.clone()
    };
    for entry in [first, &second] {
        let known = ground.catalog.register(entry).await;
        known.expect("a registration");
    }
    let kept = ground
        .catalog
        .maintenance(&first.node, first.instance)
        .await;
    kept.expect("a change");
    let all = ground.catalog.registrations(&first.node).await;
    let want = [
        (first.instance, Registration::Maintenance),
        (second.instance, Registration::Serving),
    ];
    assert_eq!(all.expect("registrations"), want.into());
    for entry in [first, &second] {
        let gone = ground.catalog.deregister(&entry.node, entry.instance).await;
        gone.expect("a change");
    }
}

async fn watchers_hear_of_a_change_of_nodes(ground: &Ground) {
    let before = ground.catalog.nodes(&ground.pool).await.expect("nodes");
    let mut changes = ground.catalog.changes().await;
    (ground.stir)();
    let told = async {
        loop {
            assert_eq!(changes.next().await, Some(()));
            // A change may be told before it is there to be read, and more than once.
            if ground.catalog.nodes(&ground.pool).await.expect("nodes") != before {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, told).await;
    in_time.expect("a word in time");
}

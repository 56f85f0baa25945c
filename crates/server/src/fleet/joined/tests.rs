use super::*;
use domain::{EnvironmentId, InstallationId, StackId};
use ports::{
    authority::Claim,
    store::{Change, JoinedNodes as _, Origin, joined::NewJoinToken},
};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake;

fn pool(environment: &str) -> Pool {
    Pool {
        environment: EnvironmentId::new(1),
        environment_name: environment.parse().unwrap(),
        stack: StackId::new(1),
        stack_name: "api".parse().unwrap(),
    }
}

/// A node as the catalog has it.
fn told(name: &str, docker: Option<&str>) -> Node {
    let docker = docker.map(|docker| (DOCKER.to_owned(), docker.to_owned()));
    Node {
        name: name.parse().unwrap(),
        address: "10.0.0.9".to_owned(),
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: docker.into_iter().collect(),
        memory: None,
        cpu: None,
    }
}

/// Nodes that have joined these pools.
async fn joined(hosts: &[(&str, &str)], hears: Hears) -> Joined {
    let clock = Arc::new(fake::Clock::at(fake::clock::BEGINNING));
    let store = fake::Store::new(InstallationId::from_bits(7), clock);
    let change = Change {
        actor: "ada".to_owned(),
        at: fake::clock::BEGINNING,
        message: "for a test".to_owned(),
        request: None,
        origin: Origin::Server,
    };
    for (number, (name, pool)) in (0u8..).zip(hosts) {
        let token = NewJoinToken {
            hash: [number; 32],
            expires_at: change.at + Duration::from_secs(60),
        };
        store.add_join_token(token, &change).await.unwrap();
        let claim = Claim {
            name: name.parse().unwrap(),
            public_key: vec![number; 65],
            number: 1,
            address: "fd00::1".to_owned(),
            port: 4045,
            pools: vec![(*pool).to_owned()],
            meta: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
        };
        let joined = store.join_node(&[number; 32], claim, &change).await;
        joined.unwrap();
    }
    Joined::new(Arc::new(store), hears)
}

/// What the nodes of a pool are called, of which the catalog tells these.
async fn names(joined: &Joined, told: &[Node], environment: &str) -> Vec<String> {
    let nodes = joined
        .among(told.to_vec(), &pool(environment))
        .await
        .unwrap();
    nodes.iter().map(|node| node.name.to_string()).collect()
}

#[tokio::test]
async fn those_that_have_joined_are_in_their_pools_beside_the_others() {
    let hosts = [
        ("a", "production/api"),
        ("c", "*/api"),
        ("d", "*/gpu"),
        ("b", "*/*"),
        ("e", "*/*"),
    ];
    // One of them is in neither of these pools, and keeps its name all the same.
    let its: Names = Arc::new(|| ["b", "e"].map(|name| name.parse().unwrap()).into());
    let joined = joined(&hosts, Hears::Nothing(its)).await;
    let told = [told("b", None)];
    assert_eq!(names(&joined, &told, "production").await, ["a", "b", "c"]);
    assert_eq!(names(&joined, &told, "staging").await, ["b", "c"]);
    let nodes = joined.among(told.to_vec(), &pool("staging")).await.unwrap();
    assert_eq!(nodes[0].address, "10.0.0.9", "who was there first");
    assert_eq!(nodes[1].meta[DOCKER], "node://[fd00::1]:4045");
    assert_eq!(nodes[1].meta["zone"], "a");
}

#[tokio::test]
async fn a_catalog_that_hears_of_them_is_believed_but_for_who_was_removed() {
    let nodes = vec![
        told("a", Some("node://10.0.0.9:4045")),
        told("b", Some("node://10.0.0.8:4045")),
        told("c", Some("tcp://10.0.0.7")),
    ];
    let hosts = [("a", "*/*"), ("d", "*/*")];
    let joined = joined(&hosts, Hears::OfThem).await;
    assert_eq!(names(&joined, &nodes, "production").await, ["a", "c"]);
}

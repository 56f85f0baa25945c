//! What many ask for at once of servers on one database of PostgreSQL.

use crate::{
    shared::{PATIENCE, join, wait},
    world::{Ground, change},
};
use domain::{
    AppId, ByteSize, Cause, DeployId, EnvironmentId, GitRef, InstanceId, Intent, IntentKind,
    IntentState, NodeName,
    app::Recipe,
    deploy::DEFAULT_PATIENCE,
    worker::{NamedPorts, Resources},
};
use ports::store::{
    Apps as _, Deploys as _, Environments as _, Error, Fence, Intents as _, Leases as _, Page,
    Stacks as _,
    deploys::{NewDeploy, OnConflict},
    entities::NewApp,
    intents::Entry,
    leases::Claim,
};
use std::{collections::BTreeMap, sync::Arc};
use store::Store;
use tokio::{sync::Barrier, task::JoinSet};

/// How many connections one server has at the most: eight that read, the writer's, and that of who hears of others.
const CONNECTIONS: usize = 10;
/// How many of them read.
const READERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn many_reads_at_once_take_no_more_connections_than_a_server_has() {
    const READS: usize = 40;
    let ground = Ground::postgres();
    let (store, _state) = join(&ground).await;
    let store = Arc::new(store);
    // Each read that has a connection keeps it.
    let held = ground.begin("LOCK TABLE stacks IN ACCESS EXCLUSIVE MODE");
    let ask = |reads: &mut JoinSet<_>| {
        let store = Arc::clone(&store);
        reads.spawn(async move { store.list_stacks("", Page::ALL).await });
    };
    let count = |which: &str| {
        let of_server = "SELECT count(*) FROM pg_stat_activity \
                         WHERE datname = current_database() AND application_name = 'jockeyd'";
        let count = ground.sql(&format!("{of_server}{which}"));
        count.trim().parse::<usize>().unwrap()
    };
    let held_up = || count(" AND wait_event_type = 'Lock'");
    let (mut first, mut others) = (JoinSet::new(), JoinSet::new());
    for _ in 0..READERS {
        ask(&mut first);
    }
    wait("all connections to be held up", async || {
        // On a busy machine one may have none in time, and asks again.
        while let Some(late) = first.try_join_next() {
            let error = late.unwrap().unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
            ask(&mut first);
        }
        (held_up() == READERS).then_some(())
    })
    .await;
    for _ in READERS..READS {
        ask(&mut others);
    }
    for _ in READERS..READS {
        let read = tokio::time::timeout(PATIENCE, others.join_next()).await;
        let read = read.expect("who has no turn is told in time");
        let error = read.unwrap().unwrap().unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
    }
    assert_eq!(held_up(), READERS);
    let all = count("");
    assert!(all <= CONNECTIONS, "{all} of at most {CONNECTIONS}");
    drop(held);
    for read in first.join_all().await {
        read.expect("it had a connection, and was held up alone");
    }
}

/// A server that keeps one Environment, and a Deploy in it.
struct Seat {
    store: Arc<Store>,
    fence: Fence,
    app: AppId,
    environment: EnvironmentId,
    deploy: DeployId,
}

impl Seat {
    async fn take(store: Store, app: AppId, name: &str) -> Self {
        let change = change();
        let environment = store.create_environment(name.parse().unwrap(), None, &change);
        let environment = environment.await.unwrap().id;
        let lease = format!("environment/{environment}");
        let fence = match store.claim(&lease, name, PATIENCE).await.unwrap() {
            Claim::Ours(fence) => fence,
            Claim::Theirs { owner, .. } => panic!("{lease} is {owner}'s"),
        };
        let new = NewDeploy {
            app,
            environment,
            cause: Cause::Commit,
            git_ref: Some(GitRef::head()),
            build: None,
            release: None,
            patience: DEFAULT_PATIENCE,
            on_conflict: OnConflict::Queue,
        };
        let deploy = store.create_deploy(new, &change).await.unwrap().id;
        Self {
            store: Arc::new(store),
            fence,
            app,
            environment,
            deploy,
        }
    }

    /// A start of an instance that wants 30 MiB of a node which has 100.
    fn start(&self, node: &NodeName, instance: u64) -> Entry {
        let mebibytes = |count: u64| Resources {
            memory: Some(ByteSize::bytes(count << 20)),
            cpu: None,
        };
        let intent = Intent {
            instance: InstanceId::from_bits(instance),
            kind: IntentKind::Start,
            app: self.app,
            environment: self.environment,
            deploy: self.deploy,
            worker: "web".parse().unwrap(),
            node: node.clone(),
            port: None,
            ports: NamedPorts::default(),
            resources: mebibytes(30),
            state: IntentState::Open,
            why: "0 of 1 healthy".to_owned(),
            opened_at: change().at,
            fence: None,
            closed_at: None,
        };
        Entry::Open {
            intent,
            capacity: mebibytes(100),
        }
    }
}

async fn app(store: &Store) -> AppId {
    let change = change();
    let stack = store.create_stack("api".parse().unwrap(), &change);
    let new = NewApp {
        name: "shop".parse().unwrap(),
        repo: "example/shop".parse().unwrap(),
        stack: stack.await.unwrap().id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: true,
        pushes: domain::Pushes::default(),
    };
    store.create_app(new, &change).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_place_at_once_never_overbook_a_node() {
    /// How often it is tried, each time on another node.
    const NODES: u64 = 20;
    const AT_ONCE: u64 = 16;
    /// So many of 30 MiB have room in 100.
    const FIT: usize = 3;
    let ground = Ground::postgres();
    let ((one, _a), (two, _b)) = (join(&ground).await, join(&ground).await);
    let app = app(&one).await;
    let seats = [
        Arc::new(Seat::take(one, app, "production").await),
        Arc::new(Seat::take(two, app, "staging").await),
    ];
    for number in 0..NODES {
        let node: NodeName = format!("node-{number}").parse().unwrap();
        let together = Arc::new(Barrier::new(usize::try_from(AT_ONCE).unwrap()));
        let mut placing = JoinSet::new();
        for at in 0..AT_ONCE {
            let seat = Arc::clone(&seats[usize::from(at % 2 == 1)]);
            let entry = seat.start(&node, 1 + number * AT_ONCE + at);
            let together = Arc::clone(&together);
            placing.spawn(async move {
                together.wait().await;
                seat.store.record(&[entry], &seat.fence).await
            });
        }
        let placed = placing.join_all().await;
        let fit = placed.iter().filter(|placed| placed.is_ok()).count();
        assert_eq!(fit, FIT, "on {node}: {placed:?}");
        for error in placed.into_iter().filter_map(Result::err) {
            assert!(matches!(error, Error::Overbooked { .. }), "{error}");
        }
    }
    let mut standing: BTreeMap<NodeName, usize> = BTreeMap::new();
    for intent in seats[0].store.standing_intents().await.unwrap() {
        *standing.entry(intent.node).or_default() += 1;
    }
    assert_eq!(standing.len(), usize::try_from(NODES).unwrap());
    assert!(
        standing.values().all(|count| *count == FIT),
        "what is on record is what was answered: {standing:?}"
    );
}

//! The ledger.

use super::world::{START, Shop, at, gone, open, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page,
        intents::{EndFilter, Entry},
    },
};
use domain::{
    ByteSize, Deploy, InstanceEnd, Intent, IntentKind, IntentState, Timestamp, intent::IntentEvent,
    observed::Manner, worker::Resources,
};
use futures_util::future::join_all;

fn close(intent: &Intent, event: IntentEvent) -> Entry {
    Entry::Close {
        instance: intent.instance,
        kind: intent.kind,
        event,
        at: START,
    }
}

pub async fn a_port_is_held_until_its_instance_is_gone(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let (first, second) = (
        shop.start(&deploy, 1, 20_000),
        shop.start(&deploy, 2, 20_000),
    );
    shop.record(store, open(&first)).await.unwrap();
    shop.record(store, open(&first)).await.unwrap();
    shop.record(store, close(&first, IntentEvent::Seen))
        .await
        .unwrap();
    let error = refused(shop.record(store, open(&second)).await);
    assert_eq!(error.to_string(), "port 20000 on node a is taken");
    let elsewhere = Intent {
        node: "b".parse().unwrap(),
        ..shop.start(&deploy, 3, 20_000)
    };
    shop.record(store, open(&elsewhere)).await.unwrap();
    let stop = Intent {
        kind: IntentKind::Stop,
        ..first.clone()
    };
    shop.record(store, open(&stop)).await.unwrap();
    shop.record(store, close(&stop, IntentEvent::Seen))
        .await
        .unwrap();
    let standing: Vec<_> = stands(store).await;
    assert_eq!(standing, [(1, IntentKind::Start), (3, IntentKind::Start)]);
    shop.record(store, gone(&first)).await.unwrap();
    shop.record(store, open(&second)).await.unwrap();
    assert_eq!(
        stands(store).await,
        [(2, IntentKind::Start), (3, IntentKind::Start)]
    );
    // One that is gone does not come back.
    shop.record(store, open(&first)).await.unwrap();
    assert_eq!(stands(store).await.len(), 2);
}

/// Whether it is the first of an instance or has a name.
pub async fn a_named_port_is_held_like_the_first(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let with = |instance: u64, port: u16, named: &str| Intent {
        ports: named.parse().unwrap(),
        ..shop.start(&deploy, instance, port)
    };
    let first = with(1, 20_000, "grpc=20001,metrics=20002");
    shop.record(store, open(&first)).await.unwrap();
    assert_eq!(
        store.standing_intents().await.unwrap(),
        std::slice::from_ref(&first),
        "it reads back as it was written"
    );
    for (port, named, taken) in [
        (20_002, "", 20_002),
        (20_003, "grpc=20000", 20_000),
        (20_003, "grpc=20004,metrics=20001", 20_001),
    ] {
        let error = refused(shop.record(store, open(&with(2, port, named))).await);
        assert_eq!(
            error.to_string(),
            format!("port {taken} on node a is taken")
        );
    }
    let elsewhere = Intent {
        node: "b".parse().unwrap(),
        ..with(3, 20_000, "grpc=20001")
    };
    shop.record(store, open(&elsewhere)).await.unwrap();
    shop.record(store, gone(&first)).await.unwrap();
    let second = with(2, 20_002, "grpc=20001");
    shop.record(store, open(&second)).await.unwrap();
}

async fn stands(store: &dyn Store) -> Vec<(u64, IntentKind)> {
    let all = store.standing_intents().await.unwrap();
    all.iter()
        .map(|intent| (intent.instance.bits(), intent.kind))
        .collect()
}

fn with_memory(shop: &Shop, deploy: &Deploy, instance: u64, mebibytes: u64) -> Intent {
    let port = 20_000 + u16::try_from(instance).unwrap();
    Intent {
        resources: Resources {
            memory: Some(ByteSize::bytes(mebibytes << 20)),
            cpu: None,
        },
        ..shop.start(deploy, instance, port)
    }
}

pub async fn a_node_is_not_overbooked(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let on_small_node = |intent: &Intent| Entry::Open {
        intent: intent.clone(),
        capacity: Resources {
            memory: Some(ByteSize::bytes(100 << 20)),
            cpu: None,
        },
    };
    let (first, second) = (
        with_memory(&shop, &deploy, 1, 60),
        with_memory(&shop, &deploy, 2, 60),
    );
    shop.record(store, on_small_node(&first)).await.unwrap();
    let error = refused(shop.record(store, on_small_node(&second)).await);
    assert_eq!(error.to_string(), "node a has no room for it");
    let frugal = shop.start(&deploy, 3, 20_003);
    shop.record(store, on_small_node(&frugal)).await.unwrap();
    let exact = with_memory(&shop, &deploy, 4, 40);
    shop.record(store, on_small_node(&exact)).await.unwrap();
    for intent in [&first, &exact] {
        shop.record(store, gone(intent)).await.unwrap();
    }
    shop.record(store, on_small_node(&second)).await.unwrap();
    let standing = store.standing_intents().await.unwrap();
    assert_eq!(
        standing,
        [second, frugal],
        "they read back as they were written"
    );
}

/// However many place at once, be it at several servers.
pub async fn a_node_is_not_overbooked_by_those_at_once(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let intents: Vec<_> = (1..=8)
        .map(|instance| with_memory(&shop, &deploy, instance, 40))
        .collect();
    let placing = intents.iter().map(|intent| {
        let entry = Entry::Open {
            intent: intent.clone(),
            capacity: Resources {
                memory: Some(ByteSize::bytes(100 << 20)),
                cpu: None,
            },
        };
        shop.record(store, entry)
    });
    let placed = join_all(placing).await;
    let (taken, rest): (Vec<_>, Vec<_>) = placed.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 2);
    for refused in rest {
        let is_so = matches!(refused, Err(Error::Overbooked { .. }));
        assert!(is_so, "{refused:?}");
    }
    assert_eq!(stands(store).await.len(), 2);
}

pub async fn all_or_nothing_is_recorded(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let (first, second) = (
        shop.start(&deploy, 1, 20_000),
        shop.start(&deploy, 2, 20_000),
    );
    let newest = *store.newest_event().borrow();
    let event = Entry::Event(super::events::about("instance.started", "ins-1"));
    let entries = [
        open(&first),
        end(&shop, &deploy, 1, START),
        event,
        open(&second),
    ];
    let error = refused(store.record(&entries, &shop.fence).await);
    assert!(matches!(error, Error::PortTaken { .. }), "{error}");
    assert_eq!(stands(store).await, []);
    assert_eq!(*store.newest_event().borrow(), newest);
    let ends = store
        .list_ends(&EndFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(ends.items, []);
    store.record(&entries[..3], &shop.fence).await.unwrap();
    assert_eq!(stands(store).await, [(1, IntentKind::Start)]);
    assert!(*store.newest_event().borrow() > newest);
}

pub async fn evidence_is_taken_once(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    for (instance, first, later) in [
        (1, IntentEvent::Seen, IntentEvent::Dropped),
        (2, IntentEvent::Refused, IntentEvent::Seen),
        (3, IntentEvent::Dropped, IntentEvent::Seen),
    ] {
        let start = shop.start(&deploy, instance, 20_000 + u16::try_from(instance).unwrap());
        shop.record(store, open(&start)).await.unwrap();
        shop.record(store, close(&start, first)).await.unwrap();
        shop.record(store, close(&start, later)).await.unwrap();
    }
    let standing = store.standing_intents().await.unwrap();
    let states: Vec<IntentState> = standing.iter().map(|intent| intent.state).collect();
    assert_eq!(states, [IntentState::Done], "a start that was seen stands");
    assert_eq!(standing[0].closed_at, Some(START));
}

fn end(shop: &Shop, deploy: &Deploy, instance: u64, at: Timestamp) -> Entry {
    Entry::End(InstanceEnd {
        instance: domain::InstanceId::from_bits(instance),
        app: shop.app.id,
        environment: shop.environment.id,
        deploy: deploy.id,
        worker: "web".parse().unwrap(),
        node: "a".parse().unwrap(),
        manner: Manner::Died,
        exit_code: Some(3),
        what: "exited with code 3".to_owned(),
        log_tail: vec!["one".to_owned(), "two".to_owned()],
        at,
    })
}

pub async fn an_end_is_kept_once(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    for (instance, seconds) in [(1, 10), (2, 20), (1, 30)] {
        let end = end(&shop, &deploy, instance, at(seconds).at);
        shop.record(store, end).await.unwrap();
    }
    let all = store
        .list_ends(&EndFilter::default(), Page::ALL)
        .await
        .unwrap()
        .items;
    let seen: Vec<_> = all
        .iter()
        .map(|end| (end.instance.bits(), end.at))
        .collect();
    assert_eq!(seen, [(2, at(20).at), (1, at(10).at)], "newest first");
    assert_eq!(all[0].log_tail, ["one", "two"]);
    let of_one = EndFilter {
        instance: Some(all[1].instance),
        worker: Some("web".parse().unwrap()),
        node: Some("a".parse().unwrap()),
        ..EndFilter::default()
    };
    let found = store.list_ends(&of_one, Page::ALL).await.unwrap().items;
    assert_eq!(found, all[1..]);
    let view = store
        .view(shop.environment.id, at(15).at)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.ends, all[..1]);
}

pub async fn the_number_of_a_singleton_never_falls(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let start = |instance: u64, fence: i64| Intent {
        fence: Some(fence),
        port: None,
        ..shop.start(&deploy, instance, 1)
    };
    let last = async || {
        let view = store.view(shop.environment.id, START).await.unwrap();
        let fences = view.unwrap().fences.into_iter();
        fences
            .map(|((app, worker), number)| (app, worker.to_string(), number))
            .collect::<Vec<_>>()
    };
    assert_eq!(last().await, []);
    let (first, second) = (start(1, 7), start(2, 9));
    shop.record(store, open(&first)).await.unwrap();
    shop.record(store, open(&second)).await.unwrap();
    let nine = [(shop.app.id, "web".to_owned(), 9)];
    assert_eq!(last().await, nine);
    assert_eq!(
        store.standing_intents().await.unwrap(),
        [first.clone(), second.clone()]
    );
    // Neither an earlier one that comes late nor the end of both takes it back.
    shop.record(store, open(&start(3, 8))).await.unwrap();
    shop.record(store, gone(&first)).await.unwrap();
    shop.record(store, gone(&second)).await.unwrap();
    assert_eq!(last().await, nine);
}

//! Watchers of events: what they are told, and who reads the database for it.

use crate::stage::{Stage, change};
use controller::usecases::{
    Ctx, Error,
    events::{Filter, Watch, watch},
};
use domain::{Event, EventId};
use ports::store::{
    Apps as _, Events as _, Jobs as _, Retention as _, Stacks as _,
    events::EventFilter,
    retention::{Keep, Old},
};
use std::time::Duration;

/// More than memory keeps.
const MANY: usize = 1_200;

/// Watches everything, after an event or from now on.
async fn watcher(stage: &Stage, after: Option<EventId>) -> Watch {
    of_kind(stage, "", after).await
}

async fn of_kind(stage: &Stage, kind: &str, after: Option<EventId>) -> Watch {
    try_to_watch(stage, kind, after).await.unwrap()
}

async fn try_to_watch(stage: &Stage, kind: &str, after: Option<EventId>) -> Result<Watch, Error> {
    let ctx = Ctx {
        deps: stage.deps.clone(),
        actor: "ada".to_owned(),
        request: None,
        origin: ports::store::Origin::Server,
    };
    let filter = Filter {
        kind: kind.to_owned(),
        ..Filter::default()
    };
    watch(ctx, &filter, after).await
}

/// Something happens, so many times.
async fn happens(stage: &Stage, times: usize) {
    for _ in 0..times {
        let number = stage.store.newest_event().borrow().number();
        let name = format!("stack-{number}").parse().unwrap();
        stage.store.create_stack(name, &change()).await.unwrap();
    }
}

/// The next events, at least so many.
async fn told(watch: &mut Watch, count: usize) -> Vec<Event> {
    let mut told = Vec::new();
    while told.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(60), watch.next());
        let events = next.await.expect("it is told of nothing").unwrap();
        told.extend(events.unwrap().iter().map(|view| view.event.clone()));
    }
    told
}

/// What the database has after an event.
async fn kept(stage: &Stage, after: EventId) -> Vec<Event> {
    let (mut kept, mut from) = (Vec::new(), after);
    let all = EventFilter::default();
    loop {
        let page = stage.store.events_after(from, &all, 100).await.unwrap();
        let Some(last) = page.last() else {
            return kept;
        };
        from = last.id;
        kept.extend(page);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_read_once_however_many_watch() {
    let stage = Stage::new().await;
    let mut watchers = Vec::new();
    for _ in 0..50 {
        watchers.push(watcher(&stage, None).await);
    }
    for reads in 1..=3 {
        happens(&stage, 1).await;
        for watcher in &mut watchers {
            assert_eq!(told(watcher, 1).await.len(), 1);
        }
        assert_eq!(stage.store.reads_of_events(), reads);
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_keeps_nobody_waiting_and_misses_nothing() {
    let stage = Stage::new().await;
    let began = *stage.store.newest_event().borrow();
    let (mut slow, mut keen) = (watcher(&stage, None).await, watcher(&stage, None).await);
    for _ in 0..MANY {
        happens(&stage, 1).await;
        assert_eq!(told(&mut keen, 1).await.len(), 1, "it is there at once");
    }
    let all = kept(&stage, began).await;
    assert_eq!(told(&mut slow, MANY).await, all);
    happens(&stage, 1).await;
    assert_eq!(told(&mut slow, 1).await, told(&mut keen, 1).await);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let mut first = watcher(&stage, None).await;
    happens(&stage, MANY).await;
    told(&mut first, MANY).await;
    let newest = stage.store.newest_event().borrow().number();
    for behind in [0, 1, 2, 999, 1_000, 1_001, newest] {
        let after = EventId::new(newest - behind);
        let mut back = watcher(&stage, Some(after)).await;
        let missed = kept(&stage, after).await;
        assert_eq!(
            told(&mut back, missed.len()).await,
            missed,
            "{behind} behind"
        );
        let newer = *stage.store.newest_event().borrow();
        happens(&stage, 1).await;
        let now = kept(&stage, newer).await;
        let rest = told(&mut back, 1).await;
        assert!(rest.ends_with(&now), "{behind} behind, and then {rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_told_and_not_read_again() {
    let stage = Stage::new().await;
    let mut of_apps = of_kind(&stage, "app", Some(EventId::new(0))).await;
    assert_eq!(told(&mut of_apps, 1).await[0].kind, "app.created");
    let before = stage.store.reads_of_events();
    happens(&stage, 10).await;
    let shop = stage.store.find_app("shop").await.unwrap().unwrap();
    stage.store.delete_app(shop.id, &change()).await.unwrap();
    let events = told(&mut of_apps, 1).await;
    let kinds: Vec<&str> = events.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["app.deleted"]);
    assert_eq!(stage.store.reads_of_events(), before + 1, "by the reader");
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_once_and_again_when_they_change() {
    let stage = Stage::new().await;
    let mut watch = of_kind(&stage, "app", Some(EventId::new(0))).await;
    let mut named = async || {
        let views = watch.next().await.unwrap().unwrap();
        views[0].app.clone()
    };
    assert_eq!(named().await, "shop");
    let shop = stage.store.find_app("shop").await.unwrap().unwrap();
    stage.store.delete_app(shop.id, &change()).await.unwrap();
    assert_eq!(
        named().await,
        shop.id.to_string(),
        "it has no name any more"
    );
}

#[tokio::test(start_paused = true)]
async fn who_was_left_behind_is_told_so_and_begins_with_what_is_kept() {
    let stage = Stage::new().await;
    happens(&stage, 20).await;
    let of_now = Keep {
        since: change().at + Duration::from_secs(1),
        releases: 1,
    };
    // What jobs may still follow from is not forgotten.
    let newest = *stage.store.newest_event().borrow();
    let begun = stage.store.outbox().await.unwrap();
    stage
        .store
        .derive_jobs(begun, newest, Vec::new())
        .await
        .unwrap();
    stage.store.forget(Old::Events, of_now, 10).await.unwrap();
    let left = kept(&stage, EventId::new(0)).await;
    let refused = try_to_watch(&stage, "", Some(EventId::new(1))).await.err();
    let oldest = left[0].id;
    assert!(
        matches!(refused, Some(Error::EventsForgotten { oldest: told, .. }) if told == oldest),
        "{refused:?}"
    );
    let mut watch = watcher(&stage, Some(EventId::new(0))).await;
    assert_eq!(told(&mut watch, left.len()).await, left);
    stage
        .store
        .forget(Old::Events, of_now, 1_000)
        .await
        .unwrap();
    let mut watch = watcher(&stage, Some(EventId::new(1))).await;
    happens(&stage, 1).await;
    assert_eq!(
        told(&mut watch, 1).await,
        kept(&stage, EventId::new(0)).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_is_no_gap_and_nothing_twice_while_much_happens() {
    let stage = Stage::new().await;
    let began = *stage.store.newest_event().borrow();
    let mut watchers = tokio::task::JoinSet::new();
    for patience in [1, 7, 300] {
        let mut watch = watcher(&stage, Some(began)).await;
        let ctx = stage.deps.clone();
        watchers.spawn(async move {
            let mut all = Vec::new();
            while all.len() < 3 * MANY {
                // Breaks off now and then, and comes back with what it saw last.
                if all.len() % 500 > 500 - patience {
                    let ctx = Ctx {
                        deps: ctx.clone(),
                        actor: "ada".to_owned(),
                        request: None,
                        origin: ports::store::Origin::Server,
                    };
                    let last = all.last().copied();
                    watch = self::watch(ctx, &Filter::default(), last.or(Some(began)))
                        .await
                        .unwrap();
                }
                let events = watch.next().await.unwrap().unwrap();
                all.extend(events.iter().map(|view| view.event.id));
            }
            all
        });
    }
    happens(&stage, 3 * MANY).await;
    let kept: Vec<EventId> = kept(&stage, began).await.iter().map(|e| e.id).collect();
    while let Some(all) = watchers.join_next().await {
        assert_eq!(all.unwrap(), kept);
    }
}

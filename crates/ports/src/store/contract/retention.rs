//! What is forgotten when it is old.

use super::{
    events::about,
    world::{Shop, app, asked, at, declared, gone, image, lease, open, shop},
};
use crate::{
    Store,
    store::{
        Change, Fence, Page,
        builds::BuildOutcome,
        deploys::{DeployFilter, NewRelease, OnConflict},
        events::EventFilter,
        intents::{EndFilter, Entry},
        reconciles::{self, NewReconcile},
        retention::{Keep, Old},
        tokens::NewToken,
        workers::Restart,
    },
};
use domain::{
    Deploy, DeployEvent, DeployState, EventId, InstanceEnd, InstanceId, Intent, IntentKind,
    Release,
    intent::IntentEvent,
    observed::Manner,
    reconcile::{ReconcileEvent, ReconcileState},
    token::Role,
    worker::WorkerSource,
};

/// Forgets what is older than this, in one batch, and says how much.
pub(super) async fn forget(store: &dyn Store, what: Old, seconds: u64, releases: u32) -> u32 {
    let keep = Keep {
        since: at(seconds).at,
        releases,
    };
    store.forget(what, keep, 100).await.unwrap()
}

/// Notes that jobs were derived from all events.
async fn follow_events(store: &dyn Store) {
    let newest = *store.newest_event().borrow();
    let from = store.outbox().await.unwrap();
    store.derive_jobs(from, newest, Vec::new()).await.unwrap();
}

/// Forgets all that is older than this.
pub(super) async fn forget_all(store: &dyn Store, seconds: u64, releases: u32) {
    for what in Old::ALL {
        forget(store, what, seconds, releases).await;
    }
}

fn end(start: &Intent, seconds: u64) -> Entry {
    Entry::End(InstanceEnd {
        instance: start.instance,
        app: start.app,
        environment: start.environment,
        deploy: start.deploy,
        worker: start.worker.clone(),
        node: start.node.clone(),
        manner: Manner::Died,
        exit_code: Some(3),
        what: "exited with code 3".to_owned(),
        log_tail: Vec::new(),
        at: at(seconds).at,
    })
}

fn closed(instance: InstanceId, event: IntentEvent, seconds: u64) -> Entry {
    Entry::Close {
        instance,
        kind: IntentKind::Start,
        event,
        at: at(seconds).at,
    }
}

pub async fn what_stands_for_itself_goes_by_age(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let (old, young) = (
        shop.start(&deploy, 1, 20_001),
        shop.start(&deploy, 2, 20_002),
    );
    for (start, seconds) in [(&old, 10), (&young, 20)] {
        shop.record(store, open(start)).await.unwrap();
        let dropped = closed(start.instance, IntentEvent::Dropped, seconds);
        shop.record(store, dropped).await.unwrap();
        shop.record(store, end(start, seconds)).await.unwrap();
        let mut event = about("test.told", "x-1");
        event.at = at(seconds).at;
        shop.record(store, Entry::Event(event)).await.unwrap();
        let name = format!("token-{seconds}");
        let made = store
            .create_token(
                NewToken {
                    name,
                    role: Role::Viewer,
                    hash: [u8::try_from(seconds).unwrap(); 32],
                    expires_at: Some(at(1).at),
                },
                &at(seconds),
            )
            .await
            .unwrap();
        store.revoke_token(made.id, &at(seconds)).await.unwrap();
    }
    assert_eq!(forget(store, Old::Ends, 15, 0).await, 1);
    let ends = store
        .list_ends(&EndFilter::default(), Page::ALL)
        .await
        .unwrap();
    assert_eq!(ends.items.len(), 1);
    assert_eq!(ends.items[0].instance, young.instance);
    assert_eq!(forget(store, Old::Intents, 15, 0).await, 1);
    assert_eq!(forget(store, Old::Intents, 15, 0).await, 0);
    assert_eq!(forget(store, Old::Tokens, 15, 0).await, 1);
    let tokens = store.list_tokens().await.unwrap();
    let names: Vec<&str> = tokens.iter().map(|token| &*token.name).collect();
    assert_eq!(names, ["token-20"]);
    follow_events(store).await;
    assert!(forget(store, Old::Events, 15, 0).await > 0);
    let told = EventFilter {
        kind: Some("test".to_owned()),
        ..EventFilter::default()
    };
    let left = store.events_after(EventId::new(0), &told, 10).await;
    assert_eq!(left.unwrap().len(), 1);
}

pub async fn batches_have_a_limit(store: &dyn Store) {
    let shop = shop(store).await;
    let fence = lease(store, "build/bld-1", "one").await;
    let new = shop.new_build('a');
    let build = store.request_build(new, &at(1)).await.unwrap().into_build();
    let lines: Vec<String> = (0..5).map(|number| format!("line {number}")).collect();
    store
        .append_build_lines(build.id, &lines, at(1).at, &fence)
        .await
        .unwrap();
    let keep = Keep {
        since: at(100).at,
        releases: 0,
    };
    let some = async |what| store.forget(what, keep, 2).await.unwrap();
    assert_eq!(some(Old::BuildLines).await, 0, "it is not done");
    let outcome = BuildOutcome::Failed {
        reason: "no".to_owned(),
    };
    store
        .finish_build(build.id, outcome, None, &at(2))
        .await
        .unwrap();
    assert_eq!(some(Old::Builds).await, 0, "it has lines");
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(some(Old::BuildLines).await);
    }
    assert_eq!(counts, [2, 2, 1, 0]);
    assert_eq!(store.build_lines(build.id, 0, 10).await.unwrap(), []);
    assert_eq!(some(Old::Builds).await, 1);
    assert_eq!(store.find_build(build.id).await.unwrap(), None);

    for (name, seconds) in [("a", 10), ("b", 20), ("c", 30)] {
        let name = name.parse().unwrap();
        store.create_stack(name, &at(seconds)).await.unwrap();
    }
    let newest = *store.newest_event().borrow();
    follow_events(store).await;
    while some(Old::Events).await > 0 {}
    let none = store
        .latest_events(None, &EventFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(none, []);
    assert_eq!(
        *store.newest_event().borrow(),
        newest,
        "what is forgotten wakes nobody"
    );
}

/// A Deploy of a commit of its own, deployed at this time.
async fn deployed(
    shop: &Shop,
    store: &dyn Store,
    (number, commit): (u8, char),
    seconds: u64,
) -> (Deploy, Release) {
    let build = shop.built(store, commit, number).await;
    let deploy = shop.created(store).await;
    let release = NewRelease::OfBuild {
        build: build.id,
        image: image(number),
        workers: vec![declared("web", WorkerSource::Manifest)],
    };
    let begun = store
        .begin_deploying(
            deploy.id,
            DeployState::Created,
            release,
            &shop.fence,
            &at(seconds),
        )
        .await;
    let (deploy, release) = begun.unwrap();
    let done = all_healthy(store, &deploy, &shop.fence, &at(seconds)).await;
    (done, release)
}

async fn all_healthy(store: &dyn Store, deploy: &Deploy, fence: &Fence, change: &Change) -> Deploy {
    let moved = store.move_deploy(
        deploy.id,
        deploy.state,
        DeployEvent::AllHealthy,
        crate::store::deploys::DeployPatch::default(),
        Some(fence),
        change,
    );
    moved.await.unwrap()
}

async fn releases(store: &dyn Store) -> Vec<Release> {
    let all = store.list_releases(None, None, Page::ALL).await.unwrap();
    all.items
}

async fn deploys(store: &dyn Store) -> Vec<domain::DeployId> {
    let all = store
        .list_deploys(&DeployFilter::default(), Page::ALL)
        .await
        .unwrap();
    all.items.iter().map(|deploy| deploy.id).collect()
}

pub async fn what_a_kept_release_needs_stays(store: &dyn Store) {
    let shop = shop(store).await;
    let mut made = Vec::new();
    for (number, commit) in (1..=4).zip(['a', 'b', 'c', 'd']) {
        made.push(deployed(&shop, store, (number, commit), 10 * u64::from(number)).await);
    }
    let failed = shop.created(store).await;
    shop.moved(store, &failed, DeployEvent::Cancelled)
        .await
        .unwrap();
    // Its image was collected, as that of a Release that is not retained is.
    store.forget_image(&image(1), &at(50)).await.unwrap();
    forget_all(store, 1_000, 2).await;

    let [(first, oldest), _, (third, kept), (fourth, current)] = made.as_slice() else {
        panic!("four were made");
    };
    assert_eq!(releases(store).await, [current.clone(), kept.clone()]);
    assert_eq!(deploys(store).await, [fourth.id, third.id]);
    assert_eq!(store.find_deploy(first.id).await.unwrap(), None);
    assert_eq!(store.find_release(oldest.id).await.unwrap(), None);
    assert_eq!(store.find_build(oldest.build).await.unwrap(), None);
    assert!(store.find_build(kept.build).await.unwrap().is_some());
    let view = store.view(shop.environment.id, at(0).at).await.unwrap();
    let runs = view.unwrap().apps[0].deployed.clone();
    assert_eq!(runs.map(|(_, release)| release), Some(current.clone()));

    // Going back still works.
    let mut back = shop.new_deploy(OnConflict::Queue);
    back.release = Some(kept.id);
    let back = store.create_deploy(back, &at(1_001)).await.unwrap();
    let again = NewRelease::Again {
        release: kept.id,
        image: kept.image.clone(),
    };
    let begun = store
        .begin_deploying(
            back.id,
            DeployState::Created,
            again,
            &shop.fence,
            &at(1_002),
        )
        .await;
    assert_eq!(begun.unwrap().1.workers, kept.workers);
    let next = shop.created(store).await;
    assert!(next.id > back.id, "no id is given twice");
}

pub async fn the_history_of_a_deleted_app_goes(store: &dyn Store) {
    let shop = shop(store).await;
    let (_, release) = deployed(&shop, store, (1, 'a'), 10).await;
    store.delete_app(shop.app.id, &at(20)).await.unwrap();
    forget_all(store, 15, 10).await;
    assert_eq!(releases(store).await.len(), 1, "it ran until a moment ago");
    store.forget_image(&release.image, &at(25)).await.unwrap();
    forget_all(store, 30, 10).await;
    assert_eq!(releases(store).await, []);
    assert_eq!(store.find_build(release.build).await.unwrap(), None);
    // The name is free for another, whose history is its own.
    let new = app(store, "shop", &shop.stack).await;
    assert!(new.id > shop.app.id);
}

pub async fn what_is_under_way_stays_however_old(store: &dyn Store) {
    let shop = shop(store).await;
    let (stopped, _) = deployed(&shop, store, (1, 'a'), 1).await;
    // An instance of it still stands.
    let start = shop.start(&stopped, 1, 20_000);
    shop.record(store, open(&start)).await.unwrap();
    deployed(&shop, store, (2, 'b'), 2).await;
    let waiting = shop.created(store).await;
    let build = store.request_build(shop.new_build('c'), &at(3)).await;
    let build = build.unwrap().into_build();
    let new = NewReconcile {
        environment: shop.environment.id,
        app: None,
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: Vec::new(),
        steps: Vec::new(),
        on_conflict: reconciles::OnConflict::Ignore,
    };
    let reconcile = store.create_reconcile(new, &at(3)).await.unwrap();
    forget_all(store, 1_000, 0).await;

    assert_eq!(
        store.standing_intents().await.unwrap(),
        std::slice::from_ref(&start)
    );
    assert_eq!(deploys(store).await.len(), 3);
    assert_eq!(releases(store).await.len(), 2, "a deploy names it");
    assert!(store.find_build(build.id).await.unwrap().is_some());
    assert!(store.find_reconcile(reconcile.id).await.unwrap().is_some());

    shop.record(store, gone(&start)).await.unwrap();
    let matched = ReconcileEvent::Matched;
    store
        .move_reconcile(reconcile.id, matched, None, &at(4))
        .await
        .unwrap();
    forget_all(store, 1_000, 0).await;
    assert_eq!(deploys(store).await.len(), 2);
    assert_eq!(releases(store).await.len(), 1);
    assert!(store.find_deploy(waiting.id).await.unwrap().is_some());
    assert_eq!(store.find_reconcile(reconcile.id).await.unwrap(), None);
    let again = shop.start(&stopped, 2, 20_000);
    shop.record(store, open(&again)).await.unwrap();
    let web = "web".parse().unwrap();
    let worker = store
        .find_worker(shop.app.id, shop.environment.id, &web)
        .await
        .unwrap();
    let restart = Restart {
        before: at(5).at,
        only: scheduler::input::RestartOnly::All,
    };
    store
        .restart_workers(&[worker.unwrap().id], restart, &asked("still there"))
        .await
        .unwrap();
}

//! Runs that people have started.

use super::{
    retention::forget,
    world::{Shop, at, image, shop},
};
use crate::{
    Store,
    store::{
        Error, Page,
        events::EventFilter,
        retention::Old,
        runs::{Ended, NewRun, RunFilter},
    },
};
use domain::{
    InstanceId, RunId,
    run::{Attendance, Place, RunEnd},
};

/// More than any test has at once.
const MANY: u32 = 10;

pub(super) fn new_run(shop: &Shop, number: u64) -> NewRun {
    NewRun {
        id: RunId::from_bits(number),
        app: shop.app.id,
        environment: shop.environment.id,
        worker: Some("web".parse().unwrap()),
        place: Place::Own(image(1)),
        node: "a".parse().unwrap(),
        commit: Some("a".repeat(40).parse().unwrap()),
        command: vec!["rake".to_owned(), "db:migrate".to_owned()],
        attendance: Attendance::Detached,
        until: at(3600).at,
    }
}

pub(super) fn end(seconds: u64, code: i64) -> RunEnd {
    RunEnd {
        at: at(seconds).at,
        exit_code: Some(code),
        what: format!("exited with code {code}"),
        log_tail: vec!["migrated".to_owned()],
    }
}

pub async fn a_run_begins_and_ends_once(store: &dyn Store) {
    let shop = shop(store).await;
    let new = new_run(&shop, 7);
    let begun = store.begin_run(new.clone(), MANY, &at(1)).await.unwrap();
    assert_eq!((begun.id, &begun.place), (new.id, &new.place));
    assert_eq!((begun.begun_at, begun.until), (at(1).at, new.until));
    assert_eq!((&begun.actor, &begun.command), (&at(1).actor, &new.command));
    assert_eq!(begun.end, None);
    let again = store.begin_run(new.clone(), MANY, &at(1)).await;
    assert!(matches!(again, Err(Error::Exists { .. })), "{again:?}");
    let standing = store.standing_runs().await.unwrap();
    assert_eq!(standing, std::slice::from_ref(&begun));
    assert_eq!(store.find_run(new.id).await.unwrap(), Some(begun));

    let ended = store.end_run(new.id, end(2, 3), &at(2)).await.unwrap();
    assert_eq!(ended.end, Some(end(2, 3)));
    let late = store.end_run(new.id, end(9, 0), &at(9)).await.unwrap();
    assert_eq!(late, ended, "the first end stays");
    assert_eq!(store.standing_runs().await.unwrap(), []);
    let filter = EventFilter {
        subject: Some(new.id.to_string()),
        ..EventFilter::default()
    };
    let events = store.latest_events(None, &filter, 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["run.ended", "run.started"]);
    assert_eq!(events[0].app, Some(shop.app.id));
    assert_eq!(events[0].environment, Some(shop.environment.id));

    let unknown = store.end_run(RunId::from_bits(8), end(2, 0), &at(2)).await;
    assert!(
        matches!(unknown, Err(Error::NotFound { .. })),
        "{unknown:?}"
    );
}

pub async fn an_environment_has_so_many_runs_at_once(store: &dyn Store) {
    let shop = shop(store).await;
    let inside = NewRun {
        place: Place::Inside(InstanceId::from_bits(3)),
        attendance: Attendance::Attended,
        ..new_run(&shop, 1)
    };
    let inside = store.begin_run(inside, 2, &at(1)).await.unwrap();
    assert_eq!(inside.place, Place::Inside(InstanceId::from_bits(3)));
    store.begin_run(new_run(&shop, 2), 2, &at(1)).await.unwrap();
    let refused = store.begin_run(new_run(&shop, 3), 2, &at(1)).await;
    assert!(
        matches!(&refused, Err(Error::TooManyRuns { environment, most: 2 }) if *environment == shop.environment.name),
        "{refused:?}"
    );
    store.end_run(inside.id, end(2, 0), &at(2)).await.unwrap();
    store.begin_run(new_run(&shop, 3), 2, &at(3)).await.unwrap();
}

pub async fn runs_are_listed_the_newest_first_and_forgotten_when_over(store: &dyn Store) {
    let shop = shop(store).await;
    for number in 1..=3 {
        let new = new_run(&shop, number);
        store.begin_run(new, MANY, &at(number)).await.unwrap();
    }
    let ids = async |filter: RunFilter, page: Page| {
        let found = store.list_runs(&filter, page).await.unwrap();
        let ids: Vec<_> = found.items.iter().map(|run| run.id.bits()).collect();
        (ids, found.next)
    };
    let ended = RunId::from_bits(2);
    store.end_run(ended, end(10, 0), &at(10)).await.unwrap();
    let all = RunFilter {
        app: Some(shop.app.id),
        environment: Some(shop.environment.id),
        ended: Ended::Included,
    };
    let page = Page {
        size: 2,
        after: None,
    };
    let (first, next) = ids(all.clone(), page).await;
    assert_eq!(first, [3, 2]);
    let (rest, none) = ids(
        all.clone(),
        Page {
            after: next,
            ..page
        },
    )
    .await;
    assert_eq!((rest, none), (vec![1], None));
    assert_eq!(ids(RunFilter::default(), Page::ALL).await.0, [3, 1]);
    let elsewhere = RunFilter {
        app: Some(domain::AppId::new(99)),
        ..all.clone()
    };
    assert_eq!(ids(elsewhere, Page::ALL).await.0, [0; 0]);

    assert_eq!(forget(store, Old::Runs, 10, 0).await, 0, "it just ended");
    assert_eq!(forget(store, Old::Runs, 20, 0).await, 1);
    assert_eq!(ids(all, Page::ALL).await.0, [3, 1], "others are under way");
}

//! Deliveries of webhooks.

use super::{
    retention::forget,
    world::{START, at, shop},
};
use crate::{
    Store,
    store::{
        Error, Page,
        deliveries::{Consequence, Delivery, NewDelivery},
        events::EventFilter,
        jobs::NewJob,
        retention::Old,
    },
};
use domain::{
    AppId, EventId,
    webhook::{Departure, Tip, Whose},
};
use secrecy::{ExposeSecret, SecretString};

fn delivery(name: &str, app: Option<AppId>) -> NewDelivery {
    NewDelivery {
        delivery: name.to_owned(),
        event: "push".to_owned(),
        app,
        payload: SecretString::from(format!("{{\"of\": \"{name}\"}}")),
        outcome: "the tip of main is built".to_owned(),
    }
}

fn job(key: &str) -> Consequence {
    Consequence::Job(NewJob {
        kind: "test.push".to_owned(),
        key: key.to_owned(),
        subject: "app-1".to_owned(),
        payload: SecretString::from("{}"),
        due_at: START,
        created_at: START,
    })
}

async fn kept(store: &dyn Store) -> Vec<Delivery> {
    store.list_deliveries(Page::ALL).await.unwrap().items
}

pub async fn a_delivery_is_kept_with_what_it_leads_to(store: &dyn Store) {
    let app = shop(store).await.app.id;
    let mut newest = store.newest_job();
    let both = vec![job("moved"), job("push")];
    let push = delivery("one", Some(app));
    store.keep_delivery(push, both, &at(1)).await.unwrap();
    newest.changed().await.unwrap();
    let two = delivery("two", None);
    store.keep_delivery(two, vec![], &at(2)).await.unwrap();

    let page = Page {
        size: 1,
        after: None,
    };
    let first = store.list_deliveries(page).await.unwrap();
    assert_eq!(first.items[0].received_at, at(2).at);
    let after = first.next;
    assert_eq!(after, Some(first.items[0].number));
    let rest = store.list_deliveries(Page { after, ..page }).await.unwrap();
    assert_eq!(rest.next, None);
    let [one] = rest.items.as_slice() else {
        panic!("{rest:?}");
    };
    let payload = one.new.payload.expose_secret();
    assert_eq!(
        (&*one.new.delivery, &*one.new.event, payload, one.new.app),
        ("one", "push", "{\"of\": \"one\"}", Some(app))
    );
    assert_eq!(one.new.outcome, "the tip of main is built");
    assert_eq!(one.received_at, at(1).at);
    let working = store.find_job(one.job.unwrap()).await.unwrap().unwrap();
    assert_eq!(working.key, "push");
}

pub async fn a_delivery_that_is_sent_again_is_kept_once(store: &dyn Store) {
    let app = shop(store).await.app.id;
    let one = delivery("one", Some(app));
    let push = vec![job("push")];
    store.keep_delivery(one, push, &at(1)).await.unwrap();
    let first = kept(store).await[0].job;
    let other = delivery("other", Some(app));
    store.keep_delivery(other, vec![], &at(2)).await.unwrap();

    // By the same name, and replayed under another, while its job is open.
    for (second, name) in [(3, "one"), (4, "forged")] {
        let again = NewDelivery {
            delivery: name.to_owned(),
            ..delivery("one", Some(app))
        };
        let push = vec![job("push")];
        store.keep_delivery(again, push, &at(second)).await.unwrap();
        let now = kept(store).await;
        let told: Vec<_> = now.iter().map(|it| &*it.new.delivery).collect();
        assert_eq!(told, ["other", "one"], "as it came first");
        assert_eq!((now[1].job, now[1].received_at), (first, at(1).at));
    }
    // At the address of the installation it is another one.
    let anywhere = NewDelivery {
        app: None,
        ..delivery("one", Some(app))
    };
    store.keep_delivery(anywhere, vec![], &at(5)).await.unwrap();
    assert_eq!(kept(store).await.len(), 3);
    // The same body as another event is another delivery.
    let event = NewDelivery {
        event: "create".to_owned(),
        ..delivery("one", Some(app))
    };
    store.keep_delivery(event, vec![], &at(6)).await.unwrap();
    assert_eq!(kept(store).await.len(), 4);
}

pub async fn what_cannot_be_kept_leaves_neither_delivery_nor_job(store: &dyn Store) {
    let app = shop(store).await.app.id;
    let tip = Tip {
        commit: "a".repeat(40).parse().unwrap(),
        repo: None,
    };
    // A number that no database has room for.
    let request = Consequence::PullRequest {
        app,
        number: u64::MAX,
        tip: Some(tip),
    };
    let new = delivery("huge", Some(app));
    let leads_to = vec![job("push"), request];
    let refused = store.keep_delivery(new, leads_to, &at(1)).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
    assert_eq!(kept(store).await.len(), 0);
    assert!(store.next_jobs().await.unwrap().is_empty(), "nor its job");
}

pub async fn a_delivery_that_no_job_works_off_is_kept_with_what_it_did(store: &dyn Store) {
    let app = shop(store).await.app.id;
    let tip = Tip {
        commit: "a".repeat(40).parse().unwrap(),
        repo: None,
    };
    let request = Consequence::PullRequest {
        app,
        number: 7,
        tip: Some(tip.clone()),
    };
    let new = delivery("request", Some(app));
    let leads_to = vec![request];
    store.keep_delivery(new, leads_to, &at(1)).await.unwrap();
    let open = store.pull_requests(app).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].number, &open[0].tip), (7, &tip));

    let team = Whose::Team("acme/ops".parse().unwrap());
    let departure = Departure::from("acme".parse().unwrap(), team);
    let left = vec![Consequence::Departure(departure.clone())];
    let new = delivery("left", None);
    store.keep_delivery(new, left, &at(2)).await.unwrap();
    let filter = EventFilter {
        kind: Some(Departure::KIND.to_owned()),
        ..EventFilter::default()
    };
    let events = store.events_after(EventId::new(0), &filter, 10).await;
    let events = events.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(Departure::of_facts(&events[0].facts), Some(departure));
    let jobs: Vec<_> = kept(store).await.iter().map(|it| it.job).collect();
    assert_eq!(jobs, [None, None]);
}

pub async fn an_old_delivery_is_forgotten(store: &dyn Store) {
    for second in [1, 2] {
        let new = delivery(&format!("of {second}"), None);
        let push = vec![job("push")];
        store.keep_delivery(new, push, &at(second)).await.unwrap();
    }
    assert_eq!(forget(store, Old::Deliveries, 1, 0).await, 0);
    assert_eq!(forget(store, Old::Deliveries, 2, 0).await, 1);
    let left = kept(store).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].new.delivery, "of 2");
}

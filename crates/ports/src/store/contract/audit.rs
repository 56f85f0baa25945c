//! The audit log.

use super::world::{START, at, by};
use crate::{
    Store,
    store::{
        Change, Page,
        audit::AuditFilter,
        events::EventFilter,
        retention::{Keep, Old},
        tokens::NewToken,
    },
};
use domain::{
    AccountId, AuditEntry, AuditId, Event, EventId, Login, Person,
    audit::{Proof, differences},
    config::{ConfigScope, Variables},
    people::KnownPerson,
    token::Role,
    webhook::{Departure, Whose},
};
use std::{collections::BTreeMap, time::Duration};

/// All rows, oldest first.
async fn rows(store: &dyn Store) -> Vec<AuditEntry> {
    let every = AuditFilter::default();
    let found = store.audit_entries_after(AuditId::new(0), &every, 1000);
    found.await.unwrap()
}

async fn stack(store: &dyn Store, name: &str, change: &Change) {
    store
        .create_stack(name.parse().unwrap(), change)
        .await
        .unwrap();
}

pub async fn each_thing_that_somebody_changes_leaves_a_row(store: &dyn Store) {
    let call = by("tok-7", "jockey.v1.StackService/CreateStack");
    let made = store
        .create_stack("api".parse().unwrap(), &call)
        .await
        .unwrap();
    let all = rows(store).await;
    let [row] = &all[..] else {
        panic!("one row");
    };
    assert_eq!(row.object, made.id.to_string());
    assert_eq!((&*row.kind, &*row.actor), ("stack", "ada"));
    assert_eq!((row.proof, &*row.credential), (Proof::Token, "tok-7"));
    assert_eq!(row.action, "jockey.v1.StackService/CreateStack");
    assert_eq!((row.at, &*row.request), (call.at, "call-1"));
    assert_eq!(row.before, None);
    assert_eq!(row.after.as_ref().unwrap()["name"], "api");

    store.delete_stack(made.id, &call).await.unwrap();
    let gone = rows(store).await.pop().unwrap();
    assert_eq!(gone.before, row.after);
    assert_eq!(gone.after, None);

    let node = "one".parse().unwrap();
    let duty = domain::node::Duty::Draining;
    store.set_duty(&node, duty, &call).await.unwrap();
    let drained = rows(store).await.pop().unwrap();
    assert_eq!((&*drained.kind, &*drained.object), ("node", "one"));
    assert_eq!(drained.after.unwrap()["duty"], "draining");

    let new = NewToken {
        name: "ci".to_owned(),
        role: Role::Deployer,
        hash: [1; 32],
        expires_at: None,
    };
    let token = store.create_token(new, &call).await.unwrap();
    store.revoke_token(token.id, &call).await.unwrap();
    let revoked = rows(store).await.pop().unwrap();
    let differ = differences(revoked.before.as_ref(), revoked.after.as_ref());
    let fields: Vec<_> = differ.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["revoked_at"]);
    assert_eq!(rows(store).await.len(), 5);
}

pub async fn what_the_server_does_by_itself_leaves_none(store: &dyn Store) {
    stack(store, "api", &at(0)).await;
    assert_eq!(rows(store).await, []);
    assert_eq!(*store.newest_audit_entry().borrow(), AuditId::new(0));
}

pub async fn secrets_are_fingerprints(store: &dyn Store) {
    let call = by("tok-1", "jockey.v1.ConfigSetService/UpdateConfigSet");
    let environment = store
        .create_environment("production".parse().unwrap(), None, &at(0))
        .await
        .unwrap();
    let variables = |value: &str| {
        let one = ("PASSWORD".parse().unwrap(), value.to_owned());
        Variables::new(BTreeMap::from([one])).unwrap()
    };
    let scope = ConfigScope::Environment(environment.id);
    let mut base = None;
    for value in ["swordfish", "trout", "swordfish"] {
        let variables = variables(value);
        let written = store.write_config(scope, base, &variables, &call);
        base = Some(written.await.unwrap().version);
    }
    let rows = rows(store).await;
    let of = |row: &AuditEntry| row.after.as_ref().unwrap()["variables.PASSWORD"].clone();
    assert_eq!(rows.len(), 3);
    assert_eq!(of(&rows[0]), of(&rows[2]), "the same value can be told");
    assert_ne!(of(&rows[0]), of(&rows[1]));
    assert_eq!(rows[1].before, rows[0].after);
    assert_eq!(rows[0].environment, Some(environment.id));
    let all = format!("{rows:?}");
    assert!(
        !all.contains("swordfish") && !all.contains("trout"),
        "{all}"
    );
}

pub async fn a_row_is_of_its_transaction(store: &dyn Store) {
    let call = by("tok-1", "jockey.v1.StackService/CreateStack");
    stack(store, "api", &call).await;
    let twin = store.create_stack("api".parse().unwrap(), &call).await;
    assert!(twin.is_err(), "refused");
    let trial = store.trial();
    trial
        .create_stack("gpu".parse().unwrap(), &call)
        .await
        .unwrap();
    assert_eq!(rows(store).await.len(), 1);
    store.note_audit("disks", &call).await.unwrap();
    let noted = rows(store).await.pop().unwrap();
    assert_eq!((&*noted.object, &*noted.kind), ("disks", "other"));
    assert_eq!((noted.before, noted.after), (None, None));
}

pub async fn rows_are_read_by_page_and_filter(store: &dyn Store) {
    let call = by("tok-1", "jockey.v1.StackService/CreateStack");
    for (name, actor) in [("a", "ada"), ("b", "bob"), ("c", "ada")] {
        let change = Change {
            actor: actor.to_owned(),
            ..call.clone()
        };
        stack(store, name, &change).await;
    }
    let page = |after| Page { size: 2, after };
    let every = AuditFilter::default();
    let first = store.audit_entries(&every, page(None)).await.unwrap();
    let rest = store.audit_entries(&every, page(first.next)).await.unwrap();
    assert_eq!(
        (first.items.len(), rest.items.len(), rest.next),
        (2, 1, None)
    );
    assert!(first.items[0].id > first.items[1].id, "newest first");
    let newest = first.items[0].clone();
    assert_eq!(
        store.find_audit_entry(newest.id).await.unwrap(),
        Some(newest.clone())
    );
    assert_eq!(*store.newest_audit_entry().borrow(), newest.id);
    let count = async |filter: AuditFilter| {
        let found = store.audit_entries(&filter, Page::ALL).await.unwrap();
        found.items.len()
    };
    let ada = AuditFilter {
        actor: Some("ada".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(count(ada).await, 2);
    let object = AuditFilter {
        object: Some(newest.object),
        ..AuditFilter::default()
    };
    assert_eq!(count(object).await, 1);
    let kinds = AuditFilter {
        kinds: vec!["app".to_owned()],
        ..AuditFilter::default()
    };
    assert_eq!(count(kinds).await, 0);
    let later = AuditFilter {
        since: Some(call.at + Duration::from_secs(1)),
        ..AuditFilter::default()
    };
    assert_eq!(count(later).await, 0);
}

pub async fn rows_are_sealed_behind_their_writers(store: &dyn Store) {
    let call = by("tok-1", "jockey.v1.StackService/CreateStack");
    for name in ["a", "b", "c"] {
        stack(store, name, &call).await;
    }
    let before = store.verify_audit().await.unwrap();
    assert!(before.is_sound(), "{before:?}");
    assert_eq!((before.rows, before.unsealed, before.head), (0, 3, None));
    assert_eq!(store.seal_audit(2).await.unwrap().rows, 2);
    let sealed = store.seal_audit(2).await.unwrap();
    assert_eq!((sealed.rows, sealed.anchored), (1, true));
    assert_eq!(store.seal_audit(2).await.unwrap().rows, 0);
    let numbers: Vec<_> = rows(store)
        .await
        .iter()
        .map(|row| row.seal.unwrap().number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    let after = store.verify_audit().await.unwrap();
    assert!(after.is_sound(), "{after:?}");
    assert_eq!((after.rows, after.unsealed), (3, 0));
    assert_eq!(after.head.unwrap().number, 3);
}

pub async fn old_rows_go_and_the_rest_still_holds(store: &dyn Store) {
    for (seconds, name) in [(0, "a"), (1, "b"), (2, "c"), (3, "d")] {
        let call = Change {
            at: at(seconds).at,
            ..by("tok-1", "jockey.v1.StackService/CreateStack")
        };
        stack(store, name, &call).await;
    }
    let keep = Keep {
        since: at(2).at,
        releases: 1,
    };
    let unsealed = store.forget(Old::Audit, keep, 100).await.unwrap();
    assert_eq!(unsealed, 0, "what is not sealed stays");
    store.seal_audit(100).await.unwrap();
    assert_eq!(store.forget(Old::Audit, keep, 1).await.unwrap(), 1);
    assert_eq!(store.forget(Old::Audit, keep, 100).await.unwrap(), 1);
    assert_eq!(store.forget(Old::Audit, keep, 100).await.unwrap(), 0);
    let verdict = store.verify_audit().await.unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.rows, verdict.pruned), (2, 2));
    stack(
        store,
        "e",
        &by("tok-1", "jockey.v1.StackService/CreateStack"),
    )
    .await;
    assert!(store.seal_audit(100).await.unwrap().anchored);
    let verdict = store.verify_audit().await.unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(verdict.head.unwrap().number, 5);
}

pub async fn people_are_seen(store: &dyn Store) {
    let seen = |login: &str, account, seconds| KnownPerson {
        person: Person {
            login: login.parse().unwrap(),
            id: AccountId(account),
            name: None,
        },
        role: Some(Role::Deployer),
        teams: vec!["acme/ops".parse().unwrap()],
        first_seen_at: START + Duration::from_secs(seconds),
        last_seen_at: START + Duration::from_secs(seconds),
    };
    store.see_person(&seen("mona", 2, 0)).await.unwrap();
    store.see_person(&seen("ada", 7, 1)).await.unwrap();
    store.see_person(&seen("lisa", 2, 60)).await.unwrap();
    let renamed = KnownPerson {
        first_seen_at: START,
        ..seen("lisa", 2, 60)
    };
    let found = store.find_person(AccountId(2)).await.unwrap();
    assert_eq!(found, Some(renamed.clone()));
    assert_eq!(store.find_person(AccountId(3)).await.unwrap(), None);
    assert_eq!(
        store.list_people().await.unwrap(),
        [seen("ada", 7, 1), renamed]
    );
}

pub async fn who_may_have_left_is_told_of(store: &dyn Store) {
    let told = async || {
        let of_people = EventFilter {
            kind: Some(Departure::KIND.to_owned()),
            ..EventFilter::default()
        };
        let every = EventId::new(0);
        let events = store.events_after(every, &of_people, 10).await.unwrap();
        let read = |event: &Event| Departure::of_facts(&event.facts);
        events.iter().map(read).collect::<Vec<_>>()
    };
    let acme: Login = "acme".parse().unwrap();
    let mona = Whose::Person {
        id: Some(AccountId(2)),
        login: Some("mona".parse().unwrap()),
    };
    let team = Whose::Team("acme/ops".parse().unwrap());
    let departures = [mona, team].map(|who| Departure::from(acme.clone(), who));
    for departure in &departures {
        let change = at(1);
        let telling = store.tell_of_departure(departure.clone(), &change);
        telling.await.unwrap();
    }
    assert_eq!(told().await, departures.map(Some));
}

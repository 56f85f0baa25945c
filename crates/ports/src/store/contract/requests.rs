//! Idempotency keys.

use super::world::{asked, at, new_app, refused, stack};
use crate::{
    Store,
    store::{
        Error,
        retention::{Keep, Old},
    },
};
use bytes::Bytes;

pub async fn a_request_happens_once(store: &dyn Store) {
    let stack = stack(store, "api").await;
    assert_eq!(store.find_request("ada", "r1").await.unwrap(), None);
    let made = store
        .create_app(new_app("shop", &stack), &asked("r1"))
        .await
        .unwrap();
    // The key is looked at before anything else is: the twin is not a twin but the same.
    let error = refused(
        store
            .create_app(new_app("shop", &stack), &asked("r1"))
            .await,
    );
    assert!(
        matches!(&error, Error::RequestKnown(id) if id == "r1"),
        "{error}"
    );
    let record = store.find_request("ada", "r1").await.unwrap().unwrap();
    assert_eq!(record.subject, made.id.to_string());
    assert_eq!((record.digest, record.answer), ([7; 32], None));
    let answer = Bytes::from_static(b"answer");
    store
        .answer_request("ada", "r1", answer.clone())
        .await
        .unwrap();
    let record = store.find_request("ada", "r1").await.unwrap().unwrap();
    assert_eq!(record.answer, Some(answer.clone()));
    let unknown = store.answer_request("ada", "r2", answer).await;
    assert!(matches!(refused(unknown), Error::NotFound { .. }));
    let forget = async |seconds| {
        let keep = Keep {
            since: at(seconds).at,
            releases: 0,
        };
        store.forget(Old::Requests, keep, 10).await.unwrap()
    };
    assert_eq!((forget(0).await, forget(1).await), (0, 1));
    assert_eq!(store.find_request("ada", "r1").await.unwrap(), None);
}

pub async fn keys_are_one_actors_own(store: &dyn Store) {
    store
        .create_stack("api".parse().unwrap(), &asked("r1"))
        .await
        .unwrap();
    let mut other = asked("r1");
    other.actor = "bob".to_owned();
    store
        .create_stack("gpu".parse().unwrap(), &other)
        .await
        .unwrap();
    assert!(store.find_request("bob", "r1").await.unwrap().is_some());
}

pub async fn a_refused_request_may_come_again(store: &dyn Store) {
    let api = stack(store, "api").await;
    let error = refused(store.create_stack(api.name.clone(), &asked("r1")).await);
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(store.find_request("ada", "r1").await.unwrap(), None);
    store
        .create_stack("gpu".parse().unwrap(), &asked("r1"))
        .await
        .unwrap();
}

//! Bearer tokens.

use super::world::{at, refused};
use crate::{
    Store,
    store::{
        Error,
        tokens::{NewToken, Terms},
    },
};
use domain::{TokenId, token::Role};

pub async fn a_token_is_found_by_its_hash_and_revoked(store: &dyn Store) {
    let new = NewToken {
        name: "ci".to_owned(),
        role: Role::Deployer,
        hash: [1; 32],
        expires_at: Some(at(3600).at),
    };
    let made = store.create_token(new.clone(), &at(0)).await.unwrap();
    assert_eq!(
        store.find_token(&[1; 32]).await.unwrap(),
        Some(made.clone())
    );
    assert_eq!(store.find_token(&[2; 32]).await.unwrap(), None);
    let twin = NewToken {
        hash: [2; 32],
        ..new
    };
    let error = refused(store.create_token(twin.clone(), &at(1)).await);
    assert!(matches!(error, Error::Exists { .. }), "{error}");

    store.touch_token(made.id, at(10).at).await.unwrap();
    store.touch_token(made.id, at(20).at).await.unwrap();
    let used = store
        .find_token(&[1; 32])
        .await
        .unwrap()
        .unwrap()
        .last_used_at;
    assert_eq!(used, Some(at(0).at), "to the minute");
    store.touch_token(made.id, at(80).at).await.unwrap();
    let used = store
        .find_token(&[1; 32])
        .await
        .unwrap()
        .unwrap()
        .last_used_at;
    assert_eq!(used, Some(at(60).at));

    let revoked = store.revoke_token(made.id, &at(90)).await.unwrap();
    assert!(!revoked.is_good(at(91).at));
    assert_eq!(
        store.find_token(&[1; 32]).await.unwrap(),
        Some(revoked.clone())
    );
    let second = store.create_token(twin, &at(92)).await.unwrap();
    assert_eq!(store.list_tokens().await.unwrap(), [revoked, second]);
    let unknown = store.revoke_token(TokenId::new(99), &at(93)).await;
    assert!(matches!(refused(unknown), Error::NotFound { .. }));
}

pub async fn a_token_gets_other_terms_and_keeps_its_hash(store: &dyn Store) {
    let new = |name: &str, hash| NewToken {
        name: name.to_owned(),
        role: Role::Viewer,
        hash: [hash; 32],
        expires_at: Some(at(3600).at),
    };
    let made = store.create_token(new("ci", 1), &at(0)).await.unwrap();
    store.create_token(new("other", 2), &at(0)).await.unwrap();
    let read = Terms::from(&made);
    let wanted = Terms {
        name: "robot".to_owned(),
        role: Role::Deployer,
        expires_at: None,
    };
    let update = |id, terms: &Terms, read: &Terms| {
        let (terms, read) = (terms.clone(), read.clone());
        async move { store.update_token(id, terms, read, &at(1)).await }
    };
    let changed = update(made.id, &wanted, &read).await.unwrap();
    assert_eq!(Terms::from(&changed), wanted);
    assert_eq!((changed.id, changed.created_at), (made.id, made.created_at));
    let found = store.find_token(&[1; 32]).await.unwrap();
    assert_eq!(found, Some(changed));

    let late = refused(update(made.id, &wanted, &read).await);
    assert!(matches!(late, Error::Stale { .. }), "{late}");
    let taken = Terms {
        name: "other".to_owned(),
        ..wanted.clone()
    };
    let error = refused(update(made.id, &taken, &wanted).await);
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    // Its own name is not another's.
    let viewer = Terms {
        role: Role::Viewer,
        ..wanted.clone()
    };
    let changed = update(made.id, &viewer, &wanted).await.unwrap();
    assert_eq!(changed.role, Role::Viewer);

    store.revoke_token(made.id, &at(2)).await.unwrap();
    for id in [made.id, TokenId::new(99)] {
        let gone = refused(update(id, &wanted, &viewer).await);
        assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    }
}

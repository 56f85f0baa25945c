//! Migrations, taken back and made again.

use crate::world::{Ground, change, on_both};
use ports::store::Stacks as _;
use store::Store;

on_both! {
    every_migration_can_be_taken_back_and_made_again,
}

async fn every_migration_can_be_taken_back_and_made_again(ground: Ground) {
    let stack = || "api".parse().unwrap();
    let store = ground.open().await;
    store.create_stack(stack(), &change()).await.unwrap();
    drop(store);
    let all = Store::migrations(ground.database()).await.unwrap().applied;
    let mut taken_back = Vec::new();
    while let Some(name) = Store::migrate_down(ground.database()).await.unwrap() {
        taken_back.push(name);
        let now = Store::migrations(ground.database()).await.unwrap();
        assert_eq!(now.pending.len(), taken_back.len(), "{now:?}");
    }
    assert!(
        taken_back.iter().rev().eq(&all),
        "the last first: {taken_back:?}"
    );
    let before = Store::migrate_up(ground.database()).await.unwrap();
    assert_eq!((before.applied.len(), before.pending), (0, all));
    // What was there is gone, and there is room for it again.
    let store = ground.open().await;
    store.create_stack(stack(), &change()).await.unwrap();
}

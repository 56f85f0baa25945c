//! What may be wrong with a database, and how it is told.

use crate::world::{Ground, change, on_both, open_in};
use ports::{
    Store as _,
    store::{Events as _, Stacks as _},
};
use std::{fs, os::unix::fs::PermissionsExt as _};
use store::{LockError, OpenError};

on_both! {
    what_was_written_is_there_when_opened_again,
    its_files_are_its_users_alone,
    a_newer_database_is_refused,
    a_second_server_is_told_who_serves,
    a_check_finds_nothing_wrong_with_what_is_whole,
}

async fn what_was_written_is_there_when_opened_again(ground: Ground) {
    let store = ground.open().await;
    let installation = store.installation();
    let made = store
        .create_stack("api".parse().unwrap(), &change())
        .await
        .unwrap();
    let newest = *store.newest_event().borrow();
    drop(store);
    let again = ground.open().await;
    assert_eq!(again.installation(), installation);
    assert_eq!(again.find_stack("api").await.unwrap(), Some(made));
    assert_eq!(*again.newest_event().borrow(), newest);
}

async fn its_files_are_its_users_alone(ground: Ground) {
    let store = ground.open().await;
    store
        .create_stack("api".parse().unwrap(), &change())
        .await
        .unwrap();
    let lock = store.serve_lock().unwrap();
    for file in fs::read_dir(ground.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
    drop(lock);
}

async fn a_newer_database_is_refused(ground: Ground) {
    drop(ground.open().await);
    ground.execute(&["INSERT INTO __diesel_schema_migrations (version) VALUES ('0099')"]);
    let error = ground.try_open().await.unwrap_err();
    assert!(
        matches!(&error, OpenError::Newer { version, .. } if version == "0099"),
        "{error}"
    );
    let words = error.to_string();
    assert!(words.contains("was made by a newer Jockey"), "{words}");
}

#[tokio::test]
async fn what_is_no_database_is_told_as_it_is() {
    let ground = Ground::file();
    let nowhere = ground.path().join("not/there");
    let error = open_in(&nowhere).await.unwrap_err();
    assert!(matches!(error, OpenError::NoDirectory { .. }), "{error}");
    fs::write(
        ground.file_path(),
        "a letter, and not a database: ".repeat(100),
    )
    .unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    fs::remove_file(ground.file_path()).unwrap();
    fs::create_dir(ground.file_path()).unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

async fn a_second_server_is_told_who_serves(ground: Ground) {
    let (first, second) = (ground.open().await, ground.open().await);
    let lock = first.serve_lock().unwrap();
    let error = second.serve_lock().unwrap_err();
    let LockError::Held { holder, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*holder, std::process::id().to_string());
    second
        .create_stack("api".parse().unwrap(), &change())
        .await
        .unwrap();
    drop(lock);
    second.serve_lock().unwrap();
}

async fn a_check_finds_nothing_wrong_with_what_is_whole(ground: Ground) {
    let store = ground.open().await;
    let checked = store.check().await.unwrap();
    assert_eq!(checked.damage, Vec::<String>::new());
    assert!(checked.size.as_bytes() > 0);
}

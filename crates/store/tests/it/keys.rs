//! Config values at rest.

use crate::world::{Ground, change, on_both};
use domain::{
    EnvironmentId,
    config::{ConfigScope, Variables},
};
use ports::store::{Configs as _, Environments as _, Error};
use std::fs;
use store::{BadKeys, KeySource, OpenError, RotateError, Store};

on_both! {
    a_missing_key_is_an_error_and_never_a_new_one,
    a_value_moved_to_another_row_does_not_open,
    a_key_is_exchanged_beside_a_server,
    an_exchange_that_was_cut_short_loses_nothing,
    a_key_may_be_given,
}

const PLANTED: &str = "correct-horse-battery-staple";
const SCOPE: ConfigScope = ConfigScope::Environment(EnvironmentId::new(1));

fn secret() -> Variables {
    Variables::new([("TOKEN".parse().unwrap(), PLANTED.to_owned())].into()).unwrap()
}

/// A database with a secret in it.
async fn planted(ground: &Ground) -> Store {
    let store = ground.open().await;
    let name = "production".parse().unwrap();
    store
        .create_environment(name, None, &change())
        .await
        .unwrap();
    store
        .write_config(SCOPE, None, &secret(), &change())
        .await
        .unwrap();
    store
}

async fn read(store: &Store) -> Result<Variables, Error> {
    Ok(store.find_config(SCOPE).await?.unwrap().variables)
}

fn holds(ground: &Ground, text: &str) -> Vec<String> {
    let files = fs::read_dir(ground.path())
        .unwrap()
        .map(|file| file.unwrap().path());
    let with = files.filter(|path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    });
    with.map(|path| path.display().to_string()).collect()
}

#[tokio::test]
async fn no_file_holds_a_secret() {
    let ground = Ground::file();
    let store = planted(&ground).await;
    assert_eq!(
        holds(&ground, PLANTED),
        Vec::<String>::new(),
        "in the write-ahead log"
    );
    assert_ne!(
        holds(&ground, "production"),
        Vec::<String>::new(),
        "the look is a real one"
    );
    let shown = format!("{store:?} {:?}", store.find_config(SCOPE).await.unwrap());
    assert!(!shown.contains(PLANTED), "{shown}");
    drop(store);
    assert_eq!(
        holds(&ground, PLANTED),
        Vec::<String>::new(),
        "in the database"
    );
    assert_eq!(read(&ground.open().await).await.unwrap(), secret());
}

async fn a_missing_key_is_an_error_and_never_a_new_one(ground: Ground) {
    drop(planted(&ground).await);
    let kept = fs::read(ground.key()).unwrap();
    fs::remove_file(ground.key()).unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Missing { .. })),
        "{error}"
    );
    assert!(!ground.key().exists());

    let elsewhere = ground.another();
    drop(elsewhere.open().await);
    fs::copy(elsewhere.key(), ground.key()).unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Wrong { .. })),
        "{error}"
    );
    fs::write(ground.key(), "nothing of a key").unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Malformed { .. })),
        "{error}"
    );

    fs::write(ground.key(), kept).unwrap();
    assert_eq!(read(&ground.open().await).await.unwrap(), secret());
}

async fn a_value_moved_to_another_row_does_not_open(ground: Ground) {
    let store = planted(&ground).await;
    let first = store.find_config(SCOPE).await.unwrap().unwrap();
    let other = Variables::new([("TOKEN".parse().unwrap(), "other".to_owned())].into()).unwrap();
    store
        .write_config(SCOPE, Some(first.version), &other, &change())
        .await
        .unwrap();
    drop(store);
    let moved =
        "UPDATE config_versions SET sealed = (SELECT sealed FROM config_versions WHERE number = 1)";
    ground.execute(&[moved]);
    let error = read(&ground.open().await).await.unwrap_err();
    assert!(matches!(&error, Error::Corrupt(_)), "{error}");
    assert!(!error.to_string().contains(PLANTED));
}

async fn a_key_is_exchanged_beside_a_server(ground: Ground) {
    let server = planted(&ground).await;
    let before = fs::read(ground.key()).unwrap();
    let command = ground.open().await;
    let rotated = command.rotate_keys().await.unwrap();
    assert_eq!(rotated.values, 1);
    assert_ne!(rotated.from, rotated.to);
    assert_ne!(fs::read(ground.key()).unwrap(), before);
    // The server meets the new key, reads and writes by it.
    assert_eq!(read(&server).await.unwrap(), secret());
    let set = server.find_config(SCOPE).await.unwrap().unwrap();
    server
        .write_config(SCOPE, Some(set.version), &secret(), &change())
        .await
        .unwrap();
    drop((server, command));
    assert_eq!(read(&ground.open().await).await.unwrap(), secret());
    fs::write(ground.key(), before).unwrap();
    let error = ground.try_open().await.unwrap_err();
    assert!(
        matches!(error, OpenError::Keys(BadKeys::Wrong { .. })),
        "{error}"
    );
}

async fn an_exchange_that_was_cut_short_loses_nothing(ground: Ground) {
    let store = planted(&ground).await;
    let old = fs::read_to_string(ground.key()).unwrap();
    store.rotate_keys().await.unwrap();
    let new = fs::read_to_string(ground.key()).unwrap();
    drop(store);
    // After the transaction and before the old key was dropped; and before the transaction, with one key too many.
    for file in [format!("{new}{old}"), format!("{old}{new}")] {
        fs::write(ground.key(), file).unwrap();
        let store = ground.open().await;
        assert_eq!(read(&store).await.unwrap(), secret());
    }
    let store = ground.open().await;
    store.rotate_keys().await.unwrap();
    drop(store);
    assert_eq!(read(&ground.open().await).await.unwrap(), secret());
    let lines = fs::read_to_string(ground.key()).unwrap();
    assert_eq!(
        lines.lines().filter(|line| !line.starts_with('#')).count(),
        1
    );
}

async fn a_key_may_be_given(ground: Ground) {
    let (one, two) = (
        format!("{}=", "A".repeat(43)),
        format!("{}=", "B".repeat(42) + "A"),
    );
    let open = async |keys: String| ground.try_open_with(KeySource::Given(keys.into())).await;
    let store = open(one.clone()).await.unwrap();
    let name = "production".parse().unwrap();
    store
        .create_environment(name, None, &change())
        .await
        .unwrap();
    store
        .write_config(SCOPE, None, &secret(), &change())
        .await
        .unwrap();
    let error = store.rotate_keys().await.unwrap_err();
    assert!(
        matches!(error, RotateError::Keys(BadKeys::NothingNew)),
        "{error}"
    );
    drop(store);
    let store = open(format!("{two},{one}")).await.unwrap();
    store.rotate_keys().await.unwrap();
    drop(store);
    assert!(open(one).await.is_err());
    assert_eq!(read(&open(two).await.unwrap()).await.unwrap(), secret());
    assert!(!ground.key().exists());
}

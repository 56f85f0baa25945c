//! Backups, and copies from one kind of database to the other.

mod history;
mod joined;

use crate::world::{Ground, change, on_both};
use domain::{
    EnvironmentId, EventId, Timestamp,
    audit::Proof,
    config::{ConfigScope, Variables},
    token::Role,
};
use ports::store::{
    Audit as _, Change, Configs as _, Environments as _, Events as _, Jobs as _, JoinedNodes as _,
    Leases as _, NodeLeases as _, Origin, Page, Requests as _, Sessions as _, Stacks as _,
    Tokens as _, audit::Asked, audit::AuditFilter, events::EventFilter, jobs::NewJob, leases,
    requests::RequestKey, sessions::NewSigningKey, tokens::NewToken,
};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{CopyError, LockError, OpenError, Store};

on_both! {
    a_restored_backup_is_what_was_backed_up,
    a_copy_of_the_other_kind_is_what_was_copied,
    a_backup_that_is_not_whole_is_refused,
    nothing_is_made_over_what_is_there,
    what_a_server_runs_on_is_not_taken_from_it,
}

const SCOPE: ConfigScope = ConfigScope::Environment(EnvironmentId::new(1));
const HOUR: Duration = Duration::from_secs(3600);

fn asked(request: &str) -> Change {
    Change {
        request: Some(RequestKey {
            id: request.to_owned(),
            method: "jockey.v1.Test/Ask".to_owned(),
            digest: [9; 32],
        }),
        origin: Origin::Asked(Arc::new(Asked {
            proof: Proof::Token,
            credential: "tok-1".to_owned(),
            action: "jockey.v1.Test/Ask".to_owned(),
            request: "call-1".to_owned(),
        })),
        ..change()
    }
}

/// Something of every kind that is stored in a way of its own: secrets, bytes, yes and no, nothing, and odd text.
async fn fill(store: &Store) {
    let name = "production".parse().unwrap();
    let change_of = asked("env");
    let environment = store.create_environment(name, None, &change_of);
    environment.await.unwrap();
    for number in 0..700 {
        let name = format!("s-{number}").parse().unwrap();
        store.create_stack(name, &change()).await.unwrap();
    }
    let last = store.find_stack("s-699").await.unwrap().unwrap();
    store.delete_stack(last.id, &change()).await.unwrap();
    let value = "a 'quoted' \"word\", a \\ and a \u{1f980}\nin two lines".to_owned();
    let variables = Variables::new([("TOKEN".parse().unwrap(), value)].into()).unwrap();
    let change_of = asked("config");
    let written = store.write_config(SCOPE, None, &variables, &change_of);
    written.await.unwrap();
    let token = NewToken {
        name: "ci".to_owned(),
        role: Role::Deployer,
        hash: [3; 32],
        expires_at: None,
    };
    store.create_token(token, &asked("token")).await.unwrap();
    let now = change().at;
    let key = NewSigningKey {
        private: SecretSlice::from(vec![0, 1, 255]),
        made_at: now,
        retired_before: Timestamp::EPOCH,
    };
    store.add_signing_key(key).await.unwrap();
    joined::join(store, &asked("join")).await;
    let job = NewJob {
        kind: "hook.test".to_owned(),
        key: "1".to_owned(),
        subject: "env-1".to_owned(),
        payload: SecretString::from("payload"),
        due_at: now,
        created_at: now,
    };
    store.enqueue_job(job).await.unwrap();
    match store.claim("environment/env-1", "one", HOUR).await.unwrap() {
        leases::Claim::Ours(fence) => history::fill(store, &fence).await,
        leases::Claim::Theirs { owner, .. } => panic!("it is {owner}'s"),
    }
    assert!(store.seal_audit(100).await.unwrap().anchored);
}

/// Everything, as it is read through the port.
async fn told(store: &Store) -> Vec<String> {
    let mut all = vec![
        format!("{}", ports::Store::installation(store)),
        format!(
            "{:?}",
            store.list_environments("", Page::ALL).await.unwrap()
        ),
        format!("{:?}", store.list_stacks("", Page::ALL).await.unwrap()),
        format!("{:?}", store.list_tokens().await.unwrap()),
        format!("{:?}", store.next_jobs().await.unwrap()),
        format!("{:?}", store.outbox().await.unwrap()),
        format!("{:?}", store.find_request("ada", "config").await.unwrap()),
        format!("{:?}", store.list_leases().await.unwrap()),
    ];
    let config = store.find_config(SCOPE).await.unwrap().unwrap();
    let values = config.variables.iter();
    all.extend(values.map(|(name, value)| format!("{name}={}", value)));
    all.push(format!("{:?}", store.joined_nodes().await.unwrap()));
    let authority = store.node_authority().await.unwrap().unwrap();
    all.push(format!("{:?}", authority.private.expose_secret()));
    let keys = store.signing_keys().await.unwrap();
    all.extend(
        keys.iter()
            .map(|key| format!("{:?}", key.private.expose_secret())),
    );
    let every = EventFilter::default();
    let events = store.events_after(EventId::new(0), &every, 1000).await;
    all.push(format!("{:?}", events.unwrap()));
    let audit = store
        .audit_entries(&AuditFilter::default(), Page::ALL)
        .await;
    all.push(format!("{:?}", audit.unwrap()));
    all.extend(history::told(store).await);
    all
}

/// The copy says what the first says, goes on with its numbers, and its audit log is whole.
async fn expect_copy(original: &[String], copy: &Ground) {
    let store = copy.open().await;
    assert_eq!(told(&store).await, original);
    let leases = store.node_leases().await.unwrap();
    assert!(leases.is_empty(), "nobody may rely upon the end of one");
    if !copy.is_shared() {
        // What is anchored of the original is beside that.
        store.accept_audit(&asked("accept")).await.unwrap();
    }
    let verdict = store.verify_audit().await.unwrap();
    assert!(verdict.is_sound() && verdict.rows > 0, "{verdict:?}");
    let name = "after".parse().unwrap();
    let next = store.create_stack(name, &change()).await.unwrap();
    assert_eq!(
        next.id.number(),
        701,
        "the number of the deleted one is not used again"
    );
    match store.claim("environment/env-1", "two", HOUR).await.unwrap() {
        leases::Claim::Theirs { owner, .. } => assert_eq!(owner, "one"),
        leases::Claim::Ours(fence) => panic!("{fence:?}: it is leased"),
    }
}

/// A new place, whose server has the same key.
fn for_copy(original: &Ground, copy: Ground) -> Ground {
    fs::copy(original.key(), copy.key()).unwrap();
    copy
}

async fn a_restored_backup_is_what_was_backed_up(ground: Ground) {
    let store = ground.open().await;
    fill(&store).await;
    let original = told(&store).await;
    let file = ground.path().join("backup");
    // Beside the server.
    let copied = Store::back_up(ground.database(), file.clone())
        .await
        .unwrap();
    assert_eq!(copied.rows["stacks"], 700);
    assert_eq!(copied.rows["meta"], 3);
    for place in [ground.another(), ground.of_the_other_kind()] {
        let copy = for_copy(&ground, place);
        let restored = Store::restore(file.clone(), copy.database()).await.unwrap();
        assert_eq!(restored, copied);
        expect_copy(&original, &copy).await;
    }
}

async fn a_copy_of_the_other_kind_is_what_was_copied(ground: Ground) {
    let store = ground.open().await;
    fill(&store).await;
    let original = told(&store).await;
    drop(store);
    let copy = for_copy(&ground, ground.of_the_other_kind());
    let copied = Store::import(ground.database(), copy.database())
        .await
        .unwrap();
    assert_eq!(copied.rows["stacks"], 700);
    expect_copy(&original, &copy).await;
    // And back.
    let back = for_copy(&ground, ground.another());
    Store::import(copy.database(), back.database())
        .await
        .unwrap();
    let store = back.open().await;
    assert!(store.find_stack("after").await.unwrap().is_some());
}

async fn a_backup_that_is_not_whole_is_refused(ground: Ground) {
    fill(&ground.open().await).await;
    let file = ground.path().join("backup");
    Store::back_up(ground.database(), file.clone())
        .await
        .unwrap();
    let whole = fs::read_to_string(&file).unwrap();
    let lines = whole.lines().count();
    let cut: Vec<&str> = whole.lines().take(lines - 1).collect();
    let event = whole.lines().find(|line| line.contains("stack.created"));
    let without = whole.replacen(event.unwrap(), "", 1).replace("\n\n", "\n");
    for (why, text) in [
        ("its end is missing", cut.join("\n")),
        ("a row is missing", without),
        ("a row was changed", whole.replacen("s-17\"", "s-0017\"", 1)),
        ("it is something else", "a letter".to_owned()),
        ("it is empty", String::new()),
    ] {
        assert_ne!(text, whole, "{why}");
        fs::write(&file, text).unwrap();
        let copy = for_copy(&ground, ground.another());
        let error = Store::restore(file.clone(), copy.database())
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                CopyError::BadBackup { .. } | CopyError::Differs { .. }
            ),
            "{why}: {error}"
        );
        assert!(!copy.file_path().exists(), "{why}: nothing is left");
        // So that the whole one can be tried next.
        fs::write(&file, &whole).unwrap();
        let restored = Store::restore(file.clone(), copy.database()).await;
        restored.expect(why);
    }
}

async fn nothing_is_made_over_what_is_there(ground: Ground) {
    drop(ground.open().await);
    let file = ground.path().join("backup");
    Store::back_up(ground.database(), file.clone())
        .await
        .unwrap();
    let again = Store::back_up(ground.database(), file.clone()).await;
    assert!(matches!(again, Err(CopyError::Exists(_))), "{again:?}");
    let over = Store::restore(file, ground.database()).await.unwrap_err();
    assert!(
        matches!(
            over,
            CopyError::Exists(_) | CopyError::Open(OpenError::NotEmpty { .. })
        ),
        "{over}"
    );
    let nothing = Store::back_up(ground.another().database(), ground.path().join("x")).await;
    assert!(matches!(nothing, Err(CopyError::Nothing(_))), "{nothing:?}");
}

async fn what_a_server_runs_on_is_not_taken_from_it(ground: Ground) {
    let store = ground.open().await;
    let lock = store.serve_lock().unwrap();
    let copy = ground.another();
    let is_served = |error: &OpenError| matches!(error, OpenError::Served { .. });
    let refused = Store::import(ground.database(), copy.database()).await;
    assert!(
        matches!(&refused, Err(CopyError::Open(error)) if is_served(error)),
        "{refused:?}"
    );
    let refused = Store::migrate_down(ground.database()).await;
    assert!(refused.as_ref().is_err_and(is_served), "{refused:?}");
    store
        .create_stack("api".parse().unwrap(), &change())
        .await
        .unwrap();
    drop((lock, store));
    let copied = Store::import(ground.database(), copy.database()).await;
    assert_eq!(copied.unwrap().rows["stacks"], 1);
    assert!(
        Store::migrate_down(ground.database())
            .await
            .unwrap()
            .is_some()
    );
}

/// What a killed server leaves: its file and what it has written last beside it.
async fn killed(ground: &Ground) {
    let store = ground.open().await;
    for number in 0..20 {
        let name = format!("lost-{number}").parse().unwrap();
        store.create_stack(name, &change()).await.unwrap();
    }
    let file = ground.file_path();
    let kept = ground.path().join("kept");
    fs::copy(beside(&file, "-wal"), &kept).unwrap();
    drop(store);
    fs::rename(kept, beside(&file, "-wal")).unwrap();
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_restored_beside_what_is_left_of_another() {
    let original = Ground::file();
    fill(&original.open().await).await;
    let backup = original.path().join("backup");
    let copied = Store::back_up(original.database(), backup.clone());
    let copied = copied.await.unwrap();
    let ground = for_copy(&original, Ground::file());
    killed(&ground).await;
    fs::remove_file(ground.file_path()).unwrap();
    let wal = beside(&ground.file_path(), "-wal");
    let refused = Store::restore(backup.clone(), ground.database()).await;
    assert!(
        matches!(&refused, Err(CopyError::Exists(path)) if *path == wal),
        "{refused:?}"
    );
    assert!(!ground.file_path().exists() && wal.exists());
    fs::remove_file(wal).unwrap();
    let restored = Store::restore(backup, ground.database()).await.unwrap();
    assert_eq!(restored, copied);
    assert_eq!(
        told(&ground.open().await).await,
        told(&original.open().await).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_server_has_locked_is_not_made() {
    let original = Ground::file();
    let store = original.open().await;
    let backup = original.path().join("backup");
    Store::back_up(original.database(), backup.clone())
        .await
        .unwrap();
    let _lock = store.serve_lock().unwrap();
    fs::remove_file(original.file_path()).unwrap();
    let refused = Store::restore(backup, original.database()).await;
    assert!(
        matches!(refused, Err(CopyError::Lock(LockError::Held { .. }))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_for_its_user_alone_whatever_was_left_in_its_place() {
    let ground = Ground::file();
    drop(ground.open().await);
    let backup = ground.path().join("backup");
    let draft = beside(&backup, ".new");
    let other = ground.path().join("other");
    fs::write(&other, "of somebody else").unwrap();
    std::os::unix::fs::symlink(&other, &draft).unwrap();
    Store::back_up(ground.database(), backup.clone())
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
    fs::remove_file(&backup).unwrap();
    fs::write(&draft, "half").unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o644)).unwrap();
    Store::back_up(ground.database(), backup.clone())
        .await
        .unwrap();
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    assert!(!draft.exists());
}

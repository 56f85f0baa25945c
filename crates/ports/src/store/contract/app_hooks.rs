//! Hooks of Apps, and pull requests.

use super::world::{at, by, shop};
use crate::{
    Store,
    store::{
        Error,
        app_hooks::{AppHook, HookEdit, SeenHook},
        audit::AuditFilter,
        events::EventFilter,
    },
};
use domain::{
    App, AppId, AuditEntry, AuditId, EventId,
    app_hook::{Signed, Standing},
    audit::differences,
    push::{BranchRule, Gate, Pushes, Start},
    webhook::Tip,
};
use secrecy::{ExposeSecret, SecretString};

fn shown(hook: &AppHook) -> (&str, &str, Signed, Standing, &str) {
    let secret = hook.secret.expose_secret();
    (
        hook.repo.as_str(),
        secret,
        hook.signed,
        hook.standing,
        &hook.detail,
    )
}

async fn kinds(store: &dyn Store, app: AppId) -> Vec<String> {
    let filter = EventFilter {
        kind: Some("hook".to_owned()),
        ..EventFilter::default()
    };
    let events = store
        .events_after(EventId::new(0), &filter, 100)
        .await
        .unwrap();
    assert!(events.iter().all(|event| event.app == Some(app)));
    events.into_iter().map(|event| event.kind).collect()
}

pub async fn a_hook_has_one_secret_until_somebody_changes_it(store: &dyn Store) {
    let shop = shop(store).await;
    let app = shop.app.id;
    let secret = |text: &str| SecretString::from(text);
    assert!(store.find_app_hook(app).await.unwrap().is_none());
    let nobody = store
        .ensure_app_hook(AppId::new(99), secret("a"), &at(1))
        .await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");
    let edit = |given: Option<&str>, signed, read| HookEdit {
        secret: given.map(SecretString::from),
        signed,
        fresh: secret("fresh"),
        read,
    };
    let none = store
        .change_app_hook(AppId::new(99), edit(Some("a"), None, 0), &at(1))
        .await;
    assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");

    store
        .ensure_app_hook(app, secret("one"), &at(1))
        .await
        .unwrap();
    let again = store
        .ensure_app_hook(app, secret("two"), &at(2))
        .await
        .unwrap();
    let repo = shop.app.repo.as_str();
    assert_eq!(
        shown(&again),
        (repo, "one", Signed::Sha256, Standing::Unmade, "")
    );
    let old = Some(Signed::Sha256OrSha1);
    store
        .change_app_hook(app, edit(None, old, 0), &at(3))
        .await
        .unwrap();
    store
        .change_app_hook(app, edit(Some("three"), None, 1), &at(4))
        .await
        .unwrap();
    let late = store
        .change_app_hook(app, edit(Some("four"), None, 1), &at(5))
        .await;
    assert!(matches!(late, Err(Error::Stale { .. })), "{late:?}");
    let found = store.find_app_hook(app).await.unwrap().unwrap();
    assert_eq!(
        shown(&found),
        (repo, "three", Signed::Sha256OrSha1, Standing::Unmade, "")
    );
    assert_eq!(found.edits, 2);
    assert_eq!(kinds(store, app).await, ["hook.changed", "hook.changed"]);
}

/// One call, one row, also where the hook is made by it; what signs is told apart in it, and not told.
pub async fn a_hook_that_is_changed_leaves_a_row_of_its_app(store: &dyn Store) {
    let app = shop(store).await.app.id;
    let call = by("tok-1", "jockey.v1.AppService/UpdateAppHook");
    let edit = |given: Option<&str>, read| HookEdit {
        secret: given.map(SecretString::from),
        signed: None,
        fresh: SecretString::from("swordfish"),
        read,
    };
    let made = store.change_app_hook(app, edit(None, 0), &call).await;
    assert_eq!(made.unwrap().secret.expose_secret(), "swordfish");
    let changed = store.change_app_hook(app, edit(Some("trout"), 1), &call);
    let changed = changed.await;
    assert_eq!(changed.unwrap().secret.expose_secret(), "trout");
    store
        .ensure_app_hook(app, SecretString::from("herring"), &call)
        .await
        .unwrap();

    let every = AuditFilter::default();
    let rows = store.audit_entries_after(AuditId::new(0), &every, 10);
    let rows = rows.await.unwrap();
    let [first, second] = &rows[..] else {
        panic!("one for each change: {rows:?}");
    };
    assert_eq!(first.object, app.to_string());
    let fields = |row: &AuditEntry| {
        let all = differences(row.before.as_ref(), row.after.as_ref());
        all.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(first), ["hook.secret", "hook.signed"]);
    assert_eq!(fields(second), ["hook.secret"]);
    assert_eq!(second.before, first.after);
    let all = format!("{rows:?}");
    assert!(
        !all.contains("swordfish") && !all.contains("trout"),
        "{all}"
    );
}

pub async fn what_is_seen_of_a_hook_is_told_once(store: &dyn Store) {
    let shop = shop(store).await;
    let app = shop.app.id;
    store
        .ensure_app_hook(app, SecretString::from("s"), &at(1))
        .await
        .unwrap();
    let failed = SeenHook {
        repo: "example/moved".parse().unwrap(),
        standing: Standing::Failed,
        detail: "no permission".to_owned(),
    };
    let active = SeenHook {
        standing: Standing::Active,
        detail: String::new(),
        ..failed.clone()
    };
    for (second, seen) in [(2, &failed), (3, &failed), (4, &active), (5, &active)] {
        store
            .note_app_hook(app, seen.clone(), &at(second))
            .await
            .unwrap();
        let found = store.find_app_hook(app).await.unwrap().unwrap();
        let want = (
            "example/moved",
            "s",
            Signed::Sha256,
            seen.standing,
            &*seen.detail,
        );
        assert_eq!(shown(&found), want);
        assert_eq!(found.checked_at, Some(at(second).at));
    }
    assert_eq!(kinds(store, app).await, ["hook.failed", "hook.active"]);

    store.delete_app(app, &at(6)).await.unwrap();
    assert!(
        store.find_app_hook(app).await.unwrap().is_some(),
        "it is still there, at the host"
    );
    store.tell_of_app(app, "hook.told", &at(6)).await.unwrap();
    assert_eq!(
        kinds(store, app).await,
        ["hook.failed", "hook.active", "hook.told"]
    );
    store.forget_app_hook(app).await.unwrap();
    assert!(store.find_app_hook(app).await.unwrap().is_none());
    let gone = store.note_app_hook(app, active, &at(7)).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
}

pub async fn the_tip_of_a_pull_request_is_the_latest(store: &dyn Store) {
    let shop = shop(store).await;
    let app = shop.app.id;
    let tip = |digit: char, repo: Option<&str>| Tip {
        commit: digit.to_string().repeat(40).parse().unwrap(),
        repo: repo.map(|repo| repo.parse().unwrap()),
    };
    let kept = async || -> Vec<(u64, Tip)> {
        let found = store.pull_requests(app).await.unwrap();
        found.into_iter().map(|one| (one.number, one.tip)).collect()
    };
    let fork = tip('b', Some("mona/shop"));
    for (number, tip) in [
        (7, Some(tip('a', None))),
        (3, Some(tip('c', None))),
        (7, Some(fork.clone())),
        (3, None),
        (9, None),
    ] {
        store.note_pull_request(app, number, tip).await.unwrap();
    }
    assert_eq!(kept().await, [(7, fork)]);
    store.delete_app(app, &at(2)).await.unwrap();
    assert_eq!(kept().await, []);
}

pub async fn what_follows_from_a_push_reads_back(store: &dyn Store) {
    let shop = shop(store).await;
    assert_eq!(shop.app.pushes, Pushes::default());
    let pushes = Pushes {
        built: vec!["main".parse().unwrap(), "release/*".parse().unwrap()],
        rules: vec![BranchRule {
            branches: "main".parse().unwrap(),
            environment: shop.environment.id,
            start: Start::ByHand,
            gate: Gate::ChecksGreen,
        }],
    };
    let edited = App {
        pushes: pushes.clone(),
        ..shop.app.clone()
    };
    let updated = store.update_app(&edited, shop.app.updated_at, &at(1)).await;
    assert_eq!(updated.unwrap().pushes, pushes);
    let found = store.find_app(shop.app.name.as_str()).await.unwrap();
    assert_eq!(found.unwrap().pushes, pushes);
}

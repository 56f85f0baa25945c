//! Whatever a caller changes is in the audit log, and nobody but an admin reads it.

mod old;
mod walk;

use crate::stage::{As, Stage, refusal};
use api::Times;
use domain::token::Role;
use ports::store::Audit as _;
use proto::v1::{
    self, audit_service_client::AuditServiceClient, user_service_client::UserServiceClient,
    version_service_client::VersionServiceClient,
};

fn text(text: &str) -> String {
    text.to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_admin_reads_the_log_and_nobody_else_does() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let mut audit = AuditServiceClient::new(admin.0.clone());
    let list = v1::ListAuditEntriesRequest {
        app: text("shop"),
        ..v1::ListAuditEntriesRequest::default()
    };
    let answer = audit
        .list_audit_entries(list.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.entries.len(), 1);
    let entry = &answer.entries[0];
    assert_eq!(
        (&*entry.actor, &*entry.proof, &*entry.app),
        ("admin", "token", "shop")
    );
    assert_eq!((&*entry.after["repo"], entry.number), ("shop/api", 0));
    stage.store.seal_audit(100).await.unwrap();
    let verdict = audit
        .verify_audit(v1::VerifyAuditRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (verdict.sound, verdict.entries, verdict.head_number),
        (true, 1, 1)
    );
    let mut export = audit
        .export_audit(v1::ExportAuditRequest::default())
        .await
        .unwrap()
        .into_inner();
    let first = export.message().await.unwrap().unwrap();
    assert_eq!(
        (&*first.entries[0].id, first.entries[0].number),
        ("aud-1", 1)
    );
    assert_eq!(export.message().await.unwrap(), None);
    for role in [Role::Viewer, Role::Deployer] {
        let other = stage.client(role).await;
        let mut audit = AuditServiceClient::new(other.0.clone());
        let said = refusal(audit.list_audit_entries(list.clone()).await);
        assert!(said.starts_with("PermissionDenied"), "{said}");
        let said = refusal(audit.verify_audit(v1::VerifyAuditRequest {}).await);
        assert!(said.starts_with("PermissionDenied"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_shows_what_differs_and_values_only_to_those_who_may_read_them() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    for value in ["swordfish", "trout"] {
        let set = v1::UpdateConfigSetRequest {
            app: text("shop"),
            environment: text("development"),
            set: [(text("PASSWORD"), text(value))].into(),
            ..v1::UpdateConfigSetRequest::default()
        };
        admin.configs().update_config_set(set).await.unwrap();
    }
    let viewer = stage.client(Role::Viewer).await;
    let list = v1::ListVersionsRequest {
        app: text("shop"),
        kind: v1::VersionKind::ConfigSet.into(),
        ..v1::ListVersionsRequest::default()
    };
    let one = |id: &str| v1::GetVersionRequest { version: text(id) };
    let password = |version: &v1::Version| {
        let mut found = version.differences.iter();
        let found = found.find(|d| d.field == "variables.PASSWORD").unwrap();
        (found.before.clone(), found.after.clone())
    };
    let stars = || Some(text("***"));
    for reader in [&viewer, &admin] {
        let mut versions = VersionServiceClient::new(reader.0.clone());
        let found = versions
            .list_versions(list.clone())
            .await
            .unwrap()
            .into_inner()
            .versions;
        assert_eq!(found.len(), 2);
        assert_eq!(
            password(&found[0]),
            (stars(), stars()),
            "a list shows no values"
        );
        assert_eq!(password(&found[1]), (None, stars()));
        assert!(found[0].masked && found[0].author == "admin");
        let shown = versions
            .get_version(one(&found[0].id))
            .await
            .unwrap()
            .into_inner();
        let shown = shown.version.unwrap();
        if shown.masked {
            assert_eq!(password(&shown), (stars(), stars()));
        } else {
            assert_eq!(
                password(&shown),
                (Some(text("swordfish")), Some(text("trout")))
            );
        }
        assert_eq!(shown.masked, std::ptr::eq(reader, &viewer));
    }
    let mut versions = VersionServiceClient::new(admin.0.clone());
    let said = refusal(versions.get_version(one("aud-99")).await);
    assert!(said.contains("UNKNOWN_VERSION"), "{said}");
}

/// Changes the repository of `shop`, and the port of a Worker of it.
async fn change_both(admin: &As) {
    let values = v1::App {
        repo: text("shop/store"),
        ..v1::App::default()
    };
    let update = v1::UpdateAppRequest {
        app: text("shop"),
        values: Some(values),
        ..v1::UpdateAppRequest::default()
    };
    admin.apps().update_app(update).await.unwrap();
    let worker = |port| v1::Worker {
        name: text("clock"),
        app: text("shop"),
        environment: text("development"),
        port: Some(port),
        ..v1::Worker::default()
    };
    let create = v1::CreateWorkerRequest {
        worker: Some(worker(9000)),
        ..v1::CreateWorkerRequest::default()
    };
    admin.workers().create_worker(create).await.unwrap();
    let update = v1::UpdateWorkerRequest {
        worker: text("clock"),
        app: text("shop"),
        environment: text("development"),
        values: Some(v1::Worker {
            port: Some(9001),
            ..v1::Worker::default()
        }),
        ..v1::UpdateWorkerRequest::default()
    };
    admin.workers().update_worker(update).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn versions_of_apps_and_workers_say_who_changed_what_and_when() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    change_both(&admin).await;
    let mut versions = VersionServiceClient::new(admin.0.clone());
    for (kind, environment, field, before, after) in [
        (v1::VersionKind::App, "", "repo", "shop/api", "shop/store"),
        (
            v1::VersionKind::Worker,
            "development",
            "port",
            "9000",
            "9001",
        ),
    ] {
        let list = v1::ListVersionsRequest {
            app: text("shop"),
            kind: kind.into(),
            ..v1::ListVersionsRequest::default()
        };
        let found = versions.list_versions(list).await.unwrap().into_inner();
        let [newest, first] = &found.versions[..] else {
            panic!("two versions: {found:?}");
        };
        assert_eq!((newest.kind(), first.kind()), (kind, kind));
        assert_eq!((&*newest.app, &*newest.environment), ("shop", environment));
        assert_eq!(
            (&*newest.author, newest.create_time.is_some()),
            ("admin", true)
        );
        let difference = |version: &v1::Version| {
            let mut all = version.differences.iter();
            let found = all.find(|difference| difference.field == field);
            found.map(|it| (it.before.clone(), it.after.clone()))
        };
        assert_eq!(
            difference(newest),
            Some((Some(text(before)), Some(text(after))))
        );
        assert_eq!(difference(first), Some((None, Some(text(before)))));
    }
}

#[tokio::test(start_paused = true)]
async fn people_who_have_called_are_users() {
    let policy =
        "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\nrole = \"deployer\"\n";
    let stage = Stage::granting(policy, Times::default()).await;
    let admin = stage.admin().await;
    let (person, token) = stage.person("mona", &["acme", "acme/ops"]);
    let mona = stage.bearing(Some(token));
    mona.apps()
        .list_apps(v1::ListAppsRequest::default())
        .await
        .unwrap();
    let mut users = UserServiceClient::new(admin.0.clone());
    let found = users
        .list_users(v1::ListUsersRequest::default())
        .await
        .unwrap()
        .into_inner()
        .users;
    let [user] = &found[..] else {
        panic!("one user: {found:?}");
    };
    assert_eq!((&*user.login, user.role()), ("mona", v1::Role::Deployer));
    assert_eq!(user.account, person.id.to_string());
    assert_eq!(user.teams, ["acme/ops"]);
    let get = |user: &str| v1::GetUserRequest { user: text(user) };
    for name in ["Mona", &*user.account] {
        let got = users.get_user(get(name)).await.unwrap().into_inner().user;
        assert_eq!(got.as_ref(), Some(user));
    }
    let said = refusal(users.get_user(get("nobody")).await);
    assert!(said.contains("UNKNOWN_USER"), "{said}");
    let said = refusal(
        UserServiceClient::new(mona.0.clone())
            .get_user(get("mona"))
            .await,
    );
    assert!(said.starts_with("PermissionDenied"), "{said}");
}

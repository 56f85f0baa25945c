//! Tokens that are shown and changed.

use crate::stage::{As, Stage, refusal};
use domain::token::Role;
use prost_types::FieldMask;
use proto::v1;

/// Values, and the names of the fields that are meant.
fn update(values: v1::Token, paths: &[&str]) -> v1::UpdateTokenRequest {
    v1::UpdateTokenRequest {
        token: "ci".to_owned(),
        values: Some(values),
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..v1::UpdateTokenRequest::default()
    }
}

fn named(name: &str) -> v1::Token {
    v1::Token {
        name: name.to_owned(),
        ..v1::Token::default()
    }
}

async fn shown(admin: &As, token: &str) -> Result<v1::Token, String> {
    let get = v1::GetTokenRequest {
        token: token.to_owned(),
    };
    match admin.tokens().get_token(get).await {
        Ok(answer) => Ok(answer.into_inner().token.unwrap()),
        Err(status) => Err(refusal::<()>(Err(status))),
    }
}

async fn changed(admin: &As, request: v1::UpdateTokenRequest) -> v1::Token {
    let answer = admin.tokens().update_token(request).await;
    answer.unwrap().into_inner().token.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_changed_keeps_its_secret_and_goes_by_its_new_role_at_once() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let bearer = stage.bearing(Some(stage.token("ci", Role::Viewer).await));
    let rescale = || async {
        let rescale = v1::RescaleWorkersRequest::default();
        refusal(bearer.workers().rescale_workers(rescale).await)
    };
    assert!(rescale().await.contains("ROLE_TOO_LOW"));
    let before = shown(&admin, "ci").await.unwrap();
    assert!(before.expire_time.is_some());

    let values = v1::Token {
        role: v1::Role::Deployer.into(),
        ..named("robot")
    };
    let request = update(values, &["name", "role", "expire_time"]);
    let after = changed(&admin, request).await;
    assert_eq!(
        (after.id.as_str(), after.name.as_str()),
        (&*before.id, "robot")
    );
    assert_eq!(after.expire_time, None, "it is meant, and has no value");
    assert_ne!(after.etag, before.etag);
    assert_eq!(shown(&admin, &before.id).await.unwrap(), after);
    let said = rescale().await;
    assert!(!said.contains("ROLE_TOO_LOW"), "{said}");
    let gone = shown(&admin, "ci").await.unwrap_err();
    assert!(gone.starts_with("NotFound UNKNOWN_TOKEN"), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_token_that_cannot_be_is_refused() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    stage.token("ci", Role::Viewer).await;
    let seen = shown(&admin, "ci").await.unwrap();
    let past = v1::Token {
        expire_time: Some(prost_types::Timestamp::default()),
        ..v1::Token::default()
    };
    let stale = v1::UpdateTokenRequest {
        etag: "another".to_owned(),
        ..update(named("robot"), &["name"])
    };
    for (why, request, want) in [
        ("taken", update(named("admin"), &["name"]), "EXISTS"),
        (
            "no name",
            update(named("a b"), &["name"]),
            "`a b` is no name",
        ),
        (
            "empty",
            update(named(""), &["name"]),
            "a token needs a name",
        ),
        (
            "no role",
            update(named(""), &["role"]),
            "a token needs a role",
        ),
        (
            "past",
            update(past, &["expire_time"]),
            "would have expired already",
        ),
        (
            "not its to change",
            update(named(""), &["id"]),
            "`id` cannot be changed",
        ),
        ("changed since", stale, "STALE_ETAG"),
    ] {
        let said = refusal(admin.tokens().update_token(request).await);
        assert!(said.contains(want), "{why}: {said}");
    }
    assert_eq!(shown(&admin, "ci").await.unwrap(), seen);

    let dry = v1::UpdateTokenRequest {
        dry_run: true,
        etag: seen.etag.clone(),
        ..update(named("robot"), &["name"])
    };
    let plan = admin.tokens().update_token(dry).await.unwrap().into_inner();
    assert_eq!(plan.token.unwrap().name, "robot");
    assert_eq!(plan.plan.unwrap().steps.len(), 1);
    assert_eq!(shown(&admin, "ci").await.unwrap(), seen);
}

//! Sessions: tokens of ours for people, for minutes.

use crate::stage::{As, Stage, refusal};
use api::Times;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{AuditId, Login, Membership, Person, audit::Proof, token::Role};
use ports::{
    outage::Outage,
    store::{Audit as _, audit::AuditFilter},
};
use proto::v1;
use std::time::Duration;
use tokio::time::advance;

const MINUTE: Duration = Duration::from_secs(60);

const POLICY: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

pub(crate) async fn list(client: &As) -> Result<(), tonic::Status> {
    let list = v1::ListAppsRequest::default();
    client.apps().list_apps(list).await.map(|_| ())
}

pub(crate) async fn exchange(client: &As) -> Result<String, tonic::Status> {
    let answer = client
        .tokens()
        .exchange_token(v1::ExchangeTokenRequest {})
        .await?;
    Ok(answer.into_inner().token)
}

/// Mona, who is an admin, and the token of a session of hers.
async fn session() -> (Stage, Person, String) {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let session = exchange(&stage.bearing(Some(token))).await.unwrap();
    (stage, mona, session)
}

fn acme() -> Login {
    "acme".parse().unwrap()
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(answer: Result<T, tonic::Status>, reason: &str) {
    let told = refusal(answer);
    assert!(
        told.starts_with(&format!("Unauthenticated {reason}")),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_says_who_it_is_and_needs_not_ask_github() {
    let (stage, _, token) = session().await;
    stage.directory.hours().fall_silent();
    let client = stage.bearing(Some(token));
    list(&client).await.unwrap();
    let who = client
        .system()
        .who_am_i(v1::WhoAmIRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(who.name, "github:mona");
    assert_eq!(who.authentication(), v1::Authentication::Session);
    assert_eq!(who.teams, ["acme/ops"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_five_minutes_and_renews_itself_while_github_confirms() {
    let (stage, mona, token) = session().await;
    let client = stage.bearing(Some(token));
    advance(4 * MINUTE).await;
    let renewed = stage.bearing(Some(exchange(&client).await.unwrap()));
    advance(MINUTE).await;
    is_refused(
        list(&client).await,
        "SESSION_EXPIRED: the session has expired",
    );
    list(&renewed).await.unwrap();
    stage.directory.member(&acme(), &mona, Membership::Absent);
    // She is out when it is renewed…
    let out = stage.bearing(Some(exchange(&renewed).await.unwrap()));
    let told = refusal(list(&out).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
    // … and at once when that is told.
    list(&renewed).await.unwrap();
    stage.told_of(&mona).await;
    let told = refusal(list(&renewed).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn while_github_is_silent_a_session_is_renewed_for_the_grace_and_no_longer() {
    let (stage, _, token) = session().await;
    stage.directory.hours().fall_silent();
    let mut client = stage.bearing(Some(token));
    for _ in 0..3 {
        advance(4 * MINUTE).await;
        client = stage.bearing(Some(exchange(&client).await.unwrap()));
    }
    // 12 minutes after GitHub last said so: 3 are left, whatever is renewed.
    advance(3 * MINUTE - Duration::from_secs(1)).await;
    list(&client).await.unwrap();
    let last = stage.bearing(Some(exchange(&client).await.unwrap()));
    advance(Duration::from_secs(1)).await;
    is_refused(list(&last).await, "SESSION_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn who_signs_out_ends_their_session() {
    let (stage, _, token) = session().await;
    let client = stage.bearing(Some(token));
    client
        .access()
        .sign_out(v1::SignOutRequest {})
        .await
        .unwrap();
    is_refused(
        list(&client).await,
        "SESSION_REVOKED: the session was ended",
    );
    is_refused(exchange(&client).await, "SESSION_REVOKED");
    let every = AuditFilter::default();
    let rows = stage.store.audit_entries_after(AuditId::new(0), &every, 10);
    let rows = rows.await.unwrap();
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}");
    };
    assert_eq!(row.action, "jockey.v1.AccessService/SignOut");
    assert_eq!(
        (row.proof, &*row.message),
        (Proof::Session, "ended a session")
    );
}

#[tokio::test(start_paused = true)]
async fn a_forged_session_is_refused() {
    let (stage, _, token) = session().await;
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let claims = String::from_utf8(decode(parts[1])).unwrap();
    assert!(claims.contains("\"mona\""), "{claims}");
    let grown = URL_SAFE_NO_PAD.encode(claims.replace("mona", "root"));
    let none = URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"kid\":\"1\"}");
    let symmetric = URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"kid\":\"1\"}");
    let stranger = String::from_utf8(decode(parts[0])).unwrap();
    let stranger = URL_SAFE_NO_PAD.encode(stranger.replace("\"1\"", "\"99\""));
    // Another Installation signs well, and is another.
    let (_other, _, foreign) = elsewhere().await;
    for forged in [
        format!("{}.{grown}.{}", parts[0], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{symmetric}.{}.{}", parts[1], parts[2]),
        format!("{stranger}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], "AAAA"),
        "eyJ.eyJ.".to_owned(),
        foreign,
    ] {
        let client = stage.bearing(Some(forged.clone()));
        is_refused(list(&client).await, "SESSION_UNKNOWN");
    }
}

#[tokio::test(start_paused = true)]
async fn who_makes_up_keys_is_not_looked_for_all_the_time() {
    let (stage, _, token) = session().await;
    let made_up = |number: u32| {
        let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"EdDSA\",\"kid\":\"{number}\"}}"));
        let rest = token.split_once('.').unwrap().1;
        stage.bearing(Some(format!("{header}.{rest}")))
    };
    is_refused(list(&made_up(98)).await, "SESSION_UNKNOWN");
    let told = refusal(list(&made_up(99)).await);
    assert!(
        told.starts_with("ResourceExhausted TOO_MANY_STRANGERS"),
        "{told}"
    );
    is_refused(list(&made_up(0)).await, "SESSION_UNKNOWN");
    list(&stage.bearing(Some(token.clone()))).await.unwrap();
    advance(Duration::from_secs(1)).await;
    is_refused(list(&made_up(99)).await, "SESSION_UNKNOWN");
}

async fn elsewhere() -> (Stage, Person, String) {
    session().await
}

#[tokio::test(start_paused = true)]
async fn a_new_key_signs_after_a_day_and_the_old_one_is_known_meanwhile() {
    let (stage, _, _) = session().await;
    let (_, token) = stage.person("lisa", &["acme/ops"]);
    let github = stage.bearing(Some(token));
    let day = 24 * 60 * MINUTE;
    advance(day - MINUTE).await;
    let old = exchange(&github).await.unwrap();
    advance(MINUTE).await;
    let new = exchange(&github).await.unwrap();
    let header = |token: &str| token.split_once('.').unwrap().0.to_owned();
    assert_ne!(header(&old), header(&new));
    for token in [old, new] {
        list(&stage.bearing(Some(token))).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_installation_is_not_exchanged() {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let client = stage.client(Role::Admin).await;
    let told = refusal(exchange(&client).await);
    assert!(
        told.starts_with("FailedPrecondition NOT_A_PERSON"),
        "{told}"
    );
    let told = refusal(client.access().sign_out(v1::SignOutRequest {}).await);
    assert!(
        told.starts_with("FailedPrecondition NOT_A_SESSION"),
        "{told}"
    );
}

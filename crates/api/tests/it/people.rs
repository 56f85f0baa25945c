//! People of GitHub: who is let in, what they may, and for how long.

use crate::stage::{As, Stage, refusal};
use api::Times;
use domain::{Login, Membership, token::Role};
use ports::{
    outage::Outage,
    sign_in::contract::{Consent, Visitor},
};
use proto::v1;
use std::time::Duration;
use tokio::time::advance;

const MINUTE: Duration = Duration::from_secs(60);

const POLICY: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/dev"
role = "deployer"
environments = ["development"]

[[grant]]
team = "acme/look"
role = "viewer"
apps = ["shop"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

async fn stage() -> Stage {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let other = v1::CreateAppRequest {
        app: Some(v1::App {
            name: "api".to_owned(),
            repo: "shop/other".to_owned(),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    };
    admin.apps().create_app(other).await.unwrap();
    stage
}

async fn apps(client: &As) -> Result<Vec<String>, tonic::Status> {
    let answer = client
        .apps()
        .list_apps(v1::ListAppsRequest::default())
        .await?;
    Ok(answer
        .into_inner()
        .apps
        .into_iter()
        .map(|app| app.name)
        .collect())
}

async fn deploy(client: &As, environment: &str) -> Result<(), tonic::Status> {
    let request = v1::CreateDeployRequest {
        app: "shop".to_owned(),
        environment: environment.to_owned(),
        dry_run: true,
        ..v1::CreateDeployRequest::default()
    };
    client.deploys().create_deploy(request).await.map(|_| ())
}

fn acme() -> Login {
    "acme".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_deployer_of_one_environment_is_refused_in_another_with_what_is_missing() {
    let stage = stage().await;
    stage.commit(1);
    let (_, token) = stage.person("mona", &["acme/dev"]);
    let mona = stage.bearing(Some(token));
    deploy(&mona, "development").await.unwrap();
    assert_eq!(
        refusal(deploy(&mona, "staging").await),
        "PermissionDenied NOT_GRANTED: github:mona may not call jockey.v1.DeployService/CreateDeploy: it takes a deployer of shop in staging, and no grant reaches there; `jockey whoami` shows what you are granted; who runs the server grants more"
    );
    let delete = v1::DeleteAppRequest {
        app: "shop".to_owned(),
        ..v1::DeleteAppRequest::default()
    };
    let told = refusal(mona.apps().delete_app(delete).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn who_is_in_no_team_may_nothing_and_is_told_who_they_are() {
    let stage = stage().await;
    let (_, token) = stage.person("hubot", &["acme"]);
    let hubot = stage.bearing(Some(token));
    let told = refusal(apps(&hubot).await);
    assert!(
        told.starts_with("PermissionDenied NOT_GRANTED: github:hubot may not call"),
        "{told}"
    );
    let who = hubot.system().who_am_i(v1::WhoAmIRequest {}).await.unwrap();
    let who = who.into_inner();
    assert_eq!(who.name, "github:hubot");
    assert_eq!(who.authentication(), v1::Authentication::GithubToken);
    assert_eq!(
        (who.grants, who.organisations),
        (Vec::new(), vec!["acme".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_what_its_reader_may_see_and_nothing_else() {
    let stage = stage().await;
    let (_, token) = stage.person("lisa", &["acme/look"]);
    let lisa = stage.bearing(Some(token));
    assert_eq!(apps(&lisa).await.unwrap(), ["shop"]);
    let events = lisa
        .events()
        .list_events(v1::ListEventsRequest::default())
        .await;
    let events = events.unwrap().into_inner().events;
    assert!(!events.is_empty());
    let apps: Vec<&str> = events.iter().map(|event| event.app.as_str()).collect();
    assert!(
        apps.contains(&"shop") && !apps.contains(&"api"),
        "{events:?}"
    );
    // What concerns no App and no Environment is the Installation's.
    assert!(events.iter().all(|event| !event.kind.starts_with("token")));
    let get = |app: &str| v1::GetAppRequest {
        app: app.to_owned(),
    };
    lisa.apps().get_app(get("shop")).await.unwrap();
    let told = refusal(lisa.apps().get_app(get("api")).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn values_are_shown_to_deployers_of_all_that_a_set_is_for() {
    let stage = stage().await;
    let (_, token) = stage.person("mona", &["acme/dev"]);
    let mona = stage.bearing(Some(token));
    let update = |environment: &str| v1::UpdateConfigSetRequest {
        environment: environment.to_owned(),
        app: "shop".to_owned(),
        set: [("KEY".to_owned(), "planted".to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    mona.configs()
        .update_config_set(update("development"))
        .await
        .unwrap();
    let admin = stage.bearing(Some(stage.token("root", Role::Admin).await));
    admin
        .configs()
        .update_config_set(update("staging"))
        .await
        .unwrap();
    let (_, token) = stage.person("lisa", &["acme/look"]);
    let lisa = stage.bearing(Some(token));
    for (client, environment, want) in [
        (&mona, "development", "planted"),
        (&lisa, "development", "***"),
        (&lisa, "staging", "***"),
    ] {
        let get = v1::GetConfigSetRequest {
            environment: environment.to_owned(),
            app: "shop".to_owned(),
            ..v1::GetConfigSetRequest::default()
        };
        let set = client.configs().get_config_set(get).await.unwrap();
        assert_eq!(set.into_inner().config_set.unwrap().values["KEY"], want);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_out_within_five_minutes_and_at_once_when_that_is_told() {
    let stage = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    apps(&client).await.unwrap();
    stage.directory.member(&acme(), &mona, Membership::Absent);
    advance(5 * MINUTE - Duration::from_secs(1)).await;
    apps(&client).await.unwrap();
    advance(Duration::from_secs(1)).await;
    let told = refusal(apps(&client).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");

    let (lisa, token) = stage.person("lisa", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    apps(&client).await.unwrap();
    stage.leaves(&lisa).await;
    let told = refusal(apps(&client).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn while_github_is_silent_who_was_confirmed_goes_on_for_a_grace_and_nobody_else() {
    const SILENT: &str = "Unavailable GITHUB_UNAVAILABLE: GitHub does not answer: connection timed out; nobody new is let in until it does; a token of this installation works all the same";
    let stage = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    apps(&client).await.unwrap();
    stage.directory.hours().fall_silent();
    let (_, fresh) = stage.person("lisa", &["acme/ops"]);
    assert_eq!(
        refusal(apps(&stage.bearing(Some(fresh.clone()))).await),
        SILENT
    );
    stage.directory.member(&acme(), &mona, Membership::Absent);
    advance(15 * MINUTE - Duration::from_secs(1)).await;
    apps(&client).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(refusal(apps(&client).await), SILENT);
    // A token of this Installation works all the same.
    apps(&stage.client(Role::Viewer).await).await.unwrap();
    stage.directory.hours().recover();
    let told = refusal(apps(&client).await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
    apps(&stage.bearing(Some(fresh))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_nobody_goes_on_while_github_is_silent() {
    // Whatever is asked for, its word counts for five minutes at most.
    let times = Times {
        cache: 60 * MINUTE,
        grace: Duration::ZERO,
    };
    let stage = Stage::granting(POLICY, times).await;
    let (_, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    apps(&client).await.unwrap();
    stage.directory.hours().fall_silent();
    advance(5 * MINUTE - Duration::from_secs(1)).await;
    apps(&client).await.unwrap();
    advance(Duration::from_secs(1)).await;
    let told = refusal(apps(&client).await);
    assert!(told.starts_with("Unavailable GITHUB_UNAVAILABLE"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_github_does_not_know_is_refused_and_guesses_are_bounded() {
    let stage = stage().await;
    let (_, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token.clone()));
    apps(&client).await.unwrap();
    let guess = |number: u32| stage.bearing(Some(format!("ghp_guess{number}")));
    assert_eq!(
        refusal(apps(&guess(0)).await),
        "Unauthenticated GITHUB_TOKEN_UNKNOWN: GitHub does not know the token; it may have expired or been revoked; sign in again with `jockey login`"
    );
    for number in 1..150 {
        refusal(apps(&guess(number)).await);
    }
    let told = refusal(apps(&guess(150)).await);
    assert!(
        told.starts_with("ResourceExhausted TOO_MANY_STRANGERS"),
        "{told}"
    );
    apps(&client).await.unwrap();
    stage.directory.revoke(&token.into());
    advance(5 * MINUTE).await;
    let told = refusal(apps(&client).await);
    assert!(
        told.starts_with("Unauthenticated GITHUB_TOKEN_UNKNOWN"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_organisation_that_keeps_tokens_out_is_one_that_nobody_is_in() {
    let stage = stage().await;
    let (_, token) = stage.person("mona", &["acme/ops"]);
    stage.directory.close(&acme());
    let told = refusal(apps(&stage.bearing(Some(token))).await);
    assert!(
        told.starts_with("PermissionDenied GITHUB_FORBIDS: GitHub does not let the token see this"),
        "{told}"
    );
}

async fn explain(
    client: &As,
    user: &str,
    action: &str,
    environment: &str,
) -> Result<String, tonic::Status> {
    let request = v1::ExplainAccessRequest {
        user: user.to_owned(),
        action: action.to_owned(),
        app: "shop".to_owned(),
        environment: environment.to_owned(),
    };
    let answer = client.access().explain_access(request).await?.into_inner();
    Ok(format!("{} {}", answer.allowed, answer.reason))
}

#[tokio::test(start_paused = true)]
async fn who_may_what_is_explained_to_everybody_of_themselves_and_to_admins_of_others() {
    let stage = stage().await;
    let (_, token) = stage.person("mona", &["acme/dev"]);
    let mona = stage.bearing(Some(token));
    let granted = "true deployer of every app in development, as team acme/dev";
    let missing = "false it takes a deployer of shop in staging, and no grant reaches there";
    assert_eq!(
        explain(&mona, "", "CreateDeploy", "development")
            .await
            .unwrap(),
        granted
    );
    assert_eq!(
        explain(&mona, "", "deployer", "staging").await.unwrap(),
        missing
    );
    let told = refusal(explain(&mona, "root", "deployer", "staging").await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
    let told = refusal(explain(&mona, "", "Explode", "staging").await);
    assert!(
        told.starts_with("InvalidArgument INVALID_FIELD [action]"),
        "{told}"
    );

    let admin = stage.bearing(Some(stage.token("root", Role::Admin).await));
    for (user, want) in [
        ("mona", missing),
        ("acme/dev", missing),
        ("acme", missing),
        ("acme/ops", "true admin of everything, as team acme/ops"),
        ("root", "true admin of everything, as token root"),
    ] {
        let told = explain(&admin, user, "CreateDeploy", "staging").await;
        assert_eq!(told.unwrap(), want, "{user}");
    }
    let told = refusal(explain(&admin, "nobody", "deployer", "staging").await);
    assert!(
        told.starts_with("NotFound UNKNOWN_PERSON: `nobody` is not known here"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_terminal_signs_in_by_a_code_that_the_person_types() {
    let stage = stage().await;
    let nobody = stage.bearing(None);
    let begun = nobody
        .access()
        .start_sign_in(v1::StartSignInRequest {})
        .await;
    let begun = begun.unwrap().into_inner();
    let poll = || {
        let request = v1::PollSignInRequest {
            device_code: begun.device_code.clone(),
        };
        let nobody = nobody.clone();
        async move { nobody.access().poll_sign_in(request).await }
    };
    let stands = poll().await.unwrap().into_inner();
    assert_eq!(stands.state(), v1::SignInState::Pending);
    stage.sign_in.answer(&begun.user_code, Consent::Yes);
    stage.clock.forward(Duration::from_secs(5));
    let stands = poll().await.unwrap().into_inner();
    assert_eq!(stands.state(), v1::SignInState::Granted);
    let (mona, _) = stage.person("mona", &["acme/ops"]);
    stage.directory.token(&mona, &stands.token.clone().into());
    apps(&stage.bearing(Some(stands.token))).await.unwrap();
    let told = refusal(poll().await);
    assert!(told.starts_with("InvalidArgument SIGN_IN_CODE"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_follows_ends_when_they_are_to_be_confirmed_again() {
    let stage = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    let mut client = client.events();
    let mut watch = async || client.watch_events(v1::WatchEventsRequest::default()).await;
    let mut events = watch().await.unwrap().into_inner();
    stage.directory.member(&acme(), &mona, Membership::Absent);
    advance(5 * MINUTE).await;
    assert_eq!(
        refusal(events.message().await),
        "Unavailable SHOW_AGAIN: it is time to show again who follows; follow again; nothing is lost"
    );
    let told = refusal(watch().await);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

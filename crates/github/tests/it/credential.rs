use crate::stage::{Stage, git_ref, login, repo, settings};
use github::{App, AppKey};
use ports::{
    code_host::{Error, Hooks, Repositories},
    source::{self, Credentials},
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use testkit::{fake::Clock, github as fixture};

const MADE: &str = "POST /app/installations/";

/// How many tokens of installations were made.
fn made(stage: &Stage) -> usize {
    let requests = stage.github.requests();
    let is = |r: &&fixture::Request| format!("{} {}", r.method, r.path).starts_with(MADE);
    requests.iter().filter(is).count()
}

#[tokio::test]
async fn a_token_is_made_when_it_is_needed_and_kept_until_shortly_before_it_expires() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    assert_eq!(made(&stage), 0, "not before it is needed");
    for _ in 0..3 {
        adapter.repository(&stage.repo).await.unwrap();
    }
    assert_eq!(made(&stage), 1);
    // An hour, of which the last five minutes are spared.
    stage.github.clock().forward(Duration::from_secs(54 * 60));
    adapter.repository(&stage.repo).await.unwrap();
    assert_eq!(made(&stage), 1);
    stage.github.clock().forward(Duration::from_secs(2 * 60));
    adapter.repository(&stage.repo).await.unwrap();
    assert_eq!(made(&stage), 2);
}

#[tokio::test]
async fn each_account_has_a_token_of_its_own() {
    let stage = Stage::new().await;
    let globex = stage.github.organisation("globex");
    stage.github.install(&globex);
    stage.github.install(&stage.person.login);
    let adapter = stage.adapter();
    let mut tokens = Vec::new();
    for name in ["acme/shop", "acme/other", "globex/site", "mona/dotfiles"] {
        let token = Credentials::token(&*adapter, &repo(name)).await.unwrap();
        tokens.push(token.unwrap().expose_secret().to_owned());
    }
    assert_eq!(tokens[0], tokens[1]);
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_made_anew_once() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let main = git_ref("main");
    adapter.branch_head(&stage.repo, &main).await.unwrap();
    stage.github.revoke_installation_tokens();
    let head = adapter.branch_head(&stage.repo, &main).await;
    assert_eq!(head, Ok(Some(stage.tip.clone())));
    assert_eq!(made(&stage), 2);
    stage.github.revoke_installation_tokens();
    let hook = adapter.find_hook(&stage.repo, "https://a.example").await;
    assert_eq!(hook, Ok(None));
    assert_eq!(made(&stage), 3);
}

#[tokio::test]
async fn without_an_app_at_an_account_the_one_token_serves() {
    let stage = Stage::new().await;
    let mut both = settings(&stage.github);
    both.token = Some(stage.token.clone());
    let both = stage.adapter_with(both);
    let token = async |name: &str| {
        let token = Credentials::token(&*both, &repo(name)).await.unwrap();
        token.unwrap().expose_secret().to_owned()
    };
    assert!(
        token("acme/shop").await.starts_with("ghs_"),
        "the App first"
    );
    assert_eq!(token("mona/dotfiles").await, stage.token.expose_secret());

    let mut alone = settings(&stage.github);
    (alone.app, alone.token) = (None, Some(stage.token.clone()));
    let alone = stage.adapter_with(alone);
    let found = alone.repository(&stage.repo).await;
    assert_eq!(found.unwrap().name, stage.repo);
    stage.github.revoke(&stage.token);
    let error = alone.repository(&stage.repo).await.unwrap_err();
    assert!(matches!(error, Error::BadCredential { .. }), "{error}");
}

#[tokio::test]
async fn where_there_is_no_credential_it_is_said_why() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    stage.github.suspend(&stage.acme);
    let error = adapter.repository(&stage.repo).await.unwrap_err();
    let Error::NoCredential { account, detail } = &error else {
        panic!("{error}");
    };
    assert_eq!(account, &login("acme"));
    assert!(detail.contains("suspended"), "{detail}");

    stage.github.uninstall(&stage.acme);
    let error = adapter.repository(&stage.repo).await.unwrap_err();
    assert!(error.to_string().contains("install it"), "{error}");
    let token = Credentials::token(&*adapter, &stage.repo).await;
    assert!(matches!(token, Ok(None)), "a public one needs none");
}

#[tokio::test]
async fn a_key_or_an_id_that_is_not_the_apps_is_told_from_an_outage() {
    let stage = Stage::new().await;
    let own = fixture::APP_ID.to_string();
    for (id, key, words) in [
        (own.as_str(), fixture::OTHER_KEY, "could not be decoded"),
        ("99", fixture::APP_KEY, "Integration not found"),
        ("Iv1.nobody", fixture::APP_KEY, "'Issuer' claim"),
    ] {
        let mut wrong = settings(&stage.github);
        wrong.app = Some(App {
            id: id.to_owned(),
            key: AppKey::from_pem(&SecretString::from(key)).unwrap(),
        });
        // Whoever has configured an App is not served by something else without being told.
        wrong.token = Some(stage.token.clone());
        let wrong = stage.adapter_with(wrong);
        let error = wrong.repository(&stage.repo).await.unwrap_err();
        assert!(matches!(error, Error::BadCredential { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        let error = Credentials::token(&*wrong, &stage.repo).await.unwrap_err();
        assert!(matches!(error, source::Error::Denied { .. }), "{error}");
    }

    stage.github.disappear().await;
    let adapter = stage.adapter();
    let error = Credentials::token(&*adapter, &stage.repo)
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let stage = Stage::new().await;
    let own = Arc::new(Clock::default());
    let reach = async || {
        let adapter = github::GitHub::new(settings(&stage.github), own.clone()).unwrap();
        adapter.repository(&stage.repo).await
    };
    own.forward(Duration::from_secs(50));
    reach().await.expect("ahead");
    own.backward(Duration::from_secs(100));
    reach().await.expect("behind");
}

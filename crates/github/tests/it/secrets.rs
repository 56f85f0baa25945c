//! No secret is in an error, in a `Debug`, or in what is logged at any level.

use crate::stage::{Stage, git_ref, settings};
use github::AppKey;
use ports::{
    Directory, SignIn,
    code_host::{Hooks, Reports, Repositories, hooks::NewHook},
    sign_in::WebSignIn,
    source::Credentials,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use testkit::github::{self as fixture, Weather};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const HOOK_SECRET: &str = "planted-hook-secret-4711";
const STATE: &str = "planted-state-0815";
const VERIFIER: &str = "planted-verifier-0123456789012345678901234567890123";

/// Everything that an adapter is asked for, and what all of it looked like.
async fn everything(stage: &Stage, adapter: &github::GitHub) -> Vec<String> {
    let begun = WebSignIn {
        state: SecretString::from(STATE),
        verifier: SecretString::from(VERIFIER),
        redirect: fixture::CALLBACK.to_owned(),
    };
    let hook = NewHook {
        address: "https://jockey.example/github_webhooks/1".to_owned(),
        secret: SecretString::from(HOOK_SECRET),
        events: ["push".to_owned()].into(),
    };
    let code = SecretString::from("planted-code-42");
    let device = adapter.start_device().await;
    let device_code = SecretString::from("planted-device-code");
    vec![
        format!("{begun:?} {hook:?} {device:?}"),
        format!("{:?}", adapter.identify(&stage.token).await),
        format!("{:?}", adapter.membership(&stage.token, &stage.acme).await),
        format!(
            "{:?}",
            adapter
                .teams(&stage.token, &[stage.acme.clone()].into())
                .await
        ),
        format!(
            "{:?}",
            adapter.membership_of(&stage.person, &stage.acme).await
        ),
        format!("{:?}", adapter.repository(&stage.repo).await),
        format!(
            "{:?}",
            adapter
                .move_tag(&stage.repo, &git_ref("x"), &stage.tip)
                .await
        ),
        format!("{:?}", adapter.ensure_hook(&stage.repo, &hook).await),
        format!("{:?}", adapter.exchange(&code, &begun).await),
        format!("{:?}", adapter.poll_device(&device_code).await),
        format!("{:?}", Credentials::token(adapter, &stage.repo).await),
    ]
}

#[tokio::test]
async fn no_secret_is_told() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::trace!("what is logged is read");

    let stage = Stage::new().await;
    let mut told = settings(&stage.github);
    told.token = Some(stage.token.clone());
    let mut seen = vec![format!("{told:?}")];
    let adapter = stage.adapter_with(told);
    let installation = Credentials::token(&*adapter, &stage.repo).await.unwrap();
    let installation = installation.unwrap();
    for weather in [Weather::Fair, Weather::BadGateway, Weather::Portal] {
        stage.github.weather(weather);
        seen.extend(everything(&stage, &adapter).await);
    }
    stage.github.weather(Weather::Fair);
    stage.github.revoke(&stage.token);
    seen.extend(everything(&stage, &adapter).await);
    stage.github.disappear().await;
    seen.extend(everything(&stage, &adapter).await);
    let odd = SecretString::from("planted\nodd-token");
    seen.push(format!("{:?}", adapter.identify(&odd).await));
    let bad = SecretString::from("-----BEGIN planted-key");
    seen.push(format!("{:?}", AppKey::from_pem(&bad)));

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("what is logged is read"));
    seen.push(logged);
    let second_line = fixture::APP_KEY.lines().nth(1).unwrap();
    for secret in [
        "planted",
        stage.token.expose_secret(),
        installation.expose_secret(),
        fixture::CLIENT_SECRET,
        second_line,
        // Of every token that the App signs: `{"typ":"JWT","alg":"RS256"}`.
        "eyJ0eXAiOiJKV1Qi",
    ] {
        let told = seen.iter().find(|text| text.contains(secret));
        assert!(told.is_none(), "`{secret}` is in: {}", told.unwrap());
    }
}

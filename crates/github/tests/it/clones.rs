//! What the adapter hands out is what git needs.

use crate::stage::{Stage, repo};
use base64::{Engine, engine::general_purpose::STANDARD};
use ports::source::Credentials;
use secrecy::{ExposeSecret, SecretString};
use std::process::Stdio;
use tokio::process::Command;

/// What git says of `main`; none when it is not let in.
async fn head(address: &str, token: Option<&SecretString>) -> Option<String> {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    if let Some(token) = token {
        let basic = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
        git.arg("-c")
            .arg(format!("http.extraHeader=Authorization: Basic {basic}"));
    }
    let output = git.args(["ls-remote", address, "refs/heads/main"]).output();
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let sha = text.split_whitespace().next()?.to_owned();
    output.status.success().then_some(sha)
}

#[tokio::test]
async fn git_gets_in_with_the_installations_token_and_not_without() {
    let stage = Stage::new().await;
    let address = format!("{}/acme/shop", stage.github.url());
    assert_eq!(head(&address, None).await, None);
    let adapter = stage.adapter();
    let token = adapter.token(&stage.repo).await.unwrap().unwrap();
    let found = head(&address, Some(&token)).await;
    assert_eq!(found.as_deref(), Some(stage.tip.as_str()));
    let old = format!("{}/acme/store", stage.github.url());
    let found = head(&old, Some(&token)).await;
    assert_eq!(found.as_deref(), Some(stage.tip.as_str()), "its old name");
    assert_eq!(head(&old, None).await, None);

    let globex = stage.github.organisation("globex");
    stage.github.install(&globex);
    let foreign = adapter.token(&repo("globex/site")).await.unwrap().unwrap();
    assert_eq!(
        head(&address, Some(&foreign)).await,
        None,
        "another account's"
    );
    stage
        .github
        .clock()
        .forward(std::time::Duration::from_secs(3600));
    assert_eq!(head(&address, Some(&token)).await, None, "an hour later");

    stage.github.publish(&stage.repo);
    let found = head(&address, None).await;
    assert_eq!(found.as_deref(), Some(stage.tip.as_str()), "public");
}

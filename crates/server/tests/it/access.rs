//! Who is let in, and what they may do.

use crate::{
    calls::{Clients, DEVELOPMENT, contains, refused},
    harness::{Jockeyd, PATIENCE},
};
use anyhow::ensure;
use proto::v1;
use std::time::{Duration, Instant};
use tonic::Code;

fn apps() -> v1::ListAppsRequest {
    v1::ListAppsRequest::default()
}

fn app(name: &str) -> v1::CreateAppRequest {
    v1::CreateAppRequest {
        app: Some(v1::App {
            name: name.to_owned(),
            repo: format!("example/{name}"),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    }
}

#[tokio::test]
async fn a_call_without_a_token_is_refused() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let mut client = v1::app_service_client::AppServiceClient::new(server.channel());
    let words = ["bears no token", "jockeyd token create"];
    refused(client.list_apps(apps()).await).says(Code::Unauthenticated, "TOKEN_MISSING", &words);
    // Whether it is up may be asked by anybody.
    server.serving().await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_refused() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let good = std::fs::read_to_string(server.file("admin-token"))?;
    let (cut, _) = good.trim().split_at(good.trim().len() - 1);
    for wrong in ["nonsense", cut, &good.trim().to_uppercase()] {
        let answer = Clients(server.api_as(wrong)).apps().list_apps(apps()).await;
        refused(answer).says(Code::Unauthenticated, "TOKEN_UNKNOWN", &["not known here"]);
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_token_is_refused() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let token = server
        .token("viewer", &["--name", "short", "--expires", "1s"])
        .await?;
    let deadline = Instant::now() + PATIENCE;
    let refusal = loop {
        let caller = Clients(server.api_as(&token));
        match caller.apps().list_apps(apps()).await {
            Ok(_) => ensure!(Instant::now() < deadline, "it is let in for ever"),
            refusal => break refused(refusal),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    refusal.says(
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
        &["short", "expired"],
    );
    Ok(())
}

#[tokio::test]
async fn a_deleted_token_is_refused_at_once() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let token = server.token("viewer", &["--name", "gone"]).await?;
    let caller = Clients(server.api_as(&token));
    caller.apps().list_apps(apps()).await?;
    let request = v1::DeleteTokenRequest {
        token: "gone".to_owned(),
        ..v1::DeleteTokenRequest::default()
    };
    server.admin().tokens().delete_token(request).await?;
    let answer = caller.apps().list_apps(apps()).await;
    refused(answer).says(Code::Unauthenticated, "TOKEN_REVOKED", &["gone"]);
    Ok(())
}

#[tokio::test]
async fn a_viewer_sees_and_changes_nothing() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let token = server.token("viewer", &[]).await?;
    let viewer = Clients(server.api_as(&token));
    viewer.apps().list_apps(apps()).await?;
    let who = viewer.system().who_am_i(v1::WhoAmIRequest {}).await?;
    assert_eq!(who.into_inner().token.expect("it").role(), v1::Role::Viewer);

    let (denied, reason) = (Code::PermissionDenied, "ROLE_TOO_LOW");
    let words = ["a viewer may not call", "it takes a deployer"];
    let deploy = v1::CreateDeployRequest {
        dry_run: true,
        ..v1::CreateDeployRequest::default()
    };
    refused(viewer.deploys().create_deploy(deploy).await).says(denied, reason, &words);
    let config = v1::UpdateConfigSetRequest::default();
    refused(viewer.configs().update_config_set(config).await).says(denied, reason, &words);
    let rescale = v1::RescaleWorkersRequest::default();
    refused(viewer.workers().rescale_workers(rescale).await).says(denied, reason, &words);
    let words = ["a viewer may not call", "it takes an admin"];
    refused(viewer.apps().create_app(app("mine")).await).says(denied, reason, &words[..1]);
    let tokens = v1::ListTokensRequest::default();
    refused(viewer.tokens().list_tokens(tokens).await).says(denied, reason, &words[..1]);
    assert!(
        server
            .admin()
            .apps()
            .list_apps(apps())
            .await?
            .into_inner()
            .apps
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn a_deployer_deploys_and_makes_no_apps_or_tokens() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("given").await?;
    let token = server.token("deployer", &["--name", "ci"]).await?;
    let deployer = Clients(server.api_as(&token));
    let deploy = v1::CreateDeployRequest {
        app: "given".to_owned(),
        environment: DEVELOPMENT.to_owned(),
        ..v1::CreateDeployRequest::default()
    };
    let answer = deployer.deploys().create_deploy(deploy).await?.into_inner();
    assert_eq!(answer.deploy.expect("a deploy").author, "ci");

    let (denied, reason) = (Code::PermissionDenied, "ROLE_TOO_LOW");
    let words = ["a deployer may not call"];
    refused(deployer.apps().create_app(app("mine")).await).says(denied, reason, &words);
    let token = v1::CreateTokenRequest::default();
    refused(deployer.tokens().create_token(token).await).says(denied, reason, &words);
    Ok(())
}

#[tokio::test]
async fn a_token_made_through_the_api_is_shown_once() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let request = v1::CreateTokenRequest {
        token: Some(v1::Token {
            name: "robot".to_owned(),
            role: v1::Role::Viewer.into(),
            ..v1::Token::default()
        }),
        ..v1::CreateTokenRequest::default()
    };
    let mut tokens = server.admin().tokens();
    let made = tokens.create_token(request.clone()).await?.into_inner();
    Clients(server.api_as(&made.secret))
        .apps()
        .list_apps(apps())
        .await?;
    let listed = tokens.list_tokens(v1::ListTokensRequest::default()).await?;
    assert!(!format!("{listed:?}").contains(&made.secret));
    let taken = refused(tokens.create_token(request).await);
    assert_eq!(taken.code, Code::AlreadyExists, "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn the_admin_token_of_a_development_server_is_its_users_alone() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut server = Jockeyd::start().await?;
    let token = std::fs::read_to_string(server.file("admin-token"))?;
    let names = ["admin-token", "key", "jockey.db"];
    // The tables are somewhere else, where they are PostgreSQL's.
    let count = if server.keeps_a_file() { 3 } else { 2 };
    for name in &names[..count] {
        let mode = std::fs::metadata(server.file(name))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    server.kill()?;
    server.resume().await?;
    assert_eq!(std::fs::read_to_string(server.file("admin-token"))?, token);
    Ok(())
}

#[tokio::test]
async fn the_list_of_tokens_tells_of_use_expiry_and_revocation() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let month = ["--name", "month", "--expires", "30d"];
    let token = server.token("viewer", &month).await?;
    server.token("viewer", &["--name", "unused"]).await?;
    server.token("viewer", &["--name", "gone"]).await?;
    Clients(server.api_as(&token))
        .apps()
        .list_apps(apps())
        .await?;
    let revoked = server.jockey(&["tokens", "revoke", "gone"]).await?;
    contains(&revoked.with(0).out, &["revoked token gone"]);
    let ask = || async {
        let request = v1::ListTokensRequest::default();
        server.admin().tokens().list_tokens(request).await
    };
    let used = |answer: &v1::ListTokensResponse| {
        let mut tokens = answer.tokens.iter();
        tokens.any(|token| token.name == "month" && token.last_use_time.is_some())
    };
    server.until("its use to be noted", ask, used).await?;

    let table = server.jockey(&["tokens", "list"]).await?.with(0).out;
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    contains(&table, &["EXPIRES", "LAST USED", "REVOKED"]);
    assert_eq!(line("month")[3], "in", "{table}");
    assert_eq!(line("month")[6], "-", "{table}");
    assert_eq!(line("unused")[3..6], ["-", "-", "-"], "{table}");
    assert_eq!(line("gone")[3..5], ["-", "-"], "{table}");
    assert_ne!(line("gone")[5], "-", "{table}");

    let list = ["tokens", "list", "-o", "json"];
    let json: serde_json::Value = serde_json::from_str(&server.jockey(&list).await?.with(0).out)?;
    let tokens = json.as_array().expect("a list");
    let has = |name: &str, field: &str| {
        let named = tokens.iter().find(|token| token["name"] == name);
        named.is_some_and(|token| token.get(field).is_some_and(|time| time.is_string()))
    };
    for (name, expiry, used, revoked) in [
        ("month", true, true, false),
        ("unused", false, false, false),
        ("gone", false, false, true),
    ] {
        let seen = ["expire_time", "last_use_time", "revoke_time"].map(|field| has(name, field));
        assert_eq!(seen, [expiry, used, revoked], "{name}: {json:#}");
    }
    Ok(())
}

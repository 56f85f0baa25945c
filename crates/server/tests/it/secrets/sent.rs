//! Secrets of every kind, sent in every way and most of them wrongly: none comes back, and none is written down.

use super::{PLANTED, has, planted};
use crate::{harness::Jockeyd, rest::Rest};
use http::Method;

/// Secrets of a caller, as they are sent.
const BEARER: &str = "jky_planted-bearer-5c1e";
const QUERY: &str = "ghp_plantedQuery7d02aQx9";
const BODY: &str = "ghp_plantedBody41f6Qx9zz";
const GIT: &str = "ghp_plantedGit902bQx9zzz";
const CLIENT: &str = "planted-client-secret-77ab";
const VALUE: &str = "planted-new-value-3e8d";

/// What is sent: method, path, and body.
fn sent() -> Vec<(Method, String, String)> {
    let set = "/v1/environments/development/configSet?app=keeper";
    let long = format!("{VALUE}{}", "x".repeat(2 << 20));
    let wrong = [
        (
            Method::PATCH,
            set,
            format!("{{\"set\":{{\"PASSWORD\":\"{VALUE}\"}}}}"),
        ),
        (
            Method::PATCH,
            set,
            format!("{{\"set\":{{\"not a name\":\"{VALUE}\"}}}}"),
        ),
        (
            Method::PATCH,
            set,
            format!("{{\"set\":{{\"BIG\":\"{long}\"}}}}"),
        ),
        (Method::PATCH, set, format!("{{\"set\":\"{VALUE}\"}}")),
        (
            Method::PATCH,
            set,
            format!("{{\"set\":{{\"A\":[\"{VALUE}\"]}}}}"),
        ),
        (Method::PATCH, set, format!("{{\"set\":{{\"A\":\"{VALUE}")),
        (
            Method::POST,
            "/v1/access:pollSignIn",
            format!("{{\"deviceCode\":\"{BODY}\"}}"),
        ),
        (
            Method::POST,
            "/v1/access:finishWebSignIn",
            format!("{{\"ticket\":\"{BODY}\",\"code\":\"{QUERY}\"}}"),
        ),
        (
            Method::POST,
            "/apps",
            format!("{{\"github_access_token\":\"{BODY}\"}}"),
        ),
        (
            Method::POST,
            "/config_sets",
            format!("{{\"app\":\"keeper\",\"config\":\"A={VALUE}\"}}"),
        ),
        (Method::GET, "/nowhere", String::new()),
        (Method::GET, "/v1/apps", String::new()),
    ];
    let query = format!("github_access_token={QUERY}");
    let with_query = |path: &str| match path.contains('?') {
        true => path.to_owned(),
        false if path.starts_with("/v1") => path.to_owned(),
        false => format!("{path}?{query}"),
    };
    wrong
        .map(|(method, path, body)| (method, with_query(path), body))
        .to_vec()
}

/// What comes back to somebody: of their own secrets nothing, and of others' neither.
async fn told(who: &Rest) -> anyhow::Result<String> {
    let mut told = String::new();
    for (method, path, body) in sent() {
        let answer = who.ask(method, &path, &[], &body).await?;
        let path = path.split('?').next().unwrap_or_default();
        told.push_str(&format!(
            "{path}: {} {:?} {}\n",
            answer.status, answer.headers, answer.text
        ));
    }
    Ok(told)
}

#[tokio::test]
async fn secrets_sent_wrongly_are_neither_told_nor_written_down() -> anyhow::Result<()> {
    let mut server = Jockeyd::prepare(&[
        "--metrics-listen",
        "127.0.0.1:0",
        "--github-organisation",
        "acme",
        "--github-api-url",
        "http://127.0.0.1:9",
        "--github-url",
        "http://127.0.0.1:9",
        "--github-client-id",
        "planted",
        "--github-client-secret",
        CLIENT,
        "--git-token",
        GIT,
    ])?;
    // All that is traced, by all that is linked.
    server.launcher = ["env", "JOCKEY_LOG=trace"].map(Into::into).to_vec();
    server.resume().await?;
    planted(&server).await?;
    let viewer = server.token("viewer", &[]).await?;
    let (admin, viewer) = (server.rest()?, server.rest()?.with_token(&viewer));
    let mut all = told(&viewer).await?;
    all += &told(&admin.with_token(BEARER)).await?;
    all += &told(&admin.with_token(QUERY)).await?;
    // What an admin sends is taken, and told to them alone.
    let own_values = told(&admin).await?;
    assert!(own_values.contains(VALUE), "it would be found");
    for path in [
        "/v1/events",
        "/v1/system/settings",
        "/v1/deploys",
        "/v1/builds",
        "/deploys",
        "/v1/auditEntries",
        "/v1/auditEntries:export",
        "/v1/versions",
    ] {
        let answer = admin.get(path).await?;
        anyhow::ensure!(answer.status == 200, "{path}: {}", answer.text);
        let is_log = path.starts_with("/v1/audit");
        let has_change = answer.text.contains("ConfigSetService/UpdateConfigSet");
        anyhow::ensure!(has_change == is_log, "{path}: {}", answer.text);
        all += &answer.text;
    }
    for words in [&["check"][..], &["token", "create", "--role", "nobody"]] {
        let ended = server.jockeyd(words).await?;
        all += &ended.out;
        all += &ended.err;
    }
    let log = server.log();
    assert!(
        all.contains("keeper") && log.contains("keeper"),
        "something is told"
    );
    let own = admin.token.clone();
    for secret in [PLANTED, BEARER, QUERY, BODY, GIT, CLIENT, VALUE, &own] {
        let line = all.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is told");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
    assert!(!log.contains("panicked"), "a task broke");
    server.terminate()?;
    let admin = std::fs::read(server.file("admin-token"))?;
    assert!(has(&admin, &own), "it would be found");
    Ok(())
}

//! From a delivery as the fixture sends it to an event of the domain.

use crate::stage::{Stage, login, repo};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use domain::{
    AccountId, CommitSha, HostEvent, TeamName,
    webhook::{InstallationChange, PullRequestChange, Whose},
};
use github::webhook::{self, Accepted, BadPayload, BadSignature, Signatures, check, parse};
use ports::code_host::{Hooks, hooks::NewHook};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::github::{Delivery, payload};

fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn read(event: &str, payload: &Value) -> HostEvent {
    parse(event, payload.to_string().as_bytes()).unwrap()
}

#[test]
fn every_event_of_consequence_is_read() {
    let (shop, old, fork) = (repo("acme/shop"), repo("acme/store"), repo("mona/shop"));
    let (acme, mona) = (login("acme"), login("mona"));
    let git_ref = |name: &str| name.parse().unwrap();
    let person = || Whose::Person {
        login: login("mona"),
        id: AccountId(7),
    };
    let changed = |who| HostEvent::MembershipChanged {
        organisation: login("acme"),
        who,
    };
    let ops: TeamName = "acme/ops".parse().unwrap();
    let pull = |change, head_repo| HostEvent::PullRequest {
        repo: repo("acme/shop"),
        number: 7,
        change,
        head: sha('a'),
        head_repo,
    };
    let installation = |change| HostEvent::Installation {
        account: login("acme"),
        change,
    };
    let other = |event: &str, action: Option<&str>| HostEvent::Other {
        event: event.to_owned(),
        action: action.map(str::to_owned),
    };
    let commit = sha('a');
    for (event, payload, want) in [
        ("ping", payload::ping(&shop), HostEvent::Ping),
        (
            "push",
            payload::push(&shop, "refs/heads/feature/x", Some(&commit)),
            HostEvent::Push {
                repo: shop.clone(),
                branch: git_ref("feature/x"),
                after: sha('a'),
            },
        ),
        (
            "push",
            payload::push(&shop, "refs/heads/main", None),
            HostEvent::BranchDeleted {
                repo: shop.clone(),
                branch: git_ref("main"),
            },
        ),
        (
            "push",
            payload::push(&shop, "refs/tags/v1", Some(&commit)),
            HostEvent::Tagged {
                repo: shop.clone(),
                tag: git_ref("v1"),
                after: sha('a'),
            },
        ),
        (
            "push",
            payload::push(&shop, "refs/tags/v1", None),
            HostEvent::TagDeleted {
                repo: shop.clone(),
                tag: git_ref("v1"),
            },
        ),
        (
            "push",
            payload::push(&shop, "refs/notes/x", Some(&commit)),
            other("push", None),
        ),
        (
            "delete",
            payload::delete(&shop, "branch", "x"),
            HostEvent::BranchDeleted {
                repo: shop.clone(),
                branch: git_ref("x"),
            },
        ),
        (
            "delete",
            payload::delete(&shop, "tag", "v1"),
            HostEvent::TagDeleted {
                repo: shop.clone(),
                tag: git_ref("v1"),
            },
        ),
        (
            "pull_request",
            payload::pull_request(&shop, "opened", &commit, Some(&fork)),
            pull(PullRequestChange::Opened, Some(fork.clone())),
        ),
        (
            "pull_request",
            payload::pull_request(&shop, "synchronize", &commit, None),
            pull(PullRequestChange::Updated, None),
        ),
        (
            "pull_request",
            payload::pull_request(&shop, "labeled", &commit, None),
            pull(PullRequestChange::Other, None),
        ),
        (
            "installation",
            payload::installation(&acme, "created"),
            installation(InstallationChange::Created),
        ),
        (
            "installation",
            payload::installation(&acme, "suspend"),
            installation(InstallationChange::Suspended),
        ),
        (
            "installation_repositories",
            payload::installation(&acme, "added"),
            installation(InstallationChange::Changed),
        ),
        (
            "repository",
            payload::renamed(&old, &shop),
            HostEvent::RepositoryRenamed {
                from: old.clone(),
                to: shop.clone(),
            },
        ),
        (
            "repository",
            payload::transferred(&fork, &shop),
            HostEvent::RepositoryRenamed {
                from: fork.clone(),
                to: shop.clone(),
            },
        ),
        (
            "repository",
            payload::repository_event(&shop, "deleted"),
            HostEvent::RepositoryDeleted { repo: shop.clone() },
        ),
        (
            "repository",
            payload::repository_event(&shop, "archived"),
            other("repository", Some("archived")),
        ),
        (
            "organization",
            payload::member(&acme, "member_removed", &mona, 7),
            changed(person()),
        ),
        (
            "membership",
            payload::team_member(&acme, "ops", "removed", &mona, 7),
            changed(person()),
        ),
        (
            "team",
            payload::team(&acme, "ops", "deleted"),
            changed(Whose::Team(ops)),
        ),
        (
            "organization",
            json!({ "action": "renamed", "organization": { "login": "acme", "id": 1 } }),
            changed(Whose::Everybody),
        ),
        (
            "star",
            json!({ "action": "created" }),
            other("star", Some("created")),
        ),
        ("of_tomorrow", json!({}), other("of_tomorrow", None)),
    ] {
        assert_eq!(read(event, &payload), want, "{event}: {payload}");
    }
    let moved = read("repository", &payload::renamed(&old, &shop));
    assert_eq!(moved.repo(), Some(&old), "by the name that we know it by");
    assert_eq!(HostEvent::Ping.repo(), None);
}

#[test]
fn what_github_would_not_write_is_told() {
    for (event, body) in [("push", "{"), ("star", "<html>"), ("ping", "[]")] {
        let error = parse(event, body.as_bytes());
        assert_eq!(error, Err(BadPayload::NotJson), "{event}: {body}");
    }
    let mut odd = payload::push(&repo("acme/shop"), "refs/heads/main", Some(&sha('a')));
    odd["after"] = json!("--upload-pack=x");
    let error = parse("push", odd.to_string().as_bytes());
    assert!(matches!(error, Err(BadPayload::Field { .. })), "{error:?}");
    odd["repository"]["full_name"] = json!("../../etc");
    let error = parse("push", odd.to_string().as_bytes());
    assert!(matches!(error, Err(BadPayload::Field { .. })), "{error:?}");
}

type Came = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Somebody who takes deliveries, and what came.
async fn receiver() -> (String, Came) {
    let came = Came::default();
    let take = async |State(came): State<Came>, headers: HeaderMap, body: Bytes| {
        came.lock().unwrap().push((headers, body));
    };
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(came.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    // Lives as long as the test's runtime.
    let _server = tokio::spawn(async move { axum::serve(listener, router).await });
    (address, came)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_delivery_of_a_hook_that_was_made_here_is_genuine_and_comes_again_when_asked() {
    let stage = Stage::new().await;
    let (address, came) = receiver().await;
    let secret = SecretString::from("hook-secret");
    let hook = NewHook {
        address: address.clone(),
        secret: secret.clone(),
        events: ["push".to_owned()].into(),
    };
    let adapter = stage.adapter();
    adapter.ensure_hook(&stage.repo, &hook).await.unwrap();
    let push = payload::push(&stage.repo, "refs/heads/main", Some(&stage.tip));
    let sent = stage.github.deliver(&stage.repo, "push", &push).await;
    let [sent]: [Delivery; 1] = sent.try_into().unwrap();
    assert_eq!(sent.status, Some(200));
    let unasked = stage.github.deliver(&stage.repo, "star", &push).await;
    assert!(unasked.is_empty());
    stage.github.redeliver(&sent).await;

    let came = came.lock().unwrap().clone();
    let guids: Vec<_> = came
        .iter()
        .map(|(headers, _)| header(headers, "x-github-delivery"))
        .collect();
    assert_eq!(guids, [Some(sent.guid.as_str()); 2]);
    let (headers, body) = &came[0];
    let signatures = Signatures {
        sha256: header(headers, "x-hub-signature-256"),
        sha1: header(headers, "x-hub-signature"),
    };
    assert_eq!(check(&secret, body, signatures, Accepted::Sha256), Ok(()));
    let old = Signatures {
        sha256: None,
        ..signatures
    };
    assert_eq!(check(&secret, body, old, Accepted::Sha256OrSha1), Ok(()));
    let other = SecretString::from("another");
    let wrong = check(&other, body, signatures, Accepted::Sha256);
    assert_eq!(wrong, Err(BadSignature::Wrong));
    let kind = header(headers, "content-type").unwrap();
    let event = header(headers, "x-github-event").unwrap();
    assert_eq!(
        parse(event, &webhook::json(kind, body).unwrap()),
        Ok(HostEvent::Push {
            repo: stage.repo.clone(),
            branch: "main".parse().unwrap(),
            after: stage.tip.clone(),
        })
    );
    let found = adapter.find_hook(&stage.repo, &address).await.unwrap();
    assert_eq!(found.unwrap().last_answer, Some(200));
}

#[test]
fn a_form_holds_the_same() {
    let body = b"payload=%7B%22zen%22%3A+%22a%26b%22%7D&x=y";
    let kind = "application/x-www-form-urlencoded";
    let found = webhook::json(kind, body).unwrap();
    assert_eq!(&*found, br#"{"zen": "a&b"}"#);
    assert_eq!(webhook::json(kind, b"x=y"), Err(BadPayload::NotJson));
    let same = webhook::json("application/json; charset=utf-8", b"{}").unwrap();
    assert_eq!(&*same, b"{}");
}

//! From a delivery as the fixture sends it to an event of the domain.

use crate::stage::{Stage, login, repo};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use domain::{
    AccountId, CommitSha, GitRef, HostEvent, RepoName,
    webhook::{Departure, InstallationChange, PullRequestChange, Whose},
};
use github::webhook::{self, Accepted, BadPayload, BadSignature, Signatures, check, parse};
use ports::code_host::{Hooks, hooks::NewHook};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use testkit::github::{Delivery, payload};
use tokio::net::TcpSocket;

fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn read(event: &str, payload: &Value) -> HostEvent {
    parse(event, payload.to_string().as_bytes()).unwrap()
}

/// The repository of most payloads, and what it was called before.
fn shop() -> RepoName {
    repo("acme/shop")
}

fn other(event: &str, action: Option<&str>) -> HostEvent {
    HostEvent::Other {
        event: event.to_owned(),
        action: action.map(str::to_owned),
    }
}

#[test]
fn branches_and_tags_are_told_apart() {
    let git_ref = |name: &str| -> GitRef { name.parse().unwrap() };
    let push = |full_ref: &str, after: Option<&CommitSha>| {
        read("push", &payload::push(&shop(), full_ref, after))
    };
    let (repo, commit) = (shop(), sha('a'));
    let (branch, tag) = (git_ref("feature/x"), git_ref("v1"));
    let pushed = HostEvent::Push {
        repo: repo.clone(),
        branch: branch.clone(),
        after: commit.clone(),
        by: Some("mona".parse().unwrap()),
    };
    assert_eq!(push("refs/heads/feature/x", Some(&commit)), pushed);
    let tagged = HostEvent::Tagged {
        repo: repo.clone(),
        tag: tag.clone(),
        after: commit.clone(),
    };
    assert_eq!(push("refs/tags/v1", Some(&commit)), tagged);
    let gone = HostEvent::BranchDeleted {
        repo: repo.clone(),
        branch,
    };
    assert_eq!(push("refs/heads/feature/x", None), gone);
    let deleted = payload::delete(&shop(), "branch", "feature/x");
    assert_eq!(read("delete", &deleted), gone);
    let gone = HostEvent::TagDeleted { repo, tag };
    assert_eq!(push("refs/tags/v1", None), gone);
    let deleted = payload::delete(&shop(), "tag", "v1");
    assert_eq!(read("delete", &deleted), gone);
    assert_eq!(push("refs/notes/x", Some(&commit)), other("push", None));
}

#[test]
fn a_pull_request_says_whose_its_tip_is() {
    use PullRequestChange as Change;
    let fork = repo("mona/shop");
    for (action, change, head_repo) in [
        ("opened", Change::Opened, Some(&fork)),
        ("reopened", Change::Opened, Some(&fork)),
        ("synchronize", Change::Updated, None),
        ("closed", Change::Closed, None),
        ("labeled", Change::Other, None),
    ] {
        let payload = payload::pull_request(&shop(), action, &sha('a'), head_repo);
        let want = HostEvent::PullRequest {
            repo: shop(),
            number: 7,
            change,
            head: sha('a'),
            head_repo: head_repo.cloned(),
        };
        assert_eq!(read("pull_request", &payload), want, "{action}");
    }
}

#[test]
fn installations_come_and_go() {
    use InstallationChange as Change;
    let acme = login("acme");
    for (event, action, change) in [
        ("installation", "created", Change::Created),
        ("installation", "deleted", Change::Deleted),
        ("installation", "suspend", Change::Suspended),
        ("installation", "unsuspend", Change::Unsuspended),
        ("installation", "new_permissions_accepted", Change::Changed),
        ("installation_repositories", "added", Change::Changed),
    ] {
        let account = Some(acme.clone());
        let want = HostEvent::Installation { account, change };
        assert_eq!(read(event, &payload::installation(&acme, action)), want);
        let want = HostEvent::Installation {
            account: None,
            change,
        };
        let at_enterprise = payload::installation_at_enterprise("megacorp", action);
        assert_eq!(read(event, &at_enterprise), want);
    }
}

#[test]
fn repositories_are_renamed_given_away_and_deleted() {
    let (old, fork) = (repo("acme/store"), repo("mona/shop"));
    for (payload, from) in [
        (payload::renamed(&old, &shop()), old),
        (payload::transferred(&fork, &shop()), fork),
    ] {
        let moved = read("repository", &payload);
        assert_eq!(moved.repo(), Some(&from), "by the name that we know");
        let to = shop();
        assert_eq!(moved, HostEvent::RepositoryRenamed { from, to });
    }
    let of = |action| read("repository", &payload::repository_event(&shop(), action));
    assert_eq!(of("deleted"), HostEvent::RepositoryDeleted { repo: shop() });
    assert_eq!(of("archived"), other("repository", Some("archived")));
}

#[test]
fn who_may_have_left_is_named() {
    let (acme, mona) = (login("acme"), login("mona"));
    let person = || Whose::Person {
        id: Some(AccountId(7)),
        login: Some(login("mona")),
    };
    let removed = payload::member(&acme, "member_removed", &mona, 7);
    let left = payload::team_member(&acme, "ops", "removed", &mona, 7);
    let with_team = payload::member_of_deleted_team(&acme, "Operations", &mona, 7);
    let mut nobody = left.clone();
    nobody["member"] = Value::Null;
    let mut nameless = with_team.clone();
    nameless["member"] = Value::Null;
    let mut below = payload::team(&acme, "ops", "deleted");
    below["team"]["parent"] = json!({ "id": 8, "name": "all", "slug": "all" });
    let mut renamed = payload::team(&acme, "ops", "edited");
    renamed["changes"] = json!({ "name": { "from": "Operators" } });
    let ops = || Whose::Team("acme/ops".parse().unwrap());
    let gone = json!({ "action": "deleted", "organization": { "login": "acme", "id": 1 } });
    let mut moved =
        json!({ "action": "renamed", "organization": { "login": "acme-inc", "id": 1 } });
    moved["changes"] = json!({ "login": { "from": "acme" } });
    for (event, payload, who) in [
        ("organization", removed, person()),
        ("membership", left, person()),
        ("membership", with_team, person()),
        ("membership", nobody, ops()),
        ("membership", nameless, Whose::Everybody),
        ("team", payload::team(&acme, "ops", "deleted"), ops()),
        ("team", below, Whose::Everybody),
        ("team", renamed, Whose::Everybody),
        ("organization", gone, Whose::Everybody),
        ("organization", moved, Whose::Everybody),
    ] {
        let want = HostEvent::Departed(Departure::from(acme.clone(), who));
        assert_eq!(read(event, &payload), want, "{payload}");
    }
}

#[test]
fn who_comes_or_is_called_otherwise_has_not_left() {
    let (acme, mona) = (login("acme"), login("mona"));
    let mut described = payload::team(&acme, "ops", "edited");
    described["changes"] = json!({ "description": { "from": "Operators" } });
    let invited = payload::member(&acme, "member_invited", &mona, 7);
    assert_eq!(invited.get("membership"), None, "there is none yet");
    for (event, payload) in [
        (
            "organization",
            payload::member(&acme, "member_added", &mona, 7),
        ),
        ("organization", invited),
        (
            "membership",
            payload::team_member(&acme, "ops", "added", &mona, 7),
        ),
        ("team", payload::team(&acme, "ops", "created")),
        ("team", payload::team(&acme, "ops", "added_to_repository")),
        ("team", described),
    ] {
        let action = payload["action"].as_str();
        assert_eq!(read(event, &payload), other(event, action), "{payload}");
    }
}

#[test]
fn a_repository_given_away_by_a_person_names_whoever_is_there() {
    let mut given = payload::transferred(&repo("mona/shop"), &shop());
    let from = &mut given["changes"]["owner"]["from"];
    *from = json!({ "organization": null, "user": { "login": "mona", "id": 1 } });
    let moved = read("repository", &given);
    assert_eq!(moved.repo(), Some(&repo("mona/shop")));
}

#[test]
fn what_is_of_no_consequence_is_no_error() {
    assert_eq!(read("ping", &payload::ping(&shop())), HostEvent::Ping);
    assert_eq!(HostEvent::Ping.repo(), None);
    let starred = read("star", &json!({ "action": "created" }));
    assert_eq!(starred, other("star", Some("created")));
    assert_eq!(read("of_tomorrow", &json!({})), other("of_tomorrow", None));
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

/// Where nobody takes any, for as long as the port is held.
fn nobody() -> (TcpSocket, String) {
    let held = testkit::port::hold(0).unwrap();
    let address = format!("http://{}/hook", held.local_addr().unwrap());
    (held, address)
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
            by: Some("mona".parse().unwrap()),
        })
    );
    let found = adapter.find_hook(&stage.repo, &address).await.unwrap();
    assert_eq!(found.unwrap().last_answer, Some(200));
}

#[tokio::test]
async fn a_delivery_that_nobody_answers_has_no_answer() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let (somebody, _came) = receiver().await;
    let (_held, nobody) = nobody();
    let hooks = [(somebody, Some(200)), (nobody, None)];
    for (address, _) in &hooks {
        let hook = NewHook {
            address: address.clone(),
            secret: SecretString::from("hook-secret"),
            events: ["push".to_owned()].into(),
        };
        let made = adapter.ensure_hook(&stage.repo, &hook).await.unwrap();
        assert_eq!(made.last_answer, None, "nothing was delivered");
    }
    let push = payload::push(&stage.repo, "refs/heads/main", Some(&stage.tip));
    stage.github.deliver(&stage.repo, "push", &push).await;
    for (address, want) in hooks {
        let found = adapter.find_hook(&stage.repo, &address).await.unwrap();
        assert_eq!(found.unwrap().last_answer, want, "{address}");
    }
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

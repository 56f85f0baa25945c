//! Deliveries of the GitHub App's webhook: which are taken.

use super::world::{SECRET, Signed, UNSIGNED, World, app_wide, world};
use crate::harness::PATIENCE;
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
};
use testkit::github::payload;

/// Events of which nothing follows, as many of them as GitHub documents.
const OTHERS: &str = "branch_protection_configuration branch_protection_rule bypass_request_push_ruleset \
    bypass_request_secret_scanning check_run check_suite code_scanning_alert commit_comment create custom_property \
    custom_property_values dependabot_alert deploy_key deployment deployment_protection_rule deployment_review \
    deployment_status discussion discussion_comment dismissal_request_code_scanning dismissal_request_dependabot \
    dismissal_request_secret_scanning exemption_request_push_ruleset exemption_request_secret_scanning fork \
    github_app_authorization gollum installation_target issue_comment issue_dependencies issues label \
    marketplace_purchase member merge_group meta milestone org_block package page_build \
    personal_access_token_request project project_card project_column projects_v2 projects_v2_item \
    projects_v2_status_update public pull_request_review pull_request_review_comment pull_request_review_thread \
    registry_package release repository_advisory repository_dispatch repository_import repository_ruleset \
    repository_vulnerability_alert secret_scanning_alert secret_scanning_alert_location secret_scanning_scan \
    security_advisory security_and_analysis sponsorship star status sub_issues team_add watch workflow_dispatch \
    workflow_job workflow_run";

#[tokio::test]
async fn a_delivery_is_taken_when_it_is_signed_whatever_it_tells() -> anyhow::Result<()> {
    let world = world(app_wide(), |_| {}).await?;
    let rest = world.rest()?;
    let good = Signed {
        sha256: Some(SECRET),
        ..UNSIGNED
    };
    for event in OTHERS.split_whitespace() {
        let body = r#"{"action": "created"}"#;
        let answer = Signed {
            event,
            body,
            ..good
        }
        .send(&rest)
        .await?;
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
    }
    let all = [understood(&world)?, of_people(&world)?].concat();
    for (event, payload, told) in all {
        let body = payload.to_string();
        let answer = Signed {
            event,
            body: &body,
            ..good
        }
        .send(&rest)
        .await?;
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
        assert!(answer.text.contains(told), "{event}: {answer:?}");
    }
    // As a form, which hooks made by hand send.
    let form = "payload=%7B%22zen%22%3A%22x%22%7D";
    let form = Signed {
        body: form,
        content_type: "application/x-www-form-urlencoded",
        ..good
    };
    assert_eq!(form.send(&rest).await?.status, 200);
    let builds = world
        .server
        .admin()
        .builds()
        .list_builds(proto::v1::ListBuildsRequest::default())
        .await?;
    assert_eq!(
        builds.into_inner().builds,
        [],
        "nothing was built by accident"
    );
    Ok(())
}

/// Events with their payloads, and what is answered to each.
fn understood(world: &World) -> anyhow::Result<Vec<(&'static str, Value, &'static str)>> {
    let stranger: domain::RepoName = "else/where".parse()?;
    let tag = payload::push(&world.repo, "refs/tags/v1", Some(&world.first));
    let deleted = payload::push(&world.repo, "refs/heads/main", None);
    let elsewhere = payload::push(&stranger, "refs/heads/main", Some(&world.first));
    let request = payload::pull_request(&world.repo, "opened", &world.first, None);
    Ok(vec![
        ("ping", payload::ping(&world.repo), "nothing follows"),
        ("push", tag, "nothing follows"),
        ("push", deleted, "nothing follows"),
        ("push", elsewhere, "no app is made from else/where"),
        (
            "delete",
            payload::delete(&world.repo, "branch", "main"),
            "nothing follows",
        ),
        ("pull_request", request, "kept"),
        (
            "installation",
            payload::installation(&world.acme, "created"),
            "nothing follows",
        ),
    ])
}

/// The same of those that tell of people, and of who has no login, in each of the shapes that GitHub documents.
fn of_people(world: &World) -> anyhow::Result<Vec<(&'static str, Value, &'static str)>> {
    let mona: domain::Login = "mona".parse()?;
    Ok(vec![
        (
            "installation",
            payload::installation_at_enterprise("megacorp", "created"),
            "nothing follows",
        ),
        (
            "installation_repositories",
            payload::installation(&world.acme, "added"),
            "nothing follows",
        ),
        (
            "team",
            payload::team(&world.acme, "dev", "deleted"),
            "everybody in acme/dev is asked about again",
        ),
        (
            "membership",
            payload::team_member(&world.acme, "dev", "removed", &mona, 7),
            "mona is asked about again",
        ),
        (
            "membership",
            payload::member_of_deleted_team(&world.acme, "Developers", &mona, 7),
            "mona is asked about again",
        ),
        (
            "membership",
            payload::team_member(&world.acme, "dev", "added", &mona, 7),
            "nothing follows",
        ),
        (
            "organization",
            payload::member(&world.acme, "member_removed", &mona, 7),
            "mona is asked about again",
        ),
    ])
}

#[tokio::test]
async fn what_anybody_could_have_sent_is_refused() -> anyhow::Result<()> {
    let world = world(app_wide(), |_| {}).await?;
    let rest = world.rest()?;
    let good = Signed {
        sha256: Some(SECRET),
        ..UNSIGNED
    };
    for (what, delivery, status, reason) in [
        ("unsigned", UNSIGNED, 401, "SIGNATURE_MISSING"),
        (
            "forged",
            Signed {
                sha256: Some("guessed"),
                ..UNSIGNED
            },
            401,
            "SIGNATURE_WRONG",
        ),
        (
            "SHA-1 alone",
            Signed {
                sha1: Some(SECRET),
                ..UNSIGNED
            },
            401,
            "SIGNATURE_MISSING",
        ),
        (
            "a type",
            Signed {
                content_type: "text/plain",
                ..good
            },
            400,
            "INVALID_FIELD",
        ),
        (
            "no event",
            Signed { event: "", ..good },
            400,
            "INVALID_FIELD",
        ),
        (
            "no JSON",
            Signed { body: "{", ..good },
            400,
            "INVALID_DELIVERY",
        ),
        (
            "half a push",
            Signed {
                event: "push",
                ..good
            },
            400,
            "INVALID_DELIVERY",
        ),
    ] {
        let answer = delivery.send(&rest).await?;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(answer.text.contains(reason), "{what}: {answer:?}");
    }
    // Nothing of its body is waited for.
    for path in ["/v1/github/webhooks", "/github_webhooks/1"] {
        let told = announced(&rest.base, path, 5 << 20)?;
        assert!(told.starts_with("HTTP/1.1 413"), "{path}: {told}");
    }
    Ok(())
}

/// What is answered to a request that says how long it will be, and has not begun.
fn announced(base: &str, path: &str, length: usize) -> anyhow::Result<String> {
    let address = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning)?;
    Ok(String::from_utf8_lossy(&beginning).into_owned())
}

#[tokio::test]
async fn without_a_secret_no_delivery_is_taken() -> anyhow::Result<()> {
    let world = world(Vec::new(), |_| {}).await?;
    let signed = Signed {
        sha256: Some(""),
        ..UNSIGNED
    };
    let answer = signed.send(&world.rest()?).await?;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.text.contains("NO_WEBHOOK_SECRET"), "{answer:?}");
    Ok(())
}

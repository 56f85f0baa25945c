//! What GitHub writes in deliveries: the fields that are documented for each event, as many of them as anybody reads.

use domain::{CommitSha, Login, RepoName};
use serde_json::{Value, json};

/// What a push says when there was or is no commit.
pub const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

fn repository(repo: &RepoName) -> Value {
    let (owner, name) = repo.as_str().split_once('/').expect("owner/name");
    json!({
        "id": 35_129_377,
        "name": name,
        "full_name": repo.as_str(),
        "owner": { "login": owner, "id": 6_752_317 },
        "default_branch": "main",
    })
}

fn organisation(login: &Login) -> Value {
    json!({ "login": login.as_str(), "id": 6_752_317 })
}

/// A hook was made.
#[must_use]
pub fn ping(repo: &RepoName) -> Value {
    json!({
        "zen": "Keep it logically awesome.",
        "hook_id": 109_948_940,
        "hook": { "type": "Repository", "events": ["push"], "active": true },
        "repository": repository(repo),
    })
}

/// A full ref (`refs/heads/main`, `refs/tags/v1`) was made, moved or, with no commit, deleted.
#[must_use]
pub fn push(repo: &RepoName, full_ref: &str, after: Option<&CommitSha>) -> Value {
    let sha = after.map_or(NO_COMMIT, CommitSha::as_str);
    json!({
        "ref": full_ref,
        "before": NO_COMMIT,
        "after": sha,
        "created": after.is_some(),
        "deleted": after.is_none(),
        "forced": false,
        "head_commit": after.map(|sha| json!({ "id": sha.as_str(), "message": "Change" })),
        "commits": [],
        "pusher": { "name": "mona" },
        "sender": { "login": "mona", "id": 1 },
        "repository": repository(repo),
    })
}

/// `delete`: a branch or tag (`kind`) is gone.
#[must_use]
pub fn delete(repo: &RepoName, kind: &str, name: &str) -> Value {
    json!({ "ref": name, "ref_type": kind, "pusher_type": "user", "repository": repository(repo) })
}

/// A pull request from `head_repo`, which may be gone.
#[must_use]
pub fn pull_request(
    repo: &RepoName,
    action: &str,
    head: &CommitSha,
    head_repo: Option<&RepoName>,
) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "state": "open",
            "head": { "ref": "topic", "sha": head.as_str(), "repo": head_repo.map(repository) },
            "base": { "ref": "main", "repo": repository(repo) },
        },
        "repository": repository(repo),
    })
}

/// The App was installed at an account, or anything else that `action` says.
#[must_use]
pub fn installation(account: &Login, action: &str) -> Value {
    json!({
        "action": action,
        "installation": { "id": 2, "account": { "login": account.as_str(), "id": 1 } },
        "repositories": [],
    })
}

/// A repository was renamed.
#[must_use]
pub fn renamed(from: &RepoName, to: &RepoName) -> Value {
    let (_, old) = from.as_str().split_once('/').expect("owner/name");
    json!({
        "action": "renamed",
        "changes": { "repository": { "name": { "from": old } } },
        "repository": repository(to),
    })
}

/// A repository was given to another account.
#[must_use]
pub fn transferred(from: &RepoName, to: &RepoName) -> Value {
    let (owner, _) = from.as_str().split_once('/').expect("owner/name");
    json!({
        "action": "transferred",
        "changes": { "owner": { "from": { "organization": { "login": owner, "id": 1 } } } },
        "repository": repository(to),
    })
}

/// `repository` with another action: `deleted`, `archived`.
#[must_use]
pub fn repository_event(repo: &RepoName, action: &str) -> Value {
    json!({ "action": action, "repository": repository(repo) })
}

/// `organization`: `member_removed`, `member_added`, `member_invited`.
#[must_use]
pub fn member(of: &Login, action: &str, who: &Login, id: u64) -> Value {
    let user = json!({ "login": who.as_str(), "id": id });
    let mut payload = json!({ "action": action, "organization": organisation(of) });
    if action == "member_invited" {
        // Who is invited is no member of anything yet.
        let login = who.as_str();
        payload["invitation"] = json!({ "id": 3, "login": login, "role": "direct_member" });
        payload["user"] = user;
    } else {
        payload["membership"] = json!({ "role": "member", "state": "active", "user": user });
    }
    payload
}

/// `membership`: somebody was `added` to a team, or `removed`.
#[must_use]
pub fn team_member(of: &Login, slug: &str, action: &str, who: &Login, id: u64) -> Value {
    json!({
        "action": action,
        "scope": "team",
        "member": { "login": who.as_str(), "id": id },
        "team": { "id": 9, "name": slug, "slug": slug, "parent": null },
        "organization": organisation(of),
    })
}

/// `membership` `removed`, of a team that is gone: it has no slug any more.
#[must_use]
pub fn member_of_deleted_team(of: &Login, name: &str, who: &Login, id: u64) -> Value {
    json!({
        "action": "removed",
        "scope": "team",
        "member": { "login": who.as_str(), "id": id },
        "team": { "id": 9, "name": name, "deleted": true },
        "organization": organisation(of),
    })
}

/// `installation` at an enterprise, whose account has a slug and no login.
#[must_use]
pub fn installation_at_enterprise(slug: &str, action: &str) -> Value {
    json!({
        "action": action,
        "installation": { "id": 2, "account": { "slug": slug, "name": slug, "id": 1 } },
        "repositories": [],
    })
}

/// `team`: `deleted`, `edited`.
#[must_use]
pub fn team(of: &Login, slug: &str, action: &str) -> Value {
    json!({
        "action": action,
        "team": { "id": 9, "name": slug, "slug": slug, "parent": null },
        "organization": organisation(of),
    })
}

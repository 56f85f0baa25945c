//! Repositories, branches, commits and refs, read from and written to real git repositories.

use super::{
    bearer::Caller,
    problem::{Problem, Reply, answer, ok},
    world::{Bearer, Repo, State as Everything, World},
};
use axum::{
    Router,
    extract::{Json, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{get, patch, post},
};
use domain::RepoName;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/repos/{owner}/{repo}", get(repository))
        .route("/repos/{owner}/{repo}/branches/{*branch}", get(branch))
        .route("/repos/{owner}/{repo}/rules/branches/{*branch}", get(rules))
        .route("/repos/{owner}/{repo}/git/ref/{*name}", get(git_ref))
        .route("/repos/{owner}/{repo}/git/refs", post(create_ref))
        .route(
            "/repos/{owner}/{repo}/git/refs/{*name}",
            patch(update_ref).delete(delete_ref),
        )
}

/// What a call wants to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Read,
    Write,
}

/// The repository of a call, where its caller may do that. What they may not see is not there, nor is for a person what
/// they may see and not change.
pub(super) fn reach(
    state: &Everything,
    caller: &Bearer,
    owner: &str,
    name: &str,
    wish: Wish,
) -> Result<u64, Problem> {
    let name: RepoName = format!("{owner}/{name}")
        .parse()
        .map_err(|_| Problem::not_found())?;
    let (id, repo) = state.find_repo(&name).ok_or_else(Problem::not_found)?;
    match (state.may(caller, repo), wish) {
        ((false, _), _) => Err(Problem::not_found()),
        ((true, false), Wish::Write) => Err(match caller {
            Bearer::Person(_) => Problem::not_found(),
            Bearer::Installation(_) => super::people::not_accessible(),
        }),
        ((true, _), _) => Ok(id),
    }
}

async fn repository(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let repo = &state.repos[&id];
    Ok(ok(&json!({
        "id": id,
        "name": super::world::short_name(&repo.name),
        "full_name": repo.name.as_str(),
        "owner": state.simple_user(&super::world::owner(&repo.name)),
        "private": repo.private,
        "visibility": if repo.private { "private" } else { "public" },
        "default_branch": repo.default_branch,
    })))
}

async fn branch(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let repo = &state.repos[&id];
    let sha = repo.git.resolve(&format!("refs/heads/{branch}"));
    let sha = sha.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "Branch not found"))?;
    let required = repo.protection.get(&branch);
    let each = || required.into_iter().flatten();
    let contexts: Vec<&String> = each().map(|(context, _)| context).collect();
    let checks: Vec<Value> = each()
        .map(|(context, app)| json!({ "context": context, "app_id": app }))
        .collect();
    Ok(ok(&json!({
        "name": branch,
        "commit": { "sha": sha },
        "protected": required.is_some(),
        "protection": {
            "enabled": required.is_some(),
            "required_status_checks": {
                "enforcement_level": if required.is_some() { "non_admins" } else { "off" },
                "contexts": contexts,
                "checks": checks,
            },
        },
    })))
}

async fn rules(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, branch)): Path<(String, String, String)>,
    here: super::pages::Here,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let repo = &state.repos[&id];
    if repo.free && repo.private {
        let words = "Upgrade to GitHub Pro or make this repository public to enable this feature.";
        return Err(Problem::forbidden(words));
    }
    let rules = repo.rules.get(&branch);
    let mut found = vec![json!({ "type": "deletion" })];
    if let Some(contexts) = rules {
        let contexts: Vec<Value> = contexts
            .iter()
            .map(|(context, app)| match app {
                Some(app) => json!({ "context": context, "integration_id": app }),
                None => json!({ "context": context }),
            })
            .collect();
        found.push(json!({
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": contexts,
                "strict_required_status_checks_policy": false,
            },
        }));
    }
    Ok(here.list(&found))
}

/// What a name in the path of a commit stands for.
pub(super) fn resolve(repo: &Repo, name: &str) -> Result<String, Problem> {
    let full = match name.split_once('/') {
        Some(("heads" | "tags", _)) => format!("refs/{name}"),
        _ => name.to_owned(),
    };
    repo.git.resolve(&full).map_err(|_| {
        let words = format!("No commit found for SHA: {name}");
        missing(repo, Problem::unprocessable(words))
    })
}

/// Why something is not in a repository: of one in which nothing is GitHub says so instead.
fn missing(repo: &Repo, problem: Problem) -> Problem {
    if is_empty(repo) { empty() } else { problem }
}

fn empty() -> Problem {
    Problem::new(StatusCode::CONFLICT, "Git Repository is empty.")
}

fn is_empty(repo: &Repo) -> bool {
    let refs = repo.git.git(["for-each-ref", "--count=1"]);
    refs.is_ok_and(|refs| refs.is_empty())
}

pub(super) fn commit(repo: &Repo, name: &str, headers: &HeaderMap) -> Reply {
    let sha = resolve(repo, name)?;
    let wants = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    if wants == Some("application/vnd.github.sha") {
        return Ok(sha.into_response());
    }
    Ok(ok(&json!({ "sha": sha })))
}

fn ref_value(repo: &Repo, name: &str) -> Option<Value> {
    let full = format!("refs/{name}");
    let sha = repo
        .git
        .git(["rev-parse", "--verify", "--quiet", &full])
        .ok()?;
    let kind = repo.git.git(["cat-file", "-t", &sha]).ok()?;
    Some(json!({ "ref": full, "object": { "type": kind, "sha": sha } }))
}

async fn git_ref(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, git_ref)): Path<(String, String, String)>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let repo = &state.repos[&id];
    let found = ref_value(repo, &git_ref);
    let found = found.ok_or_else(|| missing(repo, Problem::not_found()))?;
    Ok(ok(&found))
}

#[derive(Deserialize)]
struct NewRef {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

async fn create_ref(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
    Json(new): Json<NewRef>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let repo = &state.repos[&id];
    if is_empty(repo) {
        return Err(empty());
    }
    let Some(short) = new.name.strip_prefix("refs/") else {
        return Err(Problem::unprocessable("Reference name is not valid"));
    };
    if ref_value(repo, short).is_some() {
        return Err(Problem::unprocessable("Reference already exists"));
    }
    point(repo, short, &new.sha)?;
    let made = ref_value(repo, short).ok_or_else(Problem::not_found)?;
    Ok(answer(StatusCode::CREATED, &made))
}

#[derive(Deserialize)]
struct Update {
    sha: String,
    #[serde(default)]
    force: bool,
}

async fn update_ref(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, git_ref)): Path<(String, String, String)>,
    Json(update): Json<Update>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let repo = &state.repos[&id];
    if ref_value(repo, &git_ref).is_none() {
        return Err(Problem::unprocessable("Reference does not exist"));
    }
    if !update.force {
        let old = format!("refs/{git_ref}");
        let ahead = repo
            .git
            .git(["merge-base", "--is-ancestor", &old, &update.sha]);
        if repo.git.resolve(&update.sha).is_ok() && ahead.is_err() {
            return Err(Problem::unprocessable("Update is not a fast forward"));
        }
    }
    point(repo, &git_ref, &update.sha)?;
    let moved = ref_value(repo, &git_ref).ok_or_else(Problem::not_found)?;
    Ok(ok(&moved))
}

async fn delete_ref(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, git_ref)): Path<(String, String, String)>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let repo = &state.repos[&id];
    if ref_value(repo, &git_ref).is_none() {
        return Err(Problem::unprocessable("Reference does not exist"));
    }
    let full = format!("refs/{git_ref}");
    let deleted = repo.git.git(["update-ref", "-d", &full]);
    deleted.map_err(|error| Problem::unprocessable(error.to_string()))?;
    Ok(super::problem::nothing())
}

fn point(repo: &Repo, name: &str, sha: &str) -> Result<(), Problem> {
    let tag = name.strip_prefix("tags/");
    if tag.is_some_and(|tag| repo.protected_tags.contains(tag)) {
        let words = "Repository rule violations found\n\nCannot update this protected ref.\n\n";
        return Err(Problem::unprocessable(words));
    }
    let is_full = sha.len() == 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_full || repo.git.resolve(sha).is_err() {
        return Err(Problem::unprocessable("Object does not exist"));
    }
    let full = format!("refs/{name}");
    let moved = repo.git.git(["update-ref", &full, sha]).map(drop);
    moved.map_err(|error| Problem::unprocessable(error.to_string()))
}

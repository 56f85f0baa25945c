//! Statuses, check runs and deployments.

use super::{
    bearer::Caller,
    pages::Here,
    problem::{Problem, Reply, answer},
    repos::{Wish, commit, reach, resolve},
    world::World,
};
use axum::{
    Router,
    extract::{Json, Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// The most characters that a description may have.
const DESCRIPTION: usize = 140;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/repos/{owner}/{repo}/commits/{*name}", get(of_commit))
        .route("/repos/{owner}/{repo}/statuses/{sha}", post(set_status))
        .route(
            "/repos/{owner}/{repo}/deployments",
            get(deployments).post(deploy),
        )
        .route(
            "/repos/{owner}/{repo}/deployments/{id}/statuses",
            post(set_deployment_status),
        )
}

/// A commit, its combined status, or its check runs: a ref may hold slashes, and the last word tells.
async fn of_commit(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, what)): Path<(String, String, String)>,
    headers: HeaderMap,
    here: Here,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let repo = &state.repos[&id];
    let of = |all: &[(String, Value)], sha: &str| {
        let mut seen = BTreeSet::new();
        let latest = all.iter().rev().filter(|(commit, value)| {
            // Of a run its name and its App: two Apps may use one name.
            let key = [&value["context"], &value["name"], &value["app"]["id"]];
            commit == sha && seen.insert(key.map(ToString::to_string))
        });
        latest.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    match what.rsplit_once('/') {
        Some((commit, "status")) => {
            let sha = resolve(repo, commit)?;
            let statuses = of(&repo.statuses, &sha);
            let is = |word: &str| statuses.iter().any(|status| status["state"] == word);
            let state = if is("failure") || is("error") {
                "failure"
            } else if is("pending") || statuses.is_empty() {
                "pending"
            } else {
                "success"
            };
            Ok(here.page(&statuses, |page| {
                json!({ "state": state, "sha": sha, "total_count": statuses.len(), "statuses": page })
            }))
        }
        Some((commit, "check-runs")) => {
            let runs = of(&repo.check_runs, &resolve(repo, commit)?);
            Ok(here.page(
                &runs,
                |page| json!({ "total_count": runs.len(), "check_runs": page }),
            ))
        }
        _ => commit(repo, &what, &headers),
    }
}

#[derive(Deserialize)]
struct NewStatus {
    state: String,
    target_url: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "usual_context")]
    context: String,
}

fn usual_context() -> String {
    "default".to_owned()
}

fn short_enough(resource: &str, description: Option<&String>) -> Result<(), Problem> {
    match description {
        Some(text) if text.chars().count() > DESCRIPTION => {
            let words = format!("description is too long (maximum is {DESCRIPTION} characters)");
            Err(Problem::invalid_field(resource, "description", &words))
        }
        Some(_) | None => Ok(()),
    }
}

async fn set_status(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, sha)): Path<(String, String, String)>,
    Json(new): Json<NewStatus>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let fresh = state.fresh_id();
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    if repo.git.resolve(&sha).is_err() {
        let words = format!("No commit found for SHA: {sha}");
        return Err(Problem::unprocessable(words));
    }
    if !["error", "failure", "pending", "success"].contains(&new.state.as_str()) {
        let words = "state is not included in the list";
        return Err(Problem::invalid_field("Status", "state", words));
    }
    short_enough("Status", new.description.as_ref())?;
    let status = json!({
        "id": fresh,
        "state": new.state,
        "context": new.context,
        "description": new.description,
        "target_url": new.target_url,
    });
    repo.statuses.push((sha, status.clone()));
    Ok(answer(StatusCode::CREATED, &status))
}

async fn deployments(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
    here: Here,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Read)?;
    let fits = |deployment: &&Value| {
        ["sha", "ref", "task", "environment"].iter().all(|&field| {
            let wanted = here.query.get(field);
            wanted.is_none_or(|wanted| deployment[field] == wanted.as_str())
        })
    };
    let newest_first = state.repos[&id].deployments.iter().rev();
    Ok(here.list(&newest_first.filter(fits).cloned().collect::<Vec<_>>()))
}

#[derive(Deserialize)]
struct NewDeployment {
    #[serde(rename = "ref")]
    name: String,
    #[serde(default = "usual_task")]
    task: String,
    #[serde(default = "yes")]
    auto_merge: bool,
    required_contexts: Option<Vec<String>>,
    #[serde(default)]
    payload: Value,
    #[serde(default = "usual_environment")]
    environment: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    production_environment: Option<bool>,
}

fn usual_task() -> String {
    "deploy".to_owned()
}

fn usual_environment() -> String {
    "production".to_owned()
}

const fn yes() -> bool {
    true
}

async fn deploy(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
    Json(new): Json<NewDeployment>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let fresh = state.fresh_id();
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    let Ok(sha) = repo.git.resolve(&new.name) else {
        let words = format!("No ref found for: {}", new.name);
        return Err(Problem::unprocessable(words));
    };
    // GitHub does not say how long it may be here: what is told is cut all the same.
    short_enough("Deployment", new.description.as_ref())?;
    // Left out, every status has to be green; an empty list asks for none.
    let all_green = new.required_contexts.as_ref().is_some_and(Vec::is_empty)
        || repo
            .statuses
            .iter()
            .filter(|(commit, _)| *commit == sha)
            .all(|(_, status)| status["state"] == "success");
    if !all_green {
        let words = "Conflict: Commit status checks failed for deployment.";
        return Err(Problem::new(StatusCode::CONFLICT, words));
    }
    if new.auto_merge && new.name != sha {
        let words = "Conflict merging the default branch into the ref.";
        return Err(Problem::new(StatusCode::CONFLICT, words));
    }
    let production = new.production_environment;
    let deployment = json!({
        "id": fresh,
        "sha": sha,
        "ref": new.name,
        "task": new.task,
        "payload": new.payload,
        "environment": new.environment,
        "description": new.description,
        "production_environment": production.unwrap_or(new.environment == "production"),
    });
    repo.deployments.push(deployment.clone());
    Ok(answer(StatusCode::CREATED, &deployment))
}

#[derive(Deserialize)]
struct NewDeploymentStatus {
    state: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    log_url: Option<String>,
    #[serde(default)]
    environment_url: Option<String>,
    #[serde(default = "yes")]
    auto_inactive: bool,
}

const DEPLOYMENT_STATES: &[&str] = &[
    "error",
    "failure",
    "inactive",
    "in_progress",
    "queued",
    "pending",
    "success",
];

async fn set_deployment_status(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, deployment)): Path<(String, String, u64)>,
    Json(new): Json<NewDeploymentStatus>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let fresh = state.fresh_id();
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    let known = |number: u64| move |value: &&Value| value["id"] == number;
    let found = repo.deployments.iter().find(known(deployment)).cloned();
    let found = found.ok_or_else(Problem::not_found)?;
    if !DEPLOYMENT_STATES.contains(&new.state.as_str()) {
        let words = "state is not included in the list";
        return Err(Problem::invalid_field("DeploymentStatus", "state", words));
    }
    short_enough("DeploymentStatus", new.description.as_ref())?;
    let status = json!({
        "id": fresh,
        "state": new.state,
        "description": new.description,
        "log_url": new.log_url,
        "environment_url": new.environment_url,
    });
    repo.deployment_statuses.push((deployment, status.clone()));
    if new.auto_inactive && new.state == "success" && found["production_environment"] == false {
        let others: Vec<u64> = repo
            .deployments
            .iter()
            .filter(|other| {
                other["environment"] == found["environment"] && other["id"] != deployment
            })
            .filter_map(|other| other["id"].as_u64())
            .collect();
        for other in others {
            repo.deployment_statuses
                .push((other, json!({ "id": fresh, "state": "inactive" })));
        }
    }
    Ok(answer(StatusCode::CREATED, &status))
}

//! Hooks of repositories.

use super::{
    bearer::Caller,
    pages::Here,
    problem::{Problem, Reply, answer, nothing, ok},
    repos::{Wish, reach},
    world::{Hook, Last, World},
};
use axum::{
    Router,
    extract::{Json, Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// Events that a repository's hook may ask for, as many of them as matter here.
const EVENTS: &[&str] = &[
    "*",
    "check_run",
    "create",
    "delete",
    "deployment",
    "member",
    "pull_request",
    "push",
    "repository",
    "status",
];

/// The most hooks of one event that a repository has.
const MOST: usize = 20;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/repos/{owner}/{repo}/hooks", get(list).post(create))
        .route(
            "/repos/{owner}/{repo}/hooks/{id}",
            get(one).patch(update).delete(remove),
        )
}

fn value(id: u64, hook: &Hook) -> Value {
    let (code, status) = match hook.last {
        Last::Unused => (None, "unused"),
        Last::Answered(code) => (Some(code), "active"),
        Last::TimedOut => (Some(504), "timeout"),
    };
    json!({
        "type": "Repository",
        "id": id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": {
            "url": hook.url,
            "content_type": hook.content_type,
            "insecure_ssl": "0",
            "secret": hook.secret.as_ref().map(|_| "********"),
        },
        "last_response": { "code": code, "status": status, "message": code.map(|_| "") },
    })
}

async fn list(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
    here: Here,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let hooks = state.repos[&id].hooks.iter();
    Ok(here.list(&hooks.map(|(id, hook)| value(*id, hook)).collect::<Vec<_>>()))
}

async fn one(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, hook)): Path<(String, String, u64)>,
) -> Reply {
    let state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let found = state.repos[&id].hooks.get(&hook);
    Ok(ok(&value(hook, found.ok_or_else(Problem::not_found)?)))
}

#[derive(Deserialize, Default)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    config: Config,
    events: Option<BTreeSet<String>>,
    active: Option<bool>,
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        let odd = |event: &&String| !EVENTS.contains(&event.as_str());
        if let Some(event) = self.events.iter().flatten().find(odd) {
            return Err(Problem::invalid(
                "Hook",
                &format!("The specified events are not supported: {event}"),
            ));
        }
        match &self.config.url {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                Err(Problem::invalid("Hook", "url is not a valid address"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A config that is given takes the place of the old one as a whole.
    fn onto(self, hook: &mut Hook) {
        if let Some(url) = self.config.url {
            hook.url = url;
            hook.secret = self.config.secret;
            let kind = self.config.content_type;
            hook.content_type = kind.unwrap_or_else(|| "form".to_owned());
        }
        if let Some(events) = self.events {
            hook.events = events;
        }
        hook.active = self.active.unwrap_or(hook.active);
    }
}

async fn create(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name)): Path<(String, String)>,
    Json(wanted): Json<Wanted>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    wanted.check()?;
    let fresh = state.fresh_id();
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    let Some(url) = &wanted.config.url else {
        return Err(Problem::invalid(
            "Hook",
            "Config must contain URL for webhooks",
        ));
    };
    let events = wanted
        .events
        .clone()
        .unwrap_or_else(|| ["push".to_owned()].into());
    let same = |hook: &Hook| hook.url == *url && overlap(&hook.events, &events);
    if repo.hooks.values().any(same) {
        return Err(Problem::invalid(
            "Hook",
            "Hook already exists on this repository",
        ));
    }
    let full = |event: &String| {
        let asking = repo
            .hooks
            .values()
            .filter(|hook| hook.events.contains(event));
        asking.count() >= MOST
    };
    if let Some(event) = events.iter().find(|event| full(event)) {
        let words = format!("The \"{event}\" event cannot have more than 20 hooks");
        return Err(Problem::invalid("Hook", &words));
    }
    let mut hook = Hook {
        url: String::new(),
        secret: None,
        content_type: String::new(),
        events,
        active: true,
        last: Last::Unused,
    };
    wanted.onto(&mut hook);
    let made = value(fresh, &hook);
    repo.hooks.insert(fresh, hook);
    Ok(answer(StatusCode::CREATED, &made))
}

/// Whether two hooks would tell of the same: two of one address may not.
fn overlap(some: &BTreeSet<String>, others: &BTreeSet<String>) -> bool {
    some.contains("*") || others.contains("*") || !some.is_disjoint(others)
}

async fn update(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, number)): Path<(String, String, u64)>,
    Json(wanted): Json<Wanted>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    wanted.check()?;
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    let hook = repo.hooks.get_mut(&number).ok_or_else(Problem::not_found)?;
    wanted.onto(hook);
    Ok(ok(&value(number, hook)))
}

async fn remove(
    State(world): State<Arc<World>>,
    Caller(caller): Caller,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Reply {
    let mut state = world.state();
    let id = reach(&state, &caller, &owner, &name, Wish::Write)?;
    let repo = state.repos.get_mut(&id).ok_or_else(Problem::not_found)?;
    let removed = repo.hooks.remove(&number);
    removed.map(|_| nothing()).ok_or_else(Problem::not_found)
}

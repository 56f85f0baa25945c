//! The App's own calls: where it is installed, and tokens for there.

use super::{
    bearer::{AsApp, suspended},
    people::login,
    problem::{Problem, Reply, answer, ok},
    world::{Bearer, INSTALLATION_TOKEN_LIVES, State as Everything, Token, World},
};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use domain::Login;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/orgs/{org}/installation", get(of_organisation))
        .route("/users/{user}/installation", get(of_user))
        .route("/app/installations/{id}/access_tokens", post(token))
}

fn of(world: &World, state: &Everything, account: &Login, kind: &str) -> Reply {
    let is = |found: &Login| state.accounts.get(found).is_some_and(|a| a.kind == kind);
    let mut installations = state.installations.iter();
    let found = installations.find(|(_, one)| one.account == *account && is(account));
    let (id, installation) = found.ok_or_else(Problem::not_found)?;
    let since = installation.suspended.then(|| world.now().to_string());
    Ok(ok(&json!({
        "id": id,
        "account": state.simple_user(account),
        "target_type": kind,
        "suspended_at": since,
    })))
}

async fn of_organisation(
    State(world): State<Arc<World>>,
    _: AsApp,
    Path(account): Path<String>,
) -> Reply {
    of(&world, &world.state(), &login(&account)?, "Organization")
}

async fn of_user(State(world): State<Arc<World>>, _: AsApp, Path(account): Path<String>) -> Reply {
    of(&world, &world.state(), &login(&account)?, "User")
}

async fn token(State(world): State<Arc<World>>, _: AsApp, Path(id): Path<u64>) -> Reply {
    let mut state = world.state();
    let installation = state.installations.get(&id);
    if installation.ok_or_else(Problem::not_found)?.suspended {
        return Err(suspended());
    }
    // As long as the stateless ones are: nobody may count on 40 characters.
    let token = format!("ghs_{}_{:0>500}", super::APP_ID, state.fresh_id());
    let until = world.now() + INSTALLATION_TOKEN_LIVES;
    let bearer = Bearer::Installation(id);
    state.tokens.insert(
        token.clone(),
        Token {
            bearer,
            until: Some(until),
        },
    );
    // To the second, as GitHub writes it.
    let text = until.to_string();
    let text = format!("{}Z", text.split('.').next().unwrap_or_default());
    let body: Value = json!({
        "token": token,
        "expires_at": text,
        "permissions": { "contents": "read", "metadata": "read" },
        "repository_selection": "all",
    });
    Ok(answer(StatusCode::CREATED, &body))
}

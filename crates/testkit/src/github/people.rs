//! `/user`, memberships and teams.

use super::{
    bearer::Caller,
    pages::Here,
    problem::{Problem, Reply, ok},
    world::{Bearer, State as Everything, Team, World},
};
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use domain::{Login, Membership};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/user", get(user))
        .route("/user/memberships/orgs/{org}", get(own_membership))
        .route("/user/teams", get(own_teams))
        .route("/orgs/{org}/memberships/{user}", get(membership))
        .route("/orgs/{org}/teams/{slug}", get(team))
        .route(
            "/orgs/{org}/teams/{slug}/memberships/{user}",
            get(team_membership),
        )
}

/// The person who calls; an App's installation is none.
fn person(caller: Caller) -> Result<Login, Problem> {
    match caller.0 {
        Bearer::Person(login) => Ok(login),
        Bearer::Installation(_) => Err(not_accessible()),
    }
}

pub(super) fn not_accessible() -> Problem {
    Problem::forbidden("Resource not accessible by integration")
}

pub(super) fn login(text: &str) -> Result<Login, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

async fn user(State(world): State<Arc<World>>, caller: Caller) -> Reply {
    let login = person(caller)?;
    let state = world.state();
    let mut body = state.simple_user(&login);
    body["name"] = json!(state.accounts.get(&login).and_then(|a| a.name.clone()));
    Ok(ok(&body))
}

const fn word(membership: Membership) -> Option<&'static str> {
    match membership {
        Membership::Active => Some("active"),
        Membership::Pending => Some("pending"),
        Membership::Absent => None,
    }
}

fn membership_of(state: &Everything, organisation: &Login, who: &Login) -> Reply {
    let found = state.organisations.get(organisation);
    let found = found.ok_or_else(Problem::not_found)?;
    let member = found.members.get(who).copied().and_then(word);
    let (word, role) = match member {
        Some(word) => (word, "member"),
        None if found.billing.contains(who) => ("active", "billing_manager"),
        None => return Err(Problem::not_found()),
    };
    Ok(ok(&json!({
        "state": word,
        "role": role,
        "organization": state.simple_user(organisation),
        "user": state.simple_user(who),
    })))
}

/// A token that has not been through the organisation's single sign-on.
fn kept_out(state: &Everything, organisation: &Login) -> Result<(), Problem> {
    let closed = state
        .organisations
        .get(organisation)
        .is_some_and(|o| o.closed);
    if closed {
        let words = "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.";
        let address = format!("https://github.com/orgs/{organisation}/sso?authorization_request=A");
        let problem = Problem::forbidden(words);
        return Err(problem.header("x-github-sso", format!("required; url={address}")));
    }
    Ok(())
}

async fn own_membership(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(organisation): Path<String>,
) -> Reply {
    let who = person(caller)?;
    let organisation = login(&organisation)?;
    let state = world.state();
    kept_out(&state, &organisation)?;
    membership_of(&state, &organisation, &who)
}

/// Whether the caller may see who is in an organisation.
fn may_look(state: &Everything, caller: &Bearer, organisation: &Login) -> Result<(), Problem> {
    let found = state.organisations.get(organisation);
    let found = found.ok_or_else(Problem::not_found)?;
    match caller {
        Bearer::Person(who) if found.members.get(who) == Some(&Membership::Active) => Ok(()),
        Bearer::Installation(id)
            if state
                .installations
                .get(id)
                .is_some_and(|installation| installation.account == *organisation) =>
        {
            Ok(())
        }
        Bearer::Person(_) => Err(Problem::forbidden(format!(
            "You must be a member of {organisation} to see membership information."
        ))),
        Bearer::Installation(_) => Err(not_accessible()),
    }
}

async fn membership(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path((organisation, who)): Path<(String, String)>,
) -> Reply {
    let (organisation, who) = (login(&organisation)?, login(&who)?);
    let state = world.state();
    may_look(&state, &caller.0, &organisation)?;
    membership_of(&state, &organisation, &who)
}

fn team_value(state: &Everything, organisation: &Login, slug: &str, depth: u8) -> Option<Value> {
    let team = state.organisations.get(organisation)?.teams.get(slug)?;
    let mut value = json!({ "id": team.id, "name": slug, "slug": slug });
    if depth > 0 {
        let parent = team.parent.as_deref();
        value["parent"] = json!(parent.and_then(|slug| team_value(state, organisation, slug, 0)));
        value["organization"] = state.simple_user(organisation);
    }
    Some(value)
}

async fn own_teams(State(world): State<Arc<World>>, caller: Caller, here: Here) -> Reply {
    let who = person(caller)?;
    let state = world.state();
    let mut teams = Vec::new();
    for (organisation, found) in &state.organisations {
        let closed = found.closed;
        for (slug, team) in found.teams.iter().filter(|_| !closed) {
            if team.members.get(&who) == Some(&Membership::Active) {
                teams.extend(team_value(&state, organisation, slug, 1));
            }
        }
    }
    Ok(here.list(&teams))
}

async fn team(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path((organisation, slug)): Path<(String, String)>,
) -> Reply {
    let organisation = login(&organisation)?;
    let state = world.state();
    may_look(&state, &caller.0, &organisation)?;
    let team = team_value(&state, &organisation, &slug, 1);
    Ok(ok(&team.ok_or_else(Problem::not_found)?))
}

/// Also who is in a team below it.
async fn team_membership(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path((organisation, slug, who)): Path<(String, String, String)>,
) -> Reply {
    let (organisation, who) = (login(&organisation)?, login(&who)?);
    let state = world.state();
    may_look(&state, &caller.0, &organisation)?;
    let teams = &state.organisations[&organisation].teams;
    let below = teams.iter().filter(|(one, _)| is_below(teams, one, &slug));
    let found = below.filter_map(|(_, team)| team.members.get(&who).copied());
    let word = found.min().and_then(word).ok_or_else(Problem::not_found)?;
    Ok(ok(&json!({ "state": word, "role": "member" })))
}

/// Whether a team is the other one, or somewhere below it.
fn is_below<'a>(teams: &'a BTreeMap<String, Team>, mut slug: &'a str, above: &str) -> bool {
    loop {
        if slug == above {
            return true;
        }
        match teams.get(slug).and_then(|team| team.parent.as_deref()) {
            Some(parent) => slug = parent,
            None => return false,
        }
    }
}

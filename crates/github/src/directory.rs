//! Who is who, by GitHub's API.

use crate::{
    GitHub,
    api::{Answer, Call, Route},
    credential::NoToken,
    fault::Fault,
};
use async_trait::async_trait;
use domain::{AccountId, Login, Membership, Person, TeamName};
use http::StatusCode;
use ports::directory::{Directory, Error};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How deep teams are nested at most, as far as we look.
const DEPTH_MAX: usize = 16;
/// The role of whoever sees the bills of an organisation, and is not among its members.
const BILLING: &str = "billing_manager";

#[derive(Deserialize)]
struct User {
    login: String,
    id: u64,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    state: String,
    role: Option<String>,
    user: Option<User>,
}

impl Found {
    /// In our words. A state that is not known yet gives no right, nor does to pay the bills of an organisation.
    fn membership(&self) -> Membership {
        match (self.state.as_str(), self.role.as_deref()) {
            (_, Some(BILLING)) => Membership::Absent,
            ("active", _) => Membership::Active,
            ("pending", _) => Membership::Pending,
            _ => Membership::Absent,
        }
    }
}

#[derive(Deserialize)]
struct Organisation {
    login: String,
}

#[derive(Deserialize)]
struct Team {
    slug: String,
    organization: Option<Organisation>,
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    slug: String,
}

/// Reads a membership, where 404 says that there is none.
fn found(answer: Result<Answer, Fault>) -> Result<Option<Found>, Error> {
    match answer {
        Ok(answer) => answer.json().map(Some).map_err(Fault::in_directory),
        Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
        Err(fault) => Err(fault.in_directory()),
    }
}

impl GitHub {
    async fn look_up(&self, account: &Login, route: Route) -> Result<Option<Found>, Error> {
        match self.as_server(account, &Call::get(route)).await {
            Ok(answer) => found(Ok(answer)),
            Err(NoToken::Fault(fault)) if fault.is(StatusCode::UNAUTHORIZED) => {
                // The server's token, not the person's.
                Err(Error::NoCredential {
                    account: account.clone(),
                })
            }
            Err(NoToken::Fault(fault)) => found(Err(fault)),
            Err(NoToken::None(_) | NoToken::BadApp(_)) => Err(Error::NoCredential {
                account: account.clone(),
            }),
        }
    }

    /// The team above one, however it is named.
    async fn parent(&self, token: &SecretString, team: &TeamName) -> Result<Option<String>, Error> {
        let organisation = team.organisation().as_str();
        let route = Route::new(&["orgs", organisation, "teams", team.slug()]);
        match self.api.call(&Call::get(route), Some(token)).await {
            Ok(answer) => {
                let team: Team = answer.json().map_err(Fault::in_directory)?;
                Ok(team.parent.map(|parent| parent.slug))
            }
            // A secret team above: whoever may not see it has nothing from it.
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault.in_directory()),
        }
    }
}

#[async_trait]
impl Directory for GitHub {
    async fn identify(&self, token: &SecretString) -> Result<Person, Error> {
        let call = Call::get(Route::new(&["user"]));
        let answer = self.api.call(&call, Some(token)).await;
        let user: User = answer
            .and_then(|answer| answer.json())
            .map_err(Fault::in_directory)?;
        let login = user.login.parse();
        Ok(Person {
            login: login.map_err(|_| Fault::unreadable("a login").in_directory())?,
            id: AccountId(user.id),
            name: user.name.filter(|name| !name.is_empty()),
        })
    }

    async fn membership(
        &self,
        token: &SecretString,
        organisation: &Login,
    ) -> Result<Membership, Error> {
        let route = Route::new(&["user", "memberships", "orgs", organisation.as_str()]);
        let found = found(self.api.call(&Call::get(route), Some(token)).await)?;
        Ok(found.map_or(Membership::Absent, |found| found.membership()))
    }

    async fn teams(
        &self,
        token: &SecretString,
        organisations: &BTreeSet<Login>,
    ) -> Result<BTreeSet<TeamName>, Error> {
        let route = Route::new(&["user", "teams"]);
        let pages: Vec<Vec<Team>> = self
            .api
            .pages(route, Some(token))
            .await
            .map_err(Fault::in_directory)?;
        let mut teams = BTreeSet::new();
        let mut above = BTreeSet::new();
        for team in pages.into_iter().flatten() {
            let organisation = team.organization.and_then(|o| o.login.parse().ok());
            let Some(organisation) = organisation.filter(|o| organisations.contains(o)) else {
                continue;
            };
            above.extend(
                team.parent.and_then(|parent| {
                    TeamName::new(Login::clone(&organisation), &parent.slug).ok()
                }),
            );
            teams.extend(TeamName::new(organisation, &team.slug));
        }
        // Who is in a team is in those above it, which the list does not have.
        for _ in 0..DEPTH_MAX {
            let fresh: Vec<TeamName> = above.difference(&teams).cloned().collect();
            if fresh.is_empty() {
                break;
            }
            for team in fresh {
                if let Some(parent) = self.parent(token, &team).await? {
                    above.extend(TeamName::new(team.organisation().clone(), &parent));
                }
                teams.insert(team);
            }
        }
        Ok(teams)
    }

    async fn membership_of(
        &self,
        person: &Person,
        organisation: &Login,
    ) -> Result<Membership, Error> {
        let (organisation_name, login) = (organisation.as_str(), person.login.as_str());
        let route = Route::new(&["orgs", organisation_name, "memberships", login]);
        let found = self.look_up(organisation, route).await?;
        let is_them = |found: &Found| found.user.as_ref().is_some_and(|u| u.id == person.id.0);
        let found = found.filter(is_them);
        Ok(found.map_or(Membership::Absent, |found| found.membership()))
    }

    async fn team_membership_of(
        &self,
        person: &Person,
        team: &TeamName,
    ) -> Result<Membership, Error> {
        let organisation = team.organisation();
        // The answer about a team does not say whose account it is about; that about its organisation does.
        let inside = self.membership_of(person, organisation).await?;
        if !inside.is_active() {
            return Ok(Membership::Absent);
        }
        let route = Route::new(&[
            "orgs",
            organisation.as_str(),
            "teams",
            team.slug(),
            "memberships",
            person.login.as_str(),
        ]);
        let found = self.look_up(organisation, route).await?;
        Ok(found.map_or(Membership::Absent, |found| found.membership()))
    }
}

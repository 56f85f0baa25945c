//! Who may do what: grants to organisations and teams, and the one decision that is made of them.
//!
//! **Invariant:** nobody may do anything that no grant allows. A grant only ever adds.

mod decide;
pub mod file;

pub use decide::{Missing, decide};

use crate::{AppName, EnvironmentName, Login, TeamName, token::Role};
use std::{collections::BTreeSet, fmt};

/// Whom a grant is given to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Everybody in an organisation.
    Organisation(Login),
    /// Everybody in a team.
    Team(TeamName),
    /// Whoever bears the Jockey token of this name. Never in a file: a token has its role with it.
    Token(String),
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organisation(organisation) => write!(f, "organisation {organisation}"),
            Self::Team(team) => write!(f, "team {team}"),
            Self::Token(name) => write!(f, "token {name}"),
        }
    }
}

/// Which of the Apps, or of the Environments, a grant is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach<T> {
    /// Those that are there, and those that will be.
    All,
    /// At least one.
    Only(BTreeSet<T>),
}

impl<T: Ord> Reach<T> {
    fn covers(&self, part: &Part<T>) -> bool {
        match (self, part) {
            (Self::All, _) => true,
            (Self::Only(names), Part::One(name)) => names.contains(name),
            (Self::Only(names), Part::Any) => !names.is_empty(),
            (Self::Only(_), Part::Every) => false,
        }
    }
}

/// What a grant is for: these Apps, in these Environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub apps: Reach<AppName>,
    pub environments: Reach<EnvironmentName>,
}

impl Scope {
    /// The whole Installation.
    pub const EVERYTHING: Self = Self {
        apps: Reach::All,
        environments: Reach::All,
    };

    /// Whether it is for all of a place.
    #[must_use]
    pub fn covers(&self, place: &Place) -> bool {
        self.apps.covers(&place.app) && self.environments.covers(&place.environment)
    }
}

/// As in `shop, api in staging`, or `everything`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn listed<T: fmt::Display>(names: &BTreeSet<T>) -> String {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            names.join(", ")
        }
        match (&self.apps, &self.environments) {
            (Reach::All, Reach::All) => f.write_str("everything"),
            (Reach::All, Reach::Only(environments)) => {
                write!(f, "every app in {}", listed(environments))
            }
            (Reach::Only(apps), Reach::All) => {
                write!(f, "{} in every environment", listed(apps))
            }
            (Reach::Only(apps), Reach::Only(environments)) => {
                write!(f, "{} in {}", listed(apps), listed(environments))
            }
        }
    }
}

/// A role, for somebody, somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub to: Grantee,
    pub role: Role,
    pub scope: Scope,
}

/// As in `deployer of every app in staging, as team acme/ops`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, as {}", self.role, self.scope, self.to)
    }
}

/// How much of the Apps, or of the Environments, a call touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<T> {
    /// The one of this name.
    One(T),
    /// None in particular: a right in any of them suffices.
    Any,
    /// All of them, or what belongs to none: only a right in all suffices.
    Every,
}

/// What a call touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub app: Part<AppName>,
    pub environment: Part<EnvironmentName>,
}

impl Place {
    /// Nothing in particular.
    pub const ANYWHERE: Self = Self {
        app: Part::Any,
        environment: Part::Any,
    };
    /// The whole Installation.
    pub const EVERYWHERE: Self = Self {
        app: Part::Every,
        environment: Part::Every,
    };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.app, &self.environment) {
            (Part::Any, Part::Any) => f.write_str("anything"),
            (Part::Every, Part::Every) => f.write_str("everything"),
            (Part::One(app), Part::Any) => write!(f, "{app}"),
            (Part::One(app), Part::One(environment)) => write!(f, "{app} in {environment}"),
            (Part::One(app), Part::Every) => write!(f, "{app} in every environment"),
            (Part::Any, Part::One(environment)) => write!(f, "any app in {environment}"),
            (Part::Every, Part::One(environment)) => write!(f, "every app in {environment}"),
            (Part::Any, Part::Every) => f.write_str("any app in every environment"),
            (Part::Every, Part::Any) => f.write_str("every app in any environment"),
        }
    }
}

/// What somebody is in, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    pub organisations: BTreeSet<Login>,
    pub teams: BTreeSet<TeamName>,
}

/// All grants of an Installation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    organisations: BTreeSet<Login>,
    grants: Vec<Grant>,
}

impl Policy {
    /// These grants.
    #[must_use]
    pub fn new(grants: Vec<Grant>) -> Self {
        let mut policy = Self::default();
        for grant in grants {
            policy.add(grant);
        }
        policy
    }

    /// One grant more.
    pub fn add(&mut self, grant: Grant) {
        let organisation = match &grant.to {
            Grantee::Organisation(organisation) => Some(organisation),
            Grantee::Team(team) => Some(team.organisation()),
            Grantee::Token(_) => None,
        };
        self.organisations.extend(organisation.cloned());
        self.grants.push(grant);
    }

    /// The organisations whose members may have a right: those to ask about.
    #[must_use]
    pub const fn organisations(&self) -> &BTreeSet<Login> {
        &self.organisations
    }

    /// The teams whose members may have a right.
    pub fn teams(&self) -> impl Iterator<Item = &TeamName> {
        self.grants.iter().filter_map(|grant| match &grant.to {
            Grantee::Team(team) => Some(team),
            Grantee::Organisation(_) | Grantee::Token(_) => None,
        })
    }

    /// All of them, in the order in which they were written.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What somebody of this standing is granted. A team counts only with its organisation: who is out of that is out
    /// of all of it.
    #[must_use]
    pub fn grants_of(&self, standing: &Standing) -> Vec<Grant> {
        let is_theirs = |grant: &&Grant| match &grant.to {
            Grantee::Organisation(organisation) => standing.organisations.contains(organisation),
            Grantee::Team(team) => {
                standing.teams.contains(team)
                    && standing.organisations.contains(team.organisation())
            }
            Grantee::Token(_) => false,
        };
        self.grants.iter().filter(is_theirs).cloned().collect()
    }
}

#[cfg(test)]
mod tests;

//! The file that says who may do what.
//!
//! ```toml
//! organisations = ["acme"]          # nobody outside these gets anything
//!
//! [[grant]]
//! organisation = "acme"             # everybody in it
//! role = "viewer"                   # viewer, deployer or admin; each may do what those before it may
//!
//! [[grant]]
//! team = "acme/ops"
//! role = "deployer"
//! apps = ["shop"]                   # left out: every app
//! environments = ["production"]     # left out: every environment
//! ```

use super::{Grant, Grantee, Policy, Reach, Scope};
use crate::{Login, TeamName};
use serde::Deserialize;
use std::{collections::BTreeSet, fmt::Display, str::FromStr};

/// The most grants of a file: each is looked at for each call.
pub const GRANTS_MAX: usize = 500;
/// The most organisations of a file: each is asked about for each person.
pub const ORGANISATIONS_MAX: usize = 20;

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// Not TOML, or a key that is not known, or a value of the wrong kind. Names the line.
    #[error("{0}")]
    Syntax(String),
    #[error("organisations: {0}")]
    Organisation(String),
    /// A value that is not allowed. `number` counts from 1.
    #[error("grant {number}: {key}: {what}")]
    Value {
        number: usize,
        key: &'static str,
        what: String,
    },
    #[error("it has {found} {what}; at most {most} are allowed")]
    TooMany {
        what: &'static str,
        found: usize,
        most: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    organisations: Vec<String>,
    #[serde(default, rename = "grant")]
    grants: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    organisation: Option<String>,
    team: Option<String>,
    role: String,
    apps: Option<Vec<String>>,
    environments: Option<Vec<String>>,
}

/// Reads such a file.
///
/// # Errors
/// `BadPolicy`.
pub fn parse(text: &str) -> Result<Policy, BadPolicy> {
    let file: File =
        toml::from_str(text).map_err(|error| BadPolicy::Syntax(syntax(text, &error)))?;
    few("organisations", file.organisations.len(), ORGANISATIONS_MAX)?;
    few("grants", file.grants.len(), GRANTS_MAX)?;
    let organisations = file.organisations.iter().map(|name| {
        name.parse::<Login>()
            .map_err(|error| BadPolicy::Organisation(error.to_string()))
    });
    let organisations: BTreeSet<Login> = organisations.collect::<Result<_, _>>()?;
    let grants = file.grants.into_iter().enumerate().map(|(index, row)| {
        row.grant(&organisations)
            .map_err(|(key, what)| BadPolicy::Value {
                number: index + 1,
                key,
                what,
            })
    });
    Ok(Policy::new(grants.collect::<Result<_, _>>()?))
}

fn few(what: &'static str, found: usize, most: usize) -> Result<(), BadPolicy> {
    if found > most {
        return Err(BadPolicy::TooMany { what, found, most });
    }
    Ok(())
}

/// A key, and what is wrong with its value.
type Wrong = (&'static str, String);

impl Row {
    fn grant(self, organisations: &BTreeSet<Login>) -> Result<Grant, Wrong> {
        let to = grantee(self.organisation.as_deref(), self.team.as_deref())?;
        let (key, of) = match &to {
            Grantee::Team(team) => ("team", Some(team.organisation())),
            Grantee::Organisation(organisation) => ("organisation", Some(organisation)),
            Grantee::Token(_) => ("team", None),
        };
        if let Some(of) = of.filter(|of| !organisations.contains(of)) {
            let what = format!(
                "`{of}` is not among the organisations at the top of the file; add it there, or mend the name"
            );
            return Err((key, what));
        }
        Ok(Grant {
            to,
            role: self.role.parse().map_err(|error| wrong("role", error))?,
            scope: Scope {
                apps: reach("apps", self.apps)?,
                environments: reach("environments", self.environments)?,
            },
        })
    }
}

fn grantee(organisation: Option<&str>, team: Option<&str>) -> Result<Grantee, Wrong> {
    match (organisation, team) {
        (Some(organisation), None) => {
            let organisation = organisation.parse::<Login>();
            let organisation = organisation.map_err(|error| wrong("organisation", error))?;
            Ok(Grantee::Organisation(organisation))
        }
        (None, Some(team)) => {
            let team = team.parse::<TeamName>();
            Ok(Grantee::Team(team.map_err(|error| wrong("team", error))?))
        }
        (Some(_), Some(_)) => Err((
            "team",
            "it has an organisation and a team; a team's organisation is in its name, so leave `organisation` out"
                .to_owned(),
        )),
        (None, None) => Err((
            "team",
            "it is for nobody; say `team = \"organisation/team\"` or `organisation = \"…\"`".to_owned(),
        )),
    }
}

fn reach<T: FromStr<Err: Display> + Ord>(
    key: &'static str,
    names: Option<Vec<String>>,
) -> Result<Reach<T>, Wrong> {
    let Some(names) = names else {
        return Ok(Reach::All);
    };
    if names.is_empty() {
        return Err((
            key,
            "an empty list is for nothing; leave the key out for all, or name some".to_owned(),
        ));
    }
    let names = names.iter().map(|name| name.parse::<T>());
    let names = names.collect::<Result<_, _>>();
    Ok(Reach::Only(names.map_err(|error| wrong(key, error))?))
}

fn wrong(key: &'static str, error: impl Display) -> Wrong {
    (key, error.to_string())
}

/// One line: the parser's own text spans several, with a picture of the place.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

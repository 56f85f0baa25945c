//! People, and the organisations and teams of a code host that say what they may do.

use crate::{Timestamp, token::Role};
use std::{fmt, str::FromStr};

/// The longest login of GitHub, in characters.
pub const LOGIN_MAX: usize = 39;
/// The longest slug of a team that is taken. GitHub makes it of a name of at most 100 characters.
pub const SLUG_MAX: usize = 100;

/// Before a person's login where events say who did something: names of tokens stand there too, and none has it.
pub const AS_ACTOR: &str = "github:";

/// What a person, a machine account or an organisation is called at the code host. Compares without case, as GitHub
/// does, and can be given up and taken by somebody else: who it was is said by the `AccountId`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

/// Text that is no login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an account; give letters, digits and `-`, at most 39 of them")]
pub struct BadLogin(pub String);

impl Login {
    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Login {
    type Err = BadLogin;
    fn from_str(text: &str) -> Result<Self, BadLogin> {
        // An App acts as `name[bot]`; an enterprise that manages its users adds `_` and its short code.
        let name = text.strip_suffix("[bot]").unwrap_or(text);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let good = (1..=LOGIN_MAX).contains(&name.len())
            && name.bytes().all(plain)
            && !name.starts_with(['-', '_']);
        if good {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(BadLogin(text.to_owned()))
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The number of an account at the code host. Never given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub login: Login,
    pub id: AccountId,
    /// What they call themselves, where they say so.
    pub name: Option<String>,
}

/// Somebody who was seen through the code host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPerson {
    pub person: Person,
    /// The highest role that they had anywhere when they were last seen. None: none.
    pub role: Option<Role>,
    /// The teams that they were in when they were last seen, in order.
    pub teams: Vec<TeamName>,
    pub first_seen_at: Timestamp,
    /// To the minute, so that reading does not become writing.
    pub last_seen_at: Timestamp,
}

/// A team: `organisation/slug`. Compares without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamName {
    organisation: Login,
    slug: String,
}

/// Text that is no team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a team; write it as organisation/team, as it stands in the team's address")]
pub struct BadTeamName(pub String);

impl TeamName {
    /// A team of an organisation.
    ///
    /// # Errors
    /// `BadTeamName` when the slug is none: letters, digits, `-`, `_` and `.`.
    pub fn new(organisation: Login, slug: &str) -> Result<Self, BadTeamName> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let good = (1..=SLUG_MAX).contains(&slug.len())
            && slug.bytes().all(plain)
            && !slug.starts_with('.');
        if good {
            let slug = slug.to_ascii_lowercase();
            Ok(Self { organisation, slug })
        } else {
            Err(BadTeamName(format!("{organisation}/{slug}")))
        }
    }

    /// Whose team it is.
    #[must_use]
    pub const fn organisation(&self) -> &Login {
        &self.organisation
    }

    /// Its name within the organisation, as addresses have it.
    #[must_use]
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

impl FromStr for TeamName {
    type Err = BadTeamName;
    fn from_str(text: &str) -> Result<Self, BadTeamName> {
        let bad = || BadTeamName(text.to_owned());
        let (organisation, slug) = text.split_once('/').ok_or_else(bad)?;
        let organisation = organisation.parse().map_err(|_| bad())?;
        Self::new(organisation, slug).map_err(|_| bad())
    }
}

impl fmt::Display for TeamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.organisation, self.slug))
    }
}

/// How somebody stands to an organisation or a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Membership {
    /// In it.
    Active,
    /// Invited, and has not said yes. May nothing yet.
    Pending,
    /// Not in it, or not in it as far as the one who asks may know.
    Absent,
}

impl Membership {
    /// Whether it gives any right.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Active => true,
            Self::Pending | Self::Absent => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_compare_without_case_and_hold_no_path() {
        assert_eq!("OctoCat".parse::<Login>(), "octocat".parse());
        for good in ["a", "acme-corp", "mona_acme", "jockey[bot]", "0"] {
            assert!(good.parse::<Login>().is_ok(), "{good}");
        }
        let long = "a".repeat(40);
        for bad in ["", "-a", "a/b", "a b", "../x", "a?b", "[bot]", &long] {
            assert!(bad.parse::<Login>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_team_is_written_as_its_address_has_it() {
        let team: TeamName = "Acme/Site-Ops".parse().unwrap();
        assert_eq!(team.to_string(), "acme/site-ops");
        assert_eq!(team.organisation().as_str(), "acme");
        assert_eq!(team.slug(), "site-ops");
        for bad in ["ops", "acme/", "/ops", "acme/a/b", "acme/..", "acme/a b"] {
            let error = bad.parse::<TeamName>();
            assert_eq!(error, Err(BadTeamName(bad.to_owned())));
        }
    }
}

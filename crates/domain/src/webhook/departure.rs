use crate::{
    access::Standing,
    people::{AccountId, Login, Person, TeamName},
};
use std::collections::BTreeMap;

/// Whoever of an organisation may not be any more in what they were in. What was confirmed of them before it counts no
/// more: they are asked about again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// By the name that it had before.
    pub organisation: Login,
    pub who: Whose,
}

/// Who that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// One person. At least one of the two is there.
    Person {
        id: Option<AccountId>,
        login: Option<Login>,
    },
    /// Whoever is in a team.
    Team(TeamName),
    /// Everybody in the organisation.
    Everybody,
}

impl Departure {
    /// The first part of the kind of its event.
    pub const KIND: &str = "people";

    /// From this organisation.
    #[must_use]
    pub const fn from(organisation: Login, who: Whose) -> Self {
        Self { organisation, who }
    }

    /// Whether what was confirmed of this person, and what they were in then, counts no more.
    #[must_use]
    pub fn concerns(&self, person: &Person, standing: &Standing) -> bool {
        match &self.who {
            // A login can be given up and taken by somebody else.
            Whose::Person { id: Some(id), .. } => person.id == *id,
            Whose::Person { id: None, login } => login.as_ref() == Some(&person.login),
            Whose::Team(team) => standing.teams.contains(team),
            Whose::Everybody => standing.organisations.contains(&self.organisation),
        }
    }

    /// What its event tells programs.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::from([("organisation", self.organisation.to_string())]);
        match &self.who {
            Whose::Person { id, login } => {
                facts.extend(id.map(|id| ("account", id.to_string())));
                facts.extend(login.as_ref().map(|login| ("login", login.to_string())));
            }
            Whose::Team(team) => {
                facts.insert("team", team.to_string());
            }
            Whose::Everybody => {}
        }
        let named = facts
            .into_iter()
            .map(|(name, fact)| (name.to_owned(), fact));
        named.collect()
    }

    /// The departure that an event of its kind tells of. None: not one of ours.
    #[must_use]
    pub fn of_facts(facts: &BTreeMap<String, String>) -> Option<Self> {
        let organisation = facts.get("organisation")?.parse().ok()?;
        let (account, login) = (facts.get("account"), facts.get("login"));
        let who = match (account, login, facts.get("team")) {
            (None, None, None) => Whose::Everybody,
            (None, None, Some(team)) => Whose::Team(team.parse().ok()?),
            (account, login, _) => Whose::Person {
                id: match account {
                    Some(account) => Some(AccountId(account.parse().ok()?)),
                    None => None,
                },
                login: match login {
                    Some(login) => Some(login.parse().ok()?),
                    None => None,
                },
            },
        };
        Some(Self { organisation, who })
    }
}

/// Whom it is about, for people.
impl std::fmt::Display for Departure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.who {
            Whose::Person {
                login: Some(login), ..
            } => write!(f, "{login}"),
            Whose::Person { id: Some(id), .. } => write!(f, "account {id}"),
            Whose::Person { .. } => f.write_str("somebody"),
            Whose::Team(team) => write!(f, "everybody in {team}"),
            Whose::Everybody => write!(f, "everybody in {}", self.organisation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mona() -> Person {
        Person {
            login: "mona".parse().unwrap(),
            id: AccountId(1),
            name: None,
        }
    }

    fn from_acme(who: Whose) -> Departure {
        Departure::from("acme".parse().unwrap(), who)
    }

    fn person(id: Option<u64>, login: Option<&str>) -> Departure {
        from_acme(Whose::Person {
            id: id.map(AccountId),
            login: login.map(|login| login.parse().unwrap()),
        })
    }

    #[test]
    fn a_departure_concerns_whom_it_is_about_and_nobody_else() {
        let standing = Standing {
            organisations: ["acme".parse().unwrap()].into(),
            teams: ["acme/ops".parse().unwrap()].into(),
        };
        let team = |name: &str| from_acme(Whose::Team(name.parse().unwrap()));
        let elsewhere = Departure::from("else".parse().unwrap(), Whose::Everybody);
        for (departure, is_hers) in [
            (person(Some(1), Some("mona")), true),
            (person(Some(1), Some("renamed")), true),
            (person(Some(2), Some("mona")), false),
            (person(None, Some("mona")), true),
            (person(None, Some("lisa")), false),
            (team("acme/ops"), true),
            (team("acme/dev"), false),
            (from_acme(Whose::Everybody), true),
            (elsewhere, false),
        ] {
            assert_eq!(
                departure.concerns(&mona(), &standing),
                is_hers,
                "{departure:?}"
            );
        }
    }

    #[test]
    fn a_departure_reads_back_from_its_event() {
        for (departure, shown) in [
            (person(Some(1), Some("mona")), "mona"),
            (person(Some(1), None), "account 1"),
            (person(None, Some("mona")), "mona"),
            (
                from_acme(Whose::Team("acme/ops".parse().unwrap())),
                "everybody in acme/ops",
            ),
            (from_acme(Whose::Everybody), "everybody in acme"),
        ] {
            assert_eq!(departure.to_string(), shown);
            assert_eq!(Departure::of_facts(&departure.facts()), Some(departure));
        }
        assert_eq!(Departure::of_facts(&BTreeMap::new()), None);
    }
}

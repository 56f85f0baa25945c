//! People who were seen through GitHub.

use super::{time, token};
use domain::people::KnownPerson;
use proto::v1;

pub(crate) fn wire(known: &KnownPerson) -> v1::User {
    v1::User {
        login: known.person.login.to_string(),
        account: known.person.id.to_string(),
        name: known.person.name.clone().unwrap_or_default(),
        role: known.role.map_or(v1::Role::Unspecified, token::role).into(),
        teams: known.teams.iter().map(ToString::to_string).collect(),
        first_seen_time: Some(time::wire(known.first_seen_at)),
        last_seen_time: Some(time::wire(known.last_seen_at)),
    }
}

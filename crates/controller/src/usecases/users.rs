//! People who were seen through the code host.

use super::{Ctx, Error, Kind};
use domain::{people::KnownPerson, token::Role};

/// Everybody who was ever seen, in order of login; with one role where it is given.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, role: Option<Role>) -> Result<Vec<KnownPerson>, Error> {
    let mut people = ctx.store().list_people().await?;
    people.retain(|person| role.is_none_or(|role| person.role == Some(role)));
    Ok(people)
}

/// Somebody, by login or by the number of their account. Of several who have had one login, whoever was seen last.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<KnownPerson, Error> {
    let wanted = which.to_ascii_lowercase();
    let people = ctx.store().list_people().await?;
    let named = people
        .iter()
        .filter(|known| known.person.login.as_str() == wanted);
    let numbered = people
        .iter()
        .find(|known| known.person.id.to_string() == wanted);
    let found = named.max_by_key(|known| known.last_seen_at).or(numbered);
    found
        .cloned()
        .ok_or_else(|| Error::unknown(Kind::User, which))
}

//! People who were seen through the code host.

use super::{Change, Error};
use async_trait::async_trait;
use domain::{AccountId, people::KnownPerson, webhook::Departure};

/// People. Listed in order of login; there are as many as an organisation has members.
#[async_trait]
pub trait Users: Send + Sync {
    /// Notes that somebody was seen: who they are now, what they may do, and when. When they were first seen stays.
    ///
    /// # Errors
    /// None but those of the database.
    async fn see_person(&self, person: &KnownPerson) -> Result<(), Error>;

    /// Everybody who was ever seen.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_people(&self) -> Result<Vec<KnownPerson>, Error>;

    /// Somebody by the number of their account.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_person(&self, account: AccountId) -> Result<Option<KnownPerson>, Error>;

    /// Tells every server on this database that somebody may have left, as an event of the kind `people.departed` with
    /// the departure as its facts.
    ///
    /// # Errors
    /// None but those of the database.
    async fn tell_of_departure(&self, departure: Departure, change: &Change) -> Result<(), Error>;
}

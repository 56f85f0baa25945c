//! People who were seen through the code host.

use super::Store;
use async_trait::async_trait;
use domain::{AccountId, people::KnownPerson, webhook::Departure};
use ports::store::{Change, Error, Users};

#[async_trait]
impl Users for Store {
    async fn see_person(&self, person: &KnownPerson) -> Result<(), Error> {
        self.write(|state| {
            let account = person.person.id.0;
            let mut seen = person.clone();
            if let Some(known) = state.people.get(&account) {
                seen.first_seen_at = known.first_seen_at;
            }
            state.people.insert(account, seen);
            Ok(())
        })
    }

    async fn list_people(&self) -> Result<Vec<KnownPerson>, Error> {
        Ok(self.read(|state| {
            let mut people: Vec<KnownPerson> = state.people.values().cloned().collect();
            people.sort_by(|a, b| a.person.login.cmp(&b.person.login));
            people
        }))
    }

    async fn find_person(&self, account: AccountId) -> Result<Option<KnownPerson>, Error> {
        Ok(self.read(|state| state.people.get(&account.0).cloned()))
    }

    async fn tell_of_departure(&self, departure: Departure, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.tell_of_departure(&departure, change);
            Ok(())
        })
    }
}

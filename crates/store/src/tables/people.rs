//! People who were seen through the code host.

use crate::{
    Store,
    fault::{Fault, number, parse},
    json,
    schema::people,
    tx::Tx,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AccountId, Login, Person, TeamName, Timestamp, people::KnownPerson, token::Role,
    webhook::Departure,
};
use ports::store::{Change, Error, Users, events::NewEvent};

#[derive(Queryable, Selectable)]
#[diesel(table_name = people)]
struct PersonRow {
    account: i64,
    login: String,
    name: Option<String>,
    role: String,
    teams: String,
    first_seen_at: i64,
    last_seen_at: i64,
}

impl PersonRow {
    fn person(self) -> Result<KnownPerson, Fault> {
        let login: Login = parse(&self.login)?;
        let role = match self.role.as_str() {
            "" => None,
            role => Some(parse(role)?),
        };
        let teams: Vec<String> = json::unplain(&self.teams)?;
        let teams: Result<Vec<TeamName>, Fault> = teams.iter().map(|team| parse(team)).collect();
        Ok(KnownPerson {
            person: Person {
                login,
                id: AccountId(number(self.account)?),
                name: self.name,
            },
            role,
            teams: teams?,
            first_seen_at: Timestamp::from_micros(self.first_seen_at),
            last_seen_at: Timestamp::from_micros(self.last_seen_at),
        })
    }
}

/// The number of an account as it is stored.
fn key(account: AccountId) -> Result<i64, Fault> {
    i64::try_from(account.0).map_err(crate::fault::corrupt)
}

pub(super) fn tell_of(
    tx: &mut Tx<'_>,
    departure: &Departure,
    change: &Change,
) -> Result<(), Fault> {
    tx.add_event(&NewEvent {
        at: change.at,
        kind: format!("{}.departed", Departure::KIND),
        actor: change.actor.clone(),
        subject: departure.organisation.to_string(),
        app: None,
        environment: None,
        message: change.message.clone(),
        facts: departure.facts(),
    })
}

#[async_trait]
impl Users for Store {
    async fn see_person(&self, person: &KnownPerson) -> Result<(), Error> {
        let seen = person.clone();
        self.write(move |tx| {
            let teams: Vec<String> = seen.teams.iter().map(ToString::to_string).collect();
            let account = key(seen.person.id)?;
            let (login, name) = (seen.person.login.as_str(), seen.person.name.as_deref());
            let (role, teams) = (seen.role.map_or("", Role::as_str), json::plain(&teams)?);
            let last_seen = people::last_seen_at.eq(seen.last_seen_at.micros());
            let known = diesel::update(people::table.find(account))
                .set((
                    people::login.eq(login),
                    people::name.eq(name),
                    people::role.eq(role),
                    people::teams.eq(&teams),
                    last_seen,
                ))
                .execute(tx.conn)?;
            if known == 0 {
                diesel::insert_into(people::table)
                    .values((
                        people::account.eq(account),
                        people::login.eq(login),
                        people::name.eq(name),
                        people::role.eq(role),
                        people::teams.eq(&teams),
                        people::first_seen_at.eq(seen.first_seen_at.micros()),
                        last_seen,
                    ))
                    .execute(tx.conn)?;
            }
            Ok(())
        })
        .await
    }

    async fn list_people(&self) -> Result<Vec<KnownPerson>, Error> {
        self.read(|conn| {
            let rows: Vec<PersonRow> = people::table
                .order((people::login, people::account))
                .select(PersonRow::as_select())
                .load(conn)?;
            rows.into_iter().map(PersonRow::person).collect()
        })
        .await
    }

    async fn find_person(&self, account: AccountId) -> Result<Option<KnownPerson>, Error> {
        self.read(move |conn| {
            let row: Option<PersonRow> = people::table
                .find(key(account)?)
                .select(PersonRow::as_select())
                .first(conn)
                .optional()?;
            row.map(PersonRow::person).transpose()
        })
        .await
    }

    async fn tell_of_departure(&self, departure: Departure, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| tell_of(tx, &departure, change))
            .await
    }
}

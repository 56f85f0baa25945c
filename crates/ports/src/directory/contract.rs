//! What every `Directory` does, stated as tests for the fake and for GitHub's API alike.

use super::{Directory, Error};
use crate::outage::Outage;
use domain::{AccountId, Login, Membership, Person, TeamName, Timestamp};
use secrecy::SecretString;
use std::{collections::BTreeSet, sync::Arc};

/// A directory to test, and what is in it.
pub struct Ground {
    pub directory: Arc<dyn Directory>,
    pub outage: Arc<dyn Outage>,
    /// A person and a token of theirs.
    pub person: Person,
    pub token: SecretString,
    /// A token that nobody has.
    pub bad_token: SecretString,
    /// They are in it.
    pub organisation: Login,
    /// They are invited to it.
    pub invites: Login,
    /// It is there, and they are not in it.
    pub others: Login,
    /// They are in it, and it does not let their token in.
    pub closed: Login,
    /// It is not there.
    pub nowhere: Login,
    /// All their teams in `organisation`: more than a page holds.
    pub teams: BTreeSet<TeamName>,
    /// A team of `organisation` that they are not in.
    pub other_team: TeamName,
    /// A team of `organisation` that they are invited to.
    pub inviting_team: TeamName,
}

/// All of it.
///
/// # Panics
/// When the directory does otherwise.
pub async fn contract(ground: &Ground) {
    a_token_says_who_bears_it(ground).await;
    only_who_said_yes_is_a_member(ground).await;
    a_token_that_is_kept_out_says_nothing_of_its_bearer(ground).await;
    teams_come_from_all_pages(ground).await;
    the_server_can_ask_without_the_token(ground).await;
    a_login_taken_by_another_is_another(ground).await;
    silence_and_limits_are_told_apart(ground).await;
}

async fn a_token_says_who_bears_it(ground: &Ground) {
    let found = ground.directory.identify(&ground.token).await;
    assert_eq!(found.as_ref(), Ok(&ground.person));
    let found = ground.directory.identify(&ground.bad_token).await;
    assert_eq!(found, Err(Error::BadToken));
}

async fn only_who_said_yes_is_a_member(ground: &Ground) {
    for (organisation, want) in [
        (&ground.organisation, Membership::Active),
        (&ground.invites, Membership::Pending),
        (&ground.others, Membership::Absent),
        (&ground.nowhere, Membership::Absent),
    ] {
        let found = ground
            .directory
            .membership(&ground.token, organisation)
            .await;
        assert_eq!(found, Ok(want), "{organisation}");
    }
    let found = ground
        .directory
        .membership(&ground.bad_token, &ground.organisation)
        .await;
    assert_eq!(found, Err(Error::BadToken));
}

async fn a_token_that_is_kept_out_says_nothing_of_its_bearer(ground: &Ground) {
    let found = ground
        .directory
        .membership(&ground.token, &ground.closed)
        .await;
    assert!(matches!(found, Err(Error::Forbidden { .. })), "{found:?}");
}

async fn teams_come_from_all_pages(ground: &Ground) {
    assert!(ground.teams.len() > 100, "more than a page");
    let both = BTreeSet::from([ground.organisation.clone(), ground.others.clone()]);
    let found = ground.directory.teams(&ground.token, &both).await;
    assert_eq!(found.as_ref(), Ok(&ground.teams));
    let others = BTreeSet::from([ground.others.clone()]);
    let found = ground.directory.teams(&ground.token, &others).await;
    assert_eq!(found, Ok(BTreeSet::new()), "teams of others do not count");
    let found = ground.directory.teams(&ground.bad_token, &both).await;
    assert_eq!(found, Err(Error::BadToken));
}

async fn the_server_can_ask_without_the_token(ground: &Ground) {
    let Ground {
        directory, person, ..
    } = ground;
    for (organisation, want) in [
        (&ground.organisation, Membership::Active),
        (&ground.invites, Membership::Pending),
        (&ground.others, Membership::Absent),
    ] {
        let found = directory.membership_of(person, organisation).await;
        assert_eq!(found, Ok(want), "{organisation}");
    }
    let mine = ground.teams.first().expect("they have teams");
    for (team, want) in [
        (mine, Membership::Active),
        (&ground.inviting_team, Membership::Pending),
        (&ground.other_team, Membership::Absent),
    ] {
        let found = directory.team_membership_of(person, team).await;
        assert_eq!(found, Ok(want), "{team}");
    }
    let found = directory.membership_of(person, &ground.nowhere).await;
    let account = ground.nowhere.clone();
    assert_eq!(found, Err(Error::NoCredential { account }));
}

async fn a_login_taken_by_another_is_another(ground: &Ground) {
    let gone = Person {
        id: AccountId(ground.person.id.0 + 1_000_000),
        ..ground.person.clone()
    };
    let found = ground.directory.membership_of(&gone, &ground.organisation);
    assert_eq!(found.await, Ok(Membership::Absent));
    let mine = ground.teams.first().expect("they have teams");
    let found = ground.directory.team_membership_of(&gone, mine);
    assert_eq!(found.await, Ok(Membership::Absent));
}

async fn silence_and_limits_are_told_apart(ground: &Ground) {
    let until = Timestamp::from_micros(1_767_229_200_000_000);
    ground.outage.fall_silent();
    let error = ground
        .directory
        .identify(&ground.token)
        .await
        .expect_err("it is in trouble");
    assert!(matches!(error, Error::NotReachable { .. }), "{error:?}");
    assert!(error.is_transient());
    ground.outage.limit(until);
    let found = ground.directory.identify(&ground.token).await;
    assert_eq!(found, Err(Error::RateLimited { until }));
    ground.outage.recover();
    let found = ground.directory.identify(&ground.token).await;
    assert_eq!(found.as_ref(), Ok(&ground.person));
}

//! Pages by their number.

use super::world::{at, shop};
use crate::{
    Store,
    store::{
        Numbered, SortBy, SortOrder,
        builds::{BuildChoice, NewBuild},
        deploys::{DeployChoice, OnConflict},
    },
};
use domain::{AppId, BuildState, DeployEvent, DeployState};

const ALL: Numbered = Numbered {
    number: 1,
    size: 10,
    by: SortBy::Id,
    order: SortOrder::Ascending,
};

pub async fn pages_have_numbers_and_an_order(store: &dyn Store) {
    let shop = shop(store).await;
    for (second, git_ref) in [(1, "b"), (2, "c"), (3, "a")] {
        let new = NewBuild {
            git_ref: git_ref.parse().unwrap(),
            commit: format!("{second}").repeat(40).parse().unwrap(),
            ..shop.new_build('a')
        };
        store.request_build(new, &at(second)).await.unwrap();
    }
    let every = BuildChoice::default();
    let ids = async |page: Numbered| {
        let found = store.number_builds(&every, page).await.unwrap();
        let numbers: Vec<i64> = found.items.iter().map(|b| b.id.number()).collect();
        (numbers, found.total)
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    for ((number, size), by, order, expected) in [
        ((1, 10), SortBy::Id, up, vec![1, 2, 3]),
        ((1, 2), SortBy::Id, up, vec![1, 2]),
        ((2, 2), SortBy::Id, up, vec![3]),
        ((9, 2), SortBy::Id, up, vec![]),
        ((1, 10), SortBy::Id, down, vec![3, 2, 1]),
        ((1, 10), SortBy::Ref, up, vec![3, 1, 2]),
        ((1, 10), SortBy::Commit, down, vec![3, 2, 1]),
        ((1, 10), SortBy::State, down, vec![1, 2, 3]),
        ((1, 10), SortBy::CreatedAt, down, vec![3, 2, 1]),
        ((1, 10), SortBy::Environment, up, vec![1, 2, 3]),
    ] {
        let page = Numbered {
            number,
            size,
            by,
            order,
        };
        assert_eq!(ids(page).await, (expected, 3), "{page:?}");
    }
}

pub async fn a_page_holds_what_was_chosen_alone(store: &dyn Store) {
    let shop = shop(store).await;
    let mut made = Vec::new();
    for second in 1..=3 {
        let new = shop.new_deploy(OnConflict::Queue);
        made.push(store.create_deploy(new, &at(second)).await.unwrap());
    }
    shop.moved(store, &made[1], DeployEvent::Cancelled)
        .await
        .unwrap();
    let count = async |choice: DeployChoice| {
        let found = store.number_deploys(&choice, ALL).await.unwrap();
        assert_eq!(found.items.len(), usize::try_from(found.total).unwrap());
        found.total
    };
    let of = |states: &[DeployState]| DeployChoice {
        states: states.to_vec(),
        ..DeployChoice::default()
    };
    assert_eq!(count(DeployChoice::default()).await, 3);
    assert_eq!(count(of(&[DeployState::Created])).await, 2);
    let ended = of(&[DeployState::Failed, DeployState::Cancelled]);
    assert_eq!(count(ended).await, 1);
    let elsewhere = DeployChoice {
        app: Some(AppId::new(99)),
        ..DeployChoice::default()
    };
    assert_eq!(count(elsewhere).await, 0);
    let here = DeployChoice {
        environment: Some(shop.environment.id),
        ..DeployChoice::default()
    };
    assert_eq!(count(here).await, 3);

    shop.built(store, 'a', 1).await;
    let builds = |states| BuildChoice {
        app: Some(shop.app.id),
        states,
        commit: None,
    };
    for (states, expected) in [
        (vec![BuildState::Completed], 1),
        (vec![BuildState::Failed], 0),
    ] {
        let found = store.number_builds(&builds(states), ALL).await.unwrap();
        assert_eq!(found.total, expected);
    }
}

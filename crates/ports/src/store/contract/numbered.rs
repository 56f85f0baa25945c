//! Pages by their number.

use super::world::{app, at, environment, shop};
use crate::{
    Store,
    store::{
        Numbered, SortBy, SortOrder,
        builds::{BuildChoice, BuildOutcome, NewBuild},
        deploys::{DeployChoice, DeployPatch, NewDeploy, OnConflict},
    },
};
use domain::{AppId, BuildId, BuildState, DeployEvent, DeployState};

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

/// What a list is asked for: by a column, from which end on; and the numbers that come.
type Row = (SortBy, SortOrder, [i64; 3]);

const UP: SortOrder = SortOrder::Ascending;
const DOWN: SortOrder = SortOrder::Descending;

pub async fn builds_are_sorted_by_each_of_their_columns(store: &dyn Store) {
    let shop = shop(store).await;
    let other = app(store, "other", &shop.stack).await;
    for (second, app) in [(1, other.id), (2, shop.app.id), (3, shop.app.id)] {
        let new = NewBuild {
            app,
            ..shop.new_build('a')
        };
        let commit = format!("{second}").repeat(40).parse().unwrap();
        let new = NewBuild { commit, ..new };
        store.request_build(new, &at(second)).await.unwrap();
    }
    // The third is not completed. One that was cancelled is sorted as one that has failed.
    let reason = || "it broke".to_owned();
    let failed = BuildOutcome::Failed { reason: reason() };
    let cancelled = BuildOutcome::Cancelled { reason: reason() };
    for (number, second, outcome) in [(2, 5, cancelled), (1, 6, failed)] {
        let id = BuildId::new(number);
        let ended = store.finish_build(id, outcome, None, &at(second)).await;
        ended.unwrap();
    }
    let rows: [Row; 8] = [
        (SortBy::State, UP, [1, 2, 3]),
        (SortBy::State, DOWN, [3, 1, 2]),
        (SortBy::App, UP, [2, 3, 1]),
        (SortBy::App, DOWN, [1, 2, 3]),
        (SortBy::CompletedAt, UP, [3, 2, 1]),
        (SortBy::CompletedAt, DOWN, [1, 2, 3]),
        (SortBy::UpdatedAt, UP, [3, 2, 1]),
        (SortBy::Build, DOWN, [3, 2, 1]),
    ];
    for (by, order, want) in rows {
        let page = Numbered { by, order, ..ALL };
        let found = store.number_builds(&BuildChoice::default(), page).await;
        let found = found.unwrap().items.into_iter();
        let numbers: Vec<i64> = found.map(|build| build.id.number()).collect();
        assert_eq!(numbers, want, "{by:?} {order:?}");
    }
}

pub async fn deploys_are_sorted_by_each_of_their_columns(store: &dyn Store) {
    let shop = shop(store).await;
    let staging = environment(store, "staging").await;
    let other = app(store, "other", &shop.stack).await;
    let one = shop.built(store, 'a', 1).await;
    let two = shop.built(store, 'b', 2).await;
    let new = |git_ref: Option<&str>, build| NewDeploy {
        git_ref: git_ref.map(|it| it.parse().unwrap()),
        build,
        ..shop.new_deploy(OnConflict::Queue)
    };
    let first = NewDeploy {
        app: other.id,
        environment: staging.id,
        ..new(Some("b"), None)
    };
    let second = new(Some("a"), Some(two.id));
    let third = new(None, Some(one.id));
    let mut made = Vec::new();
    for (seconds, new) in [(3, first), (2, second), (1, third)] {
        made.push(store.create_deploy(new, &at(seconds)).await.unwrap());
    }
    // One after the other; the first is not over.
    for (deploy, seconds) in [(&made[1], 9), (&made[2], 8)] {
        let (patch, event) = (DeployPatch::default(), DeployEvent::Cancelled);
        let change = at(seconds);
        let ended = store.move_deploy(deploy.id, deploy.state, event, patch, None, &change);
        ended.await.unwrap();
    }
    let rows: [Row; 13] = [
        (SortBy::Id, DOWN, [3, 2, 1]),
        (SortBy::Ref, UP, [3, 2, 1]),
        (SortBy::Ref, DOWN, [1, 2, 3]),
        (SortBy::State, DOWN, [2, 3, 1]),
        (SortBy::CreatedAt, UP, [3, 2, 1]),
        (SortBy::UpdatedAt, UP, [1, 3, 2]),
        (SortBy::CompletedAt, UP, [1, 3, 2]),
        (SortBy::CompletedAt, DOWN, [2, 3, 1]),
        (SortBy::App, UP, [2, 3, 1]),
        (SortBy::Environment, UP, [2, 3, 1]),
        (SortBy::Environment, DOWN, [1, 2, 3]),
        (SortBy::Build, UP, [1, 3, 2]),
        (SortBy::Build, DOWN, [2, 3, 1]),
    ];
    for (by, order, want) in rows {
        let page = Numbered { by, order, ..ALL };
        let found = store.number_deploys(&DeployChoice::default(), page).await;
        let found = found.unwrap().items.into_iter();
        let numbers: Vec<i64> = found.map(|deploy| deploy.id.number()).collect();
        assert_eq!(numbers, want, "{by:?} {order:?}");
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

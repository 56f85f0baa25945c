//! Builds.

use super::world::{at, image, lease, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page,
        builds::{BuildFilter, BuildOutcome, Requested},
        deploys::{NewDeploy, OnConflict},
    },
};
use domain::{
    BuildId, BuildState, DeployEvent,
    app::{Builder, BuilderLayout, Recipe},
    build::{Strategy, Wanted},
};

pub async fn equal_requests_share_a_build(store: &dyn Store) {
    let shop = shop(store).await;
    let fresh = match store
        .request_build(shop.new_build('a'), &at(1))
        .await
        .unwrap()
    {
        Requested::Fresh(build) => build,
        shared @ Requested::Shared(_) => panic!("{shared:?}"),
    };
    let mut by_itself = shop.new_build('a');
    by_itself.wanted = Wanted::ByItself;
    let shared = store.request_build(by_itself, &at(2)).await.unwrap();
    assert!(matches!(&shared, Requested::Shared(build) if build.id == fresh.id));
    assert_eq!(shared.into_build().wanted, Wanted::ByItself);

    let other = store.request_build(shop.new_build('b'), &at(3)).await;
    assert!(matches!(other, Ok(Requested::Fresh(_))), "{other:?}");

    let completed = shop.built(store, 'c', 3).await;
    let shared = store
        .request_build(shop.new_build('c'), &at(4))
        .await
        .unwrap();
    assert!(matches!(&shared, Requested::Shared(build) if build.id == completed.id));
    assert!(store.image_is_kept(&image(3)).await.unwrap());
    store.forget_image(&image(3), &at(5)).await.unwrap();
    assert!(!store.image_is_kept(&image(3)).await.unwrap());
    let again = store
        .request_build(shop.new_build('c'), &at(6))
        .await
        .unwrap();
    assert!(matches!(again, Requested::Fresh(_)), "its image is gone");

    let of_commit = BuildFilter {
        commit: Some("c".repeat(40).parse().unwrap()),
        ..BuildFilter::default()
    };
    let listed = store
        .list_builds(&of_commit, Page::ALL)
        .await
        .unwrap()
        .items;
    let ids: Vec<_> = listed.iter().map(|build| build.id).collect();
    assert_eq!(ids, [again.into_build().id, completed.id], "newest first");
}

pub async fn each_recipe_has_a_build_of_its_own(store: &dyn Store) {
    let shop = shop(store).await;
    let made_by = |recipe: &Recipe| {
        let mut new = shop.new_build('a');
        new.recipe = recipe.clone();
        new
    };
    let plain = Recipe::default();
    let recipes = [
        plain.clone(),
        Recipe {
            dockerfile: Some("other".to_owned()),
            ..plain.clone()
        },
        plain.clone().or_builder(Some(&buildstep("one"))),
        plain.clone().or_builder(Some(&buildstep("two"))),
        Recipe {
            secrets: vec!["npm-token".to_owned()],
            ..plain.clone()
        },
        Recipe {
            secrets: vec!["npm-token".to_owned(), "key".to_owned()],
            ..plain
        },
    ];
    let mut builds = Vec::new();
    for recipe in &recipes {
        let asked = store.request_build(made_by(recipe), &at(3)).await.unwrap();
        assert!(matches!(asked, Requested::Fresh(_)), "{asked:?}");
        builds.push(asked.into_build());
    }
    for (recipe, build) in recipes.iter().zip(&builds) {
        assert_eq!(build.recipe, *recipe);
        let asked = store.request_build(made_by(recipe), &at(4)).await.unwrap();
        assert!(
            matches!(&asked, Requested::Shared(shared) if shared.id == build.id),
            "{asked:?}"
        );
    }
}

pub async fn a_builder_is_no_part_of_what_a_dockerfile_makes(store: &dyn Store) {
    let shop = shop(store).await;
    let made_by = |commit, builder: &str| {
        let mut new = shop.new_build(commit);
        new.recipe = Recipe::default().or_builder(Some(&buildstep(builder)));
        new
    };
    let buildpacks = Strategy::Buildpacks(buildstep("one"));
    for (commit, strategy, shares) in [('a', Strategy::Dockerfile, true), ('b', buildpacks, false)]
    {
        let asked = store.request_build(made_by(commit, "one"), &at(1)).await;
        let build = asked.unwrap().into_build();
        let fence = lease(store, &format!("build/{}", build.id), "one").await;
        store
            .note_strategy(build.id, &strategy, &fence)
            .await
            .unwrap();
        for (builder, shares) in [("one", true), ("two", shares)] {
            let asked = store.request_build(made_by(commit, builder), &at(2)).await;
            let asked = asked.unwrap();
            let shared = matches!(asked, Requested::Shared(_));
            assert_eq!(shared, shares, "{strategy:?} and {builder}: {asked:?}");
        }
    }
}

fn buildstep(image: &str) -> Builder {
    Builder {
        image: image.to_owned(),
        layout: BuilderLayout::Buildstep,
    }
}

pub async fn a_finished_build_stays_finished(store: &dyn Store) {
    let shop = shop(store).await;
    let build = shop.built(store, 'a', 1).await;
    assert_eq!(build.state, BuildState::Completed);
    assert_eq!(build.image, Some(image(1)));
    assert_eq!(
        store.find_build(build.id).await.unwrap(),
        Some(build.clone())
    );
    let outcome = BuildOutcome::Failed {
        reason: "late".to_owned(),
    };
    let error = refused(store.finish_build(build.id, outcome, None, &at(5)).await);
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    assert_eq!(store.find_build(build.id).await.unwrap(), Some(build));
}

pub async fn lines_are_numbered_and_fenced(store: &dyn Store) {
    let shop = shop(store).await;
    let new = shop.new_build('a');
    let build = store.request_build(new, &at(1)).await.unwrap().into_build();
    let fence = lease(store, "build/bld-1", "one").await;
    let line = |number: u32| format!("line {number}");
    for batch in [vec![line(1), line(2)], vec![line(3)]] {
        store
            .append_build_lines(build.id, &batch, at(2).at, &fence)
            .await
            .unwrap();
    }
    let read = store.build_lines(build.id, 1, 10).await.unwrap();
    let read: Vec<(i64, &str)> = read.iter().map(|line| (line.number, &*line.text)).collect();
    assert_eq!(read, [(2, "line 2"), (3, "line 3")]);
    assert_eq!(store.build_lines(build.id, 0, 1).await.unwrap().len(), 1);
    assert_eq!(
        store.last_build_lines(build.id, 2).await.unwrap(),
        [line(2), line(3)]
    );

    store.release(&fence).await.unwrap();
    lease(store, "build/bld-1", "two").await;
    let times: Vec<_> = store.build_lines(build.id, 0, 10).await.unwrap();
    assert!(
        times.is_sorted_by(|one, next| one.at.is_some() && one.at < next.at),
        "each line is later than the one before it: {times:?}"
    );

    let late = store
        .append_build_lines(build.id, &[line(4)], at(3).at, &fence)
        .await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
    let outcome = BuildOutcome::Cancelled {
        reason: "late".to_owned(),
    };
    let late = store
        .finish_build(build.id, outcome, Some(&fence), &at(5))
        .await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
    assert_eq!(store.build_lines(build.id, 3, 10).await.unwrap(), []);
}

pub async fn a_build_knows_who_waits_for_it(store: &dyn Store) {
    let shop = shop(store).await;
    let new = shop.new_build('a');
    let build = store.request_build(new, &at(1)).await.unwrap().into_build();
    assert_eq!(store.waiting_for_build(build.id).await.unwrap(), 0);
    let deploy = NewDeploy {
        build: Some(build.id),
        ..shop.new_deploy(OnConflict::Queue)
    };
    store.create_deploy(deploy, &at(2)).await.unwrap();
    assert_eq!(store.waiting_for_build(build.id).await.unwrap(), 1);
    let superseding = shop.new_deploy(OnConflict::Supersede);
    let undecided = store.create_deploy(superseding, &at(3)).await.unwrap();
    assert_eq!(store.waiting_for_build(build.id).await.unwrap(), 1);
    shop.moved(store, &undecided, DeployEvent::Cancelled)
        .await
        .unwrap();
    assert_eq!(store.waiting_for_build(build.id).await.unwrap(), 0);
}

pub async fn how_an_image_is_made_is_noted_once_it_is_chosen(store: &dyn Store) {
    let shop = shop(store).await;
    let fence = lease(store, "build/bld-1", "one").await;
    let buildpacks = Strategy::Buildpacks(Builder {
        image: "builder:1".to_owned(),
        layout: BuilderLayout::Herokuish,
    });
    for (commit, strategy) in [('a', Strategy::Dockerfile), ('b', buildpacks)] {
        let new = shop.new_build(commit);
        let build = store.request_build(new, &at(1)).await.unwrap().into_build();
        assert_eq!(build.strategy, None);
        store
            .note_strategy(build.id, &strategy, &fence)
            .await
            .unwrap();
        let outcome = BuildOutcome::Failed {
            reason: "it does not compile".to_owned(),
        };
        let failed = store.finish_build(build.id, outcome, None, &at(2)).await;
        assert_eq!(failed.unwrap().strategy, Some(strategy.clone()));
        let kept = store.find_build(build.id).await.unwrap().unwrap();
        assert_eq!(kept.strategy, Some(strategy));
    }
    let none = store
        .note_strategy(BuildId::new(99), &Strategy::Dockerfile, &fence)
        .await;
    assert!(matches!(refused(none), Error::NotFound { .. }));
    store.release(&fence).await.unwrap();
    lease(store, "build/bld-1", "two").await;
    let late = store
        .note_strategy(BuildId::new(1), &Strategy::Dockerfile, &fence)
        .await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
}

pub async fn a_build_says_what_it_does_to_those_that_wait(store: &dyn Store) {
    let shop = shop(store).await;
    let new = shop.new_build('a');
    let build = store.request_build(new, &at(1)).await.unwrap().into_build();
    let fence = lease(store, "build/bld-1", "one").await;
    let asking = NewDeploy {
        build: Some(build.id),
        ..shop.new_deploy(OnConflict::Queue)
    };
    let waits = store.create_deploy(asking, &at(2)).await.unwrap();
    let other = store
        .create_deploy(shop.new_deploy(OnConflict::Queue), &at(3))
        .await
        .unwrap();
    let step = async |id| store.find_deploy(id).await.unwrap().unwrap().step;
    let before = step(waits.id).await;
    let say = async |step| store.set_build_step(build.id, step, &fence).await;
    say("too early").await.unwrap();
    assert_eq!(step(waits.id).await, before, "it does not wait yet");

    shop.moved(store, &waits, DeployEvent::BuildStarted)
        .await
        .unwrap();
    let newest = *store.newest_event().borrow();
    say("the node does not answer").await.unwrap();
    assert_eq!(step(waits.id).await, "the node does not answer");
    assert_ne!(step(other.id).await, "the node does not answer");
    assert_eq!(*store.newest_event().borrow(), newest, "a step is no event");

    store.release(&fence).await.unwrap();
    lease(store, "build/bld-1", "two").await;
    assert!(matches!(refused(say("late").await), Error::Fenced { .. }));
    assert_eq!(step(waits.id).await, "the node does not answer");
}

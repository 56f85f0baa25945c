//! Deploys.

use super::world::{LONG, START, asked, at, declared, image, lease, open, refused, shop};
use crate::{
    Store,
    store::{
        Error, Page,
        deploys::{DeployFilter, DeployPatch, KeptImage, NewDeploy, OnConflict},
    },
};
use domain::{
    BuildId, Cause, DeployEvent, DeployId, DeployState, ImageRef, ReleaseId, deploy::Failure,
    worker::WorkerSource,
};
use std::time::Duration;

pub async fn a_deploy_waits_or_supersedes(store: &dyn Store) {
    let shop = shop(store).await;
    let first = shop.created(store).await;
    let second = shop.created(store).await;
    let active = store
        .active_deploys(shop.app.id, shop.environment.id)
        .await
        .unwrap();
    assert_eq!(active, [first.clone(), second.clone()], "oldest first");
    let superseding = shop.new_deploy(OnConflict::Supersede);
    let third = store.create_deploy(superseding, &at(5)).await.unwrap();
    let active = store
        .active_deploys(shop.app.id, shop.environment.id)
        .await
        .unwrap();
    assert_eq!(active, std::slice::from_ref(&third));
    for id in [first.id, second.id] {
        let ended = store.find_deploy(id).await.unwrap().unwrap();
        assert_eq!(ended.state, DeployState::Cancelled);
        assert_eq!(
            ended.failure.unwrap().reason,
            format!("superseded by {}", third.id)
        );
        assert_eq!(ended.completed_at, Some(at(5).at));
    }
    let cancelled = DeployFilter {
        state: Some(DeployState::Cancelled),
        ..DeployFilter::default()
    };
    let listed = store
        .list_deploys(&cancelled, Page::ALL)
        .await
        .unwrap()
        .items;
    let ids: Vec<DeployId> = listed.iter().map(|deploy| deploy.id).collect();
    assert_eq!(ids, [second.id, first.id], "newest first");
    let some = [third.id, DeployId::new(99)].into();
    assert_eq!(store.known_deploys(&some).await.unwrap(), [third.id].into());

    let plain = shop.new_deploy(OnConflict::Queue);
    for unknown in [
        NewDeploy {
            build: Some(BuildId::new(99)),
            ..plain.clone()
        },
        NewDeploy {
            release: Some(ReleaseId::new(99)),
            ..plain.clone()
        },
        NewDeploy {
            app: domain::AppId::new(99),
            ..plain.clone()
        },
        NewDeploy {
            environment: domain::EnvironmentId::new(99),
            ..plain
        },
    ] {
        let error = refused(store.create_deploy(unknown, &at(6)).await);
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}

pub async fn a_change_waits_behind_what_supersedes_its_deploy(store: &dyn Store) {
    let shop = shop(store).await;
    let active = async || {
        let active = store.active_deploys(shop.app.id, shop.environment.id);
        active.await.unwrap()
    };
    let of = |cause, on_conflict| NewDeploy {
        cause,
        git_ref: None,
        ..shop.new_deploy(on_conflict)
    };
    let (runs, release) = shop.deployed(store, 1).await;
    for cause in [Cause::Config, Cause::Worker] {
        let waiting = of(cause, OnConflict::Queue);
        let waiting = store.create_deploy(waiting, &at(4)).await.unwrap();
        let plain = shop.created(store).await;
        let superseding = shop.new_deploy(OnConflict::Supersede);
        let keyed = asked(cause.as_str());
        let superseding = store.create_deploy(superseding, &keyed).await.unwrap();
        let [first, second] = active().await.try_into().unwrap();
        assert_eq!(first, superseding);
        let (is_of, build) = (second.cause, second.build);
        assert_eq!((is_of, build, second.release), (cause, None, None));
        for id in [waiting.id, plain.id] {
            let ended = store.find_deploy(id).await.unwrap().unwrap();
            assert_eq!(ended.state, DeployState::Cancelled);
        }
        let key = keyed.request.unwrap();
        let answered = store.find_request("ada", &key.id).await.unwrap();
        assert_eq!(answered.unwrap().subject, superseding.id.to_string());
        // A rollback takes the place of both.
        let back = NewDeploy {
            release: Some(release.id),
            ..of(Cause::Rollback, OnConflict::Supersede)
        };
        let back = store.create_deploy(back, &at(6)).await.unwrap();
        let [first, second] = active().await.try_into().unwrap();
        assert_eq!((first, second.cause), (back, cause));
        shop.moved(store, &second, DeployEvent::Cancelled)
            .await
            .unwrap();
        let last = shop.new_deploy(OnConflict::Supersede);
        let last = store.create_deploy(last, &at(7)).await.unwrap();
        assert_eq!(active().await, std::slice::from_ref(&last), "no change");
        shop.moved(store, &last, DeployEvent::Cancelled)
            .await
            .unwrap();
    }
    assert_eq!(runs.state, DeployState::Deployed);
}

pub async fn a_change_where_nothing_runs_needs_no_second_deploy(store: &dyn Store) {
    let shop = shop(store).await;
    let change = NewDeploy {
        cause: Cause::Config,
        ..shop.new_deploy(OnConflict::Queue)
    };
    store.create_deploy(change, &at(4)).await.unwrap();
    let superseding = shop.new_deploy(OnConflict::Supersede);
    let superseding = store.create_deploy(superseding, &at(5)).await.unwrap();
    let active = store
        .active_deploys(shop.app.id, shop.environment.id)
        .await
        .unwrap();
    assert_eq!(active, [superseding]);
}

pub async fn a_deploy_may_give_way(store: &dyn Store) {
    let shop = shop(store).await;
    let refuse = || shop.new_deploy(OnConflict::Refuse);
    let first = store.create_deploy(refuse(), &at(1)).await.unwrap();
    let error = refused(store.create_deploy(refuse(), &at(2)).await);
    assert!(
        matches!(&error, Error::DeploysUnderWay(ids) if *ids == [first.id]),
        "{error}"
    );
    shop.moved(store, &first, DeployEvent::Cancelled)
        .await
        .unwrap();
    // One for a change was asked for by nobody, and is waited for.
    let for_a_change = NewDeploy {
        cause: Cause::Config,
        ..shop.new_deploy(OnConflict::Queue)
    };
    store.create_deploy(for_a_change, &at(3)).await.unwrap();
    store.create_deploy(refuse(), &at(4)).await.unwrap();
}

pub async fn a_move_from_another_state_is_stale(store: &dyn Store) {
    let shop = shop(store).await;
    let created = shop.created(store).await;
    let building = shop
        .moved(store, &created, DeployEvent::BuildStarted)
        .await
        .unwrap();
    assert_eq!(building.state, DeployState::Building);
    // Both were read as created; the second comes too late.
    let late = shop.moved(store, &created, DeployEvent::Cancelled).await;
    assert!(matches!(refused(late), Error::Stale { .. }));
    let illegal = shop.moved(store, &building, DeployEvent::AllHealthy).await;
    assert!(matches!(refused(illegal), Error::Stale { .. }));
    let patch = DeployPatch {
        step: Some("gave up".to_owned()),
        failure: Some(Failure {
            reason: "it does not build".to_owned(),
            instance: None,
            log_tail: vec!["error: no".to_owned()],
        }),
        ..DeployPatch::default()
    };
    let event = DeployEvent::GaveUp;
    let failed = store
        .move_deploy(
            building.id,
            DeployState::Building,
            event,
            patch.clone(),
            None,
            &at(7),
        )
        .await
        .unwrap();
    assert_eq!(
        (failed.failure.clone(), failed.step.as_str()),
        (patch.failure, "gave up")
    );
    assert_eq!(failed.completed_at, Some(at(7).at));
    assert_eq!(store.find_deploy(failed.id).await.unwrap(), Some(failed));
}

pub async fn the_next_deployed_stops_the_one_before(store: &dyn Store) {
    let shop = shop(store).await;
    let (first, _) = shop.deployed(store, 1).await;
    assert_eq!(first.state, DeployState::Deployed);
    let worker = declared("clock", WorkerSource::Manifest);
    let (second, _) = shop.deploying(store, 1, vec![worker]).await.unwrap();
    assert!(second.started_at.is_some());
    shop.healthy(store, &second).await;
    let stopped = store.find_deploy(first.id).await.unwrap().unwrap();
    assert_eq!(stopped.state, DeployState::Stopped);
    assert_eq!(stopped.failure, None);
    let view = store
        .view(shop.environment.id, START)
        .await
        .unwrap()
        .unwrap();
    let deployed = view.apps[0].deployed.as_ref().map(|(deploy, _)| deploy.id);
    assert_eq!(deployed, Some(second.id));
}

pub async fn a_step_is_said_under_the_lease_alone(store: &dyn Store) {
    let shop = shop(store).await;
    let deploy = shop.created(store).await;
    let newest = *store.newest_event().borrow();
    store
        .set_deploy_step(deploy.id, "1 of 2 healthy", &shop.fence)
        .await
        .unwrap();
    let said = store.find_deploy(deploy.id).await.unwrap().unwrap().step;
    assert_eq!(said, "1 of 2 healthy");
    assert_eq!(*store.newest_event().borrow(), newest, "a step is no event");
    store.release(&shop.fence).await.unwrap();
    let other = lease(store, &shop.fence.lease, "two").await;
    let late = store.set_deploy_step(deploy.id, "late", &shop.fence).await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
    let late = shop.moved(store, &deploy, DeployEvent::BuildStarted).await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
    let found = store.find_deploy(deploy.id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.step.as_str()),
        (DeployState::Created, "1 of 2 healthy")
    );
    store.renew(&other, LONG).await.unwrap();
    store
        .set_deploy_step(DeployId::new(99), "nobody's", &other)
        .await
        .unwrap();
}

pub async fn patience_is_spent_under_the_lease_and_never_given_back(store: &dyn Store) {
    let shop = shop(store).await;
    let seconds = Duration::from_secs;
    let web = vec![declared("web", WorkerSource::Manifest)];
    let (deploy, _) = shop.deploying(store, 1, web).await.unwrap();
    assert_eq!(deploy.spent, Duration::ZERO);
    let spent = async || {
        let found = store.find_deploy(deploy.id).await.unwrap().unwrap();
        found.spent
    };
    let newest = *store.newest_event().borrow();
    for (told, want) in [(30, 30), (20, 30), (40, 40)] {
        store
            .spend_patience(deploy.id, seconds(told), &shop.fence)
            .await
            .unwrap();
        assert_eq!(spent().await, seconds(want), "{told} s");
    }
    assert_eq!(*store.newest_event().borrow(), newest, "that is no event");
    shop.healthy(store, &deploy).await;
    store
        .spend_patience(deploy.id, seconds(50), &shop.fence)
        .await
        .unwrap();
    assert_eq!(spent().await, seconds(40), "it is done");
    store.release(&shop.fence).await.unwrap();
    lease(store, &shop.fence.lease, "two").await;
    let late = store
        .spend_patience(deploy.id, seconds(60), &shop.fence)
        .await;
    assert!(matches!(refused(late), Error::Fenced { .. }));
}

pub async fn an_image_that_is_needed_by_now_is_not_given_up(store: &dyn Store) {
    let shop = shop(store).await;
    let give_up = async |numbers: &[u8]| {
        let images: Vec<_> = numbers.iter().copied().map(image).collect();
        let recent = at(100).at;
        let stay = store.give_up_images(&images, 0, recent, &at(5)).await;
        stay.unwrap()
    };
    let web = || vec![declared("web", WorkerSource::Manifest)];
    let (first, _) = shop.deploying(store, 1, web()).await.unwrap();
    let stay = give_up(&[1]).await;
    assert!(!stay.is_empty());
    let by_first = |kept: &KeptImage| kept.needed_by.contains(&first.id.to_string());
    assert!(
        stay.iter().any(by_first) && stay.iter().all(|kept| kept.image == image(1)),
        "{stay:?}"
    );
    assert!(store.image_is_kept(&image(1)).await.unwrap());
    shop.healthy(store, &first).await;

    // One that was chosen as an image that is kept, and is given up before its Deploy has begun.
    let build = shop.built(store, 'b', 2).await;
    let deploy = shop.created(store).await;
    // Together with one that stays.
    let stay = give_up(&[2, 1]).await;
    assert!(
        stay.iter().all(|kept| kept.image == image(1)) && !stay.is_empty(),
        "{stay:?}"
    );
    assert!(store.image_is_kept(&image(1)).await.unwrap());
    assert!(!store.image_is_kept(&image(2)).await.unwrap());
    let begin = async |release| {
        let (from, change) = (DeployState::Created, at(6));
        let began = store.begin_deploying(deploy.id, from, release, &shop.fence, &change);
        began.await
    };
    let of_build = crate::store::deploys::NewRelease::OfBuild {
        build: build.id,
        image: image(2),
        workers: web(),
    };
    let error = refused(begin(of_build).await);
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    let still = store.find_deploy(deploy.id).await.unwrap().unwrap();
    assert_eq!((still.state, still.release), (DeployState::Created, None));
    // It is built again, by another Build.
    let build = shop.built(store, 'b', 3).await;
    let of_build = crate::store::deploys::NewRelease::OfBuild {
        build: build.id,
        image: image(3),
        workers: web(),
    };
    begin(of_build).await.unwrap();
    assert!(!give_up(&[3]).await.is_empty());
}

pub async fn images_are_kept_by_what_needs_them(store: &dyn Store) {
    let shop = shop(store).await;
    let mut last = None;
    for (number, commit) in (1..=4).zip(['a', 'b', 'c', 'd']) {
        let build = shop.built(store, commit, number).await;
        let deploy = shop.created(store).await;
        let release = crate::store::deploys::NewRelease::OfBuild {
            build: build.id,
            image: image(number),
            workers: vec![declared("web", WorkerSource::Manifest)],
        };
        let begun = store
            .begin_deploying(
                deploy.id,
                DeployState::Created,
                release,
                &shop.fence,
                &at(2),
            )
            .await;
        let deploy = shop.healthy(store, &begun.unwrap().0).await;
        if number == 1 {
            // Its instance is still there, though everything else has gone on.
            shop.record(store, open(&shop.start(&deploy, 1, 20_000)))
                .await
                .unwrap();
        }
        last = Some(deploy);
    }
    let kept = async |retained| -> Vec<ImageRef> {
        let all = store.kept_images(retained, at(100).at).await.unwrap();
        let mut images: Vec<ImageRef> = all.into_iter().map(|kept| kept.image).collect();
        images.sort();
        images.dedup();
        images
    };
    assert_eq!(kept(2).await, [image(1), image(3), image(4)]);
    assert_eq!(
        kept(0).await,
        [image(1), image(4)],
        "what runs is always kept"
    );
    let recent = store.kept_images(0, START).await.unwrap();
    assert!(
        recent.iter().any(|kept| kept.image == image(2)),
        "built a moment ago"
    );
    let deploy = last.unwrap();
    let needed = recent
        .iter()
        .find(|kept| kept.needed_by.contains(&deploy.id.to_string()));
    assert_eq!(needed.unwrap().image, image(4));
}

//! What is seen, and whose it is.

use crate::world::{PATIENCE, World};
use domain::observed::Authenticity;
use futures_util::{StreamExt, future::join_all};
use ports::{
    Effect,
    runtime::{Error, Follow, LogQuery},
};
use std::time::Duration;
use testkit::docker;

#[tokio::test]
async fn two_installations_leave_each_other_alone() {
    let (mine, yours) = (World::open().await, World::open().await);
    let spec = yours.spec(1, "sleep 600");
    yours.node.start(&spec).await.unwrap();
    let name = spec.instance.to_string();
    assert_eq!(mine.list().await, []);
    assert_eq!(
        mine.node.stop(&name, Duration::ZERO).await,
        Ok(Effect::WasSo)
    );
    assert_eq!(mine.node.remove(&name).await, Ok(Effect::WasSo));
    let query = LogQuery {
        tail: None,
        since: None,
        follow: Follow::No,
    };
    assert!(matches!(
        mine.node.logs(&name, &query).await,
        Err(Error::Missing(_))
    ));
    let error = mine.node.start(&spec).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert!(yours.only().await.phase.is_running());
}

#[tokio::test]
async fn a_copy_with_the_labels_of_an_instance_is_told_from_it() {
    let world = World::open().await;
    let spec = world.spec(1, "sleep 600");
    world.node.start(&spec).await.unwrap();
    let name = spec.instance.to_string();
    let labels = docker::run([
        "inspect",
        "--format",
        "{{range $k, $v := .Config.Labels}}--label={{$k}}={{$v}} {{end}}",
        &name,
    ]);
    let labels = labels.unwrap();
    let options: Vec<&str> = labels.split(' ').collect();
    let copy = world
        .scope
        .start("copy", &options, &world.image, &["sleep", "600"])
        .unwrap();
    let all = world.list().await;
    assert_eq!(all.len(), 2);
    for seen in all {
        assert_eq!(seen.instance, spec.instance);
        let want = if seen.handle == copy {
            Authenticity::Copy
        } else {
            Authenticity::Genuine
        };
        assert_eq!(seen.authenticity, want);
    }
    assert_eq!(
        world.node.stop(&copy, Duration::ZERO).await,
        Ok(Effect::Done)
    );
    assert_eq!(world.node.remove(&copy).await, Ok(Effect::Done));
    assert_eq!(world.only().await.authenticity, Authenticity::Genuine);
}

#[tokio::test]
async fn what_is_labelled_and_no_instance_is_not_listed() {
    let world = World::open().await;
    world
        .scope
        .start("one-off", &[], &world.image, &["sleep", "600"])
        .unwrap();
    assert_eq!(world.list().await, []);
}

#[tokio::test]
async fn changes_are_told_from_the_moment_of_asking() {
    let world = World::open().await;
    let stranger = World::open().await;
    let mut changes = world.node.changes().await.unwrap();
    stranger
        .node
        .start(&stranger.spec(1, "true"))
        .await
        .unwrap();
    let spec = world.spec(1, "exit 1");
    world.node.start(&spec).await.unwrap();
    for want in ["create", "start", "die"] {
        let change = tokio::time::timeout(PATIENCE, changes.next()).await;
        let change = change.unwrap().unwrap();
        assert_eq!(
            (change.what.as_str(), change.instance),
            (want, Some(spec.instance))
        );
    }
    world.node.remove(&spec.instance.to_string()).await.unwrap();
    assert_eq!(changes.next().await.unwrap().what, "destroy");
}

#[tokio::test]
async fn many_are_started_and_stopped_at_once() {
    let world = World::open().await;
    let specs: Vec<_> = (1..=8)
        .map(|number| world.spec(number, "sleep 600"))
        .collect();
    let starts = specs.iter().map(|spec| world.node.start(spec));
    for started in join_all(starts).await {
        assert_eq!(started, Ok(Effect::Done));
    }
    let mut seen: Vec<_> = world
        .list()
        .await
        .into_iter()
        .map(|seen| seen.instance)
        .collect();
    let mut wanted: Vec<_> = specs.iter().map(|spec| spec.instance).collect();
    seen.sort();
    wanted.sort();
    assert_eq!(seen, wanted);
    let stops = wanted.iter().map(|instance| async {
        let name = instance.to_string();
        world.node.stop(&name, Duration::from_secs(1)).await?;
        world.node.remove(&name).await
    });
    for removed in join_all(stops).await {
        assert_eq!(removed, Ok(Effect::Done));
    }
    assert_eq!(world.list().await, []);
}

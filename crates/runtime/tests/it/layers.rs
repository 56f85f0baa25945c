//! Which of an image's layers are pulled.

use crate::{
    images::make_on,
    world::{PATIENCE, World},
};
use domain::ImageRef;
use ports::Effect;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use testkit::{docker, registry::Registry};

/// The blobs that a registry was asked for, once there are so many.
async fn asked(registry: &Registry, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = registry.blobs_asked().unwrap();
        if asked.len() >= count {
            return asked;
        }
        assert!(Instant::now() < deadline, "waiting for {count}: {asked:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_the_layers_that_are_missing_are_pulled() {
    let world = World::open().await;
    let registry = Registry::start().unwrap();
    let shared = make_on(&world, &world.image, "shared");
    let mut pushed = Vec::new();
    for name in ["one", "two"] {
        let image = make_on(&world, shared.as_str(), name);
        let name = registry.image("shop", name);
        world.images.tag(&image, &name).await.unwrap();
        pushed.push(world.images.push(&name).await.unwrap());
        docker::run(["image", "rm", "--force", image.as_str()]).unwrap();
    }
    docker::run(["image", "rm", "--force", shared.as_str()]).unwrap();
    assert_eq!(registry.blobs_asked().unwrap(), [""; 0]);

    let pull = async |image: &ImageRef, count: usize| {
        let pulled = world.images.pull(image).await.unwrap();
        assert_eq!(pulled, Effect::Done);
        asked(&registry, count).await
    };
    // Its config, the layer of both and its own: the base image is there.
    let first = pull(&pushed[0], 3).await;
    assert_eq!(first.len(), 3, "{first:?}");
    // Its config, and its own layer.
    let both = pull(&pushed[1], 5).await;
    assert_eq!(both.len(), 5, "{both:?}");
    let each: BTreeSet<&String> = both.iter().collect();
    assert_eq!(each.len(), both.len(), "each once: {both:?}");
}

//! Images on the node and in a registry.

use crate::world::{World, connect_to};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::ImageRef;
use ports::{Effect, Images, images::Error};
use runtime::{Address, AuthFile, Builder, Settings};
use std::sync::Arc;
use testkit::{
    docker,
    registry::{self, Registry},
};

/// The name that its build would give an image.
fn own_name(image: &ImageRef) -> String {
    format!("jockey/shop:678d49f-{}", image.short())
}

/// An image of this installation, of one layer above the base, made by hand and named as builds do it.
fn make(world: &World, name: &str) -> ImageRef {
    make_on(world, &world.image, name)
}

/// The same above another image.
pub(crate) fn make_on(world: &World, base: &str, name: &str) -> ImageRef {
    let label = format!("LABEL {}", world.scope.label().replace('=', "=\"") + "\"");
    let line = format!("echo {name} > /made; head -c 100000 /dev/urandom > /noise");
    let made = world
        .scope
        .start(name, &[], base, &["sh", "-c", &line])
        .unwrap();
    docker::run(["wait", &made]).unwrap();
    let image = docker::run(["commit", "--change", &label, &made]).unwrap();
    docker::run(["rm", &made]).unwrap();
    let image: ImageRef = image.parse().unwrap();
    docker::run(["tag", image.as_str(), &own_name(&image)]).unwrap();
    image
}

#[tokio::test]
async fn an_image_gets_names_and_stays_until_none_but_its_own_is_left() {
    let world = World::open().await;
    let image = make(&world, "one");
    let listed = world.images.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].image, &listed[0].names[..]),
        (&image, &[own_name(&image)][..])
    );
    let names = [
        world.scope.name("repo") + ":v1",
        world.scope.name("other") + ":latest",
    ];
    assert_eq!(
        world.images.tag(&image, &names[0]).await.unwrap(),
        Effect::Done
    );
    assert_eq!(
        world.images.tag(&image, &names[0]).await.unwrap(),
        Effect::WasSo
    );
    let untagged = world.scope.name("other");
    assert_eq!(
        world.images.tag(&image, &untagged).await.unwrap(),
        Effect::Done
    );
    assert_eq!(world.images.inspect(&names[1]).await.unwrap().id, image);
    for name in &names {
        assert!(world.images.list().await.unwrap().is_empty(), "{name}");
        let refused = world.images.remove(&image).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        for kept in [name, &own_name(&image)] {
            assert_eq!(world.images.inspect(kept).await.unwrap().id, image);
        }
        docker::run(["rmi", name]).unwrap();
    }
    assert_eq!(world.images.list().await.unwrap(), listed);
    assert_eq!(world.images.remove(&image).await.unwrap(), Effect::Done);
    assert_eq!(world.images.remove(&image).await.unwrap(), Effect::WasSo);
    assert!(world.images.list().await.unwrap().is_empty());
    let error = world.images.inspect(&names[0]).await.unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error:?}");
    let error = world.images.tag(&image, &names[0]).await.unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_made_from_our_images_is_not_ours() {
    let world = World::open().await;
    let label = world.scope.label();
    // By a `FROM`: our label is on it.
    let ours = make(&world, "ours");
    let context = tempfile::tempdir().unwrap();
    let from = format!("FROM {}\nENV MINE=1\n", own_name(&ours));
    std::fs::write(context.path().join("Dockerfile"), from).unwrap();
    let directory = context.path().to_str().unwrap();
    let child = docker::run(["build", "--quiet", directory]).unwrap();
    let child: ImageRef = child.parse().unwrap();
    // By `docker commit`, without a name: the container's labels are on it.
    let user = world
        .scope
        .start("user", &[], &world.image, &["true"])
        .unwrap();
    docker::run(["wait", &user]).unwrap();
    let committed = docker::run(["commit", &user]).unwrap();
    docker::run(["rm", &user]).unwrap();
    let committed: ImageRef = committed.parse().unwrap();
    for made in [&child, &committed] {
        let labels = docker::run(["inspect", "--format", "{{.Config.Labels}}", made.as_str()]);
        let labels = labels.unwrap();
        assert!(labels.contains(&label.replace('=', ":")), "{labels}");
    }

    let theirs = world.scope.name("users-own") + ":keep";
    for name in [None, Some(&theirs)] {
        if let Some(name) = name {
            docker::run(["tag", child.as_str(), name]).unwrap();
        }
        let listed = world.images.list().await.unwrap();
        let listed: Vec<&ImageRef> = listed.iter().map(|one| &one.image).collect();
        assert_eq!(listed, [&ours], "{name:?}");
        for made in [&child, &committed] {
            let refused = world.images.remove(made).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        }
    }
    for kept in [child.as_str(), committed.as_str(), &theirs] {
        world.images.inspect(kept).await.unwrap();
    }
    // The classic builder tells what stands on what; the image below then has to stay, with its name.
    let parent = docker::run(["inspect", "--format", "{{.Parent}}", child.as_str()]);
    if parent.unwrap().trim() == ours.as_str() {
        let refused = world.images.remove(&ours).await;
        assert!(
            matches!(&refused, Err(Error::Refused(words)) if words.contains(child.as_str())),
            "{refused:?}"
        );
        world.images.inspect(&own_name(&ours)).await.unwrap();
    }
    docker::run(["rmi", &theirs]).unwrap();
    assert_eq!(world.images.remove(&ours).await.unwrap(), Effect::Done);
}

#[tokio::test]
async fn what_is_used_or_not_ours_is_not_removed() {
    let (world, stranger) = (World::open().await, World::open().await);
    let image = make(&world, "used");
    let error = stranger.images.remove(&image).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    let base: ImageRef = world.image.parse().unwrap();
    let error = world.images.remove(&base).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    let user = world
        .scope
        .start("user", &[], image.as_str(), &["true"])
        .unwrap();
    docker::run(["wait", &user]).unwrap();
    let error = world.images.remove(&image).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(words) if words.contains(&world.scope.name("user"))),
        "{error:?}"
    );
    docker::run(["rm", &user]).unwrap();
    assert_eq!(world.images.remove(&image).await.unwrap(), Effect::Done);
}

#[tokio::test]
async fn the_classic_builders_layers_are_ours_and_go_with_the_image() {
    let world = World::with(|settings| settings.builder = Builder::Classic).await;
    let dockerfile = format!(
        "FROM busybox:1\nENV ONE={0}\nENV TWO={0}\n",
        world.scope.installation()
    );
    let image = crate::builds::image_of(&world, &dockerfile).await;
    world.images.tag(&image, &own_name(&image)).await.unwrap();
    let listed = world.images.list().await.unwrap();
    assert_eq!(listed.len(), 4, "two steps and two labels: {listed:#?}");
    assert_eq!(listed.iter().filter(|one| one.labels.is_empty()).count(), 2);
    let layer = listed.iter().find(|one| one.labels.is_empty()).unwrap();
    let error = world.images.remove(&layer.image).await.unwrap_err();
    assert!(
        matches!(error, Error::Refused(_)),
        "the image stands on it: {error:?}"
    );
    world.images.remove(&image).await.unwrap();
    assert!(world.images.list().await.unwrap().is_empty());
    for one in listed {
        assert_eq!(
            world.images.remove(&one.image).await.unwrap(),
            Effect::WasSo
        );
    }
}

#[tokio::test]
async fn what_a_classic_build_leaves_is_ours_and_goes() {
    let classic = || World::with(|settings| settings.builder = Builder::Classic);
    let (world, stranger) = (classic().await, classic().await);
    let stages = |end: &str| {
        let salt = world.scope.installation();
        format!(
            "FROM busybox:1 AS first\nENV ONE={salt}\nENV TWO={salt}\nFROM busybox:1\nENV THREE={salt}\n{end}\n"
        )
    };
    for (end, why, layers) in [
        ("RUN exit 7", "it failed", 3),
        (
            "ENV FOUR=4",
            "its first stage, and those below its image",
            4,
        ),
    ] {
        let (image, lines) =
            crate::builds::run(&world.docker, &[("Dockerfile", &stages(end))]).await;
        if let Ok(image) = &image {
            world.images.tag(image, &own_name(image)).await.unwrap();
        }
        let listed = world.images.list().await.unwrap();
        let unlabelled = || listed.iter().filter(|one| one.labels.is_empty());
        assert_eq!(unlabelled().count(), layers, "{why}: {lines:#?}");
        assert!(unlabelled().all(|one| one.names.is_empty()), "{listed:#?}");
        let names = layer_names(&world);
        let left = if image.is_ok() { 2 } else { 3 };
        assert_eq!(names.len(), left, "{why}: {names:?}");
        let refused = stranger.images.remove(&listed[0].image).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert!(stranger.images.list().await.unwrap().is_empty());
        for one in &listed {
            world.images.remove(&one.image).await.unwrap();
        }
        assert_eq!(world.images.list().await.unwrap(), [], "in that order");
    }
}

#[tokio::test]
async fn what_was_there_before_is_not_ours_for_being_named_in_a_builds_output() {
    let world = World::with(|settings| settings.builder = Builder::Classic).await;
    let stranger = World::open().await;
    let theirs = make(&stranger, "theirs");
    let short = &theirs.as_str()["sha256:".len()..][..12];
    let salt = world.scope.installation();
    let dockerfile = format!("FROM busybox:1\nRUN echo {salt}; echo ' ---> {short}'; exit 7\n");
    let (image, lines) = crate::builds::run(&world.docker, &[("Dockerfile", &dockerfile)]).await;
    assert!(image.is_err());
    assert!(lines.contains(&format!(" ---> {short}")), "{lines:#?}");
    assert!(layer_names(&world).is_empty());
}

/// The names by which layers of the installation's builds are known.
fn layer_names(world: &World) -> Vec<String> {
    let named = format!("jockey-layer/{}", world.scope.installation());
    let names = docker::run(["images", "--format", "{{.Tag}}", &named]).unwrap();
    names.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_image_goes_to_a_registry_and_comes_back_by_its_digest() {
    let world = World::open().await;
    let registry = Registry::start().unwrap();
    let image = make(&world, "pushed");
    let tag = format!("678d49f-{}", image.short());
    let name = registry.image("shop", &tag);
    let error = world.images.push(&name).await.unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error:?}");
    world.images.tag(&image, &name).await.unwrap();
    docker::run(["rmi", &own_name(&image)]).unwrap();
    let pinned = world.images.push(&name).await.unwrap();
    assert_eq!(
        pinned.repository(),
        Some(format!("{}/shop", registry.address()).as_str())
    );
    assert_eq!(world.images.push(&name).await.unwrap(), pinned, "again");
    assert_eq!(
        world.images.inspect(&name).await.unwrap().digests,
        [pinned.to_string()]
    );
    assert_eq!(world.images.pull(&pinned).await.unwrap(), Effect::WasSo);
    assert_eq!(world.images.list().await.unwrap().len(), 1);
    world.images.remove(&image).await.unwrap();
    docker::run(["pull", "--quiet", pinned.as_str()]).unwrap();
    let listed = world.images.list().await.unwrap();
    assert!(listed.is_empty(), "somebody pulled it: {listed:?}");
    docker::run(["rmi", pinned.as_str()]).unwrap();
    assert_eq!(world.images.pull(&pinned).await.unwrap(), Effect::Done);
    let back = world.images.inspect(pinned.as_str()).await.unwrap();
    assert_eq!(back.id, image);
    let listed = world.images.list().await.unwrap();
    assert_eq!(listed.len(), 1, "it was pulled by us");
    assert_eq!(listed[0].names, [pinned.to_string()]);
    assert_eq!(world.images.remove(&back.id).await.unwrap(), Effect::Done);
    assert!(docker::run(["inspect", pinned.as_str()]).is_err());
}

#[tokio::test]
async fn what_no_registry_has_is_missing_and_a_registry_that_is_gone_is_told() {
    let world = World::open().await;
    let registry = Registry::start().unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    let absent: ImageRef = format!("{}/shop@{digest}", registry.address())
        .parse()
        .unwrap();
    for image in [&absent, &digest.parse().unwrap()] {
        let error = world.images.pull(image).await.unwrap_err();
        assert!(matches!(error, Error::Missing(_)), "{error:?}");
    }
    let image = make(&world, "pushed");
    let name = registry.image("shop", "v1");
    world.images.tag(&image, &name).await.unwrap();
    drop(registry);
    let error = world.images.push(&name).await.unwrap_err();
    assert!(matches!(error, Error::RegistryDown(_)), "{error:?}");
    let error = world.images.pull(&absent).await.unwrap_err();
    assert!(matches!(error, Error::RegistryDown(_)), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_asks_for_a_pass_is_shown_it_and_nothing_stays() {
    let registry = Registry::start_guarded().unwrap();
    let open = World::open().await;
    let image = make(&open, "guarded");
    let name = registry.image("guarded", "v1");
    open.images.tag(&image, &name).await.unwrap();
    let error = open.images.push(&name).await.unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error:?}");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.json");
    let (user, password) = registry::PASS;
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let text = format!(
        r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#,
        registry.address()
    );
    std::fs::write(&file, text).unwrap();
    let mut settings = Settings::of("here".parse().unwrap());
    settings.passes = Arc::new(AuthFile(file));
    let address = Address::Unix(docker::SOCKET.into());
    let trusted: Arc<dyn Images> = Arc::new(connect_to(address, &open.scope, settings));
    let pushed = trusted.push(&name).await.unwrap();
    docker::run(["image", "rm", "--force", image.as_str()]).unwrap();
    let error = open.images.pull(&pushed).await.unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error:?}");
    assert_eq!(trusted.pull(&pushed).await.unwrap(), Effect::Done);
    docker::run(["image", "rm", "--force", image.as_str()]).unwrap();
    // The Engine remembers nothing of it.
    let error = open.images.pull(&pushed).await.unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error:?}");
}

#[tokio::test]
async fn disk_use_counts_what_is_ours() {
    let world = World::open().await;
    assert_eq!(
        world.images.disk_use().await.unwrap().own_images.as_bytes(),
        0
    );
    make(&world, "noise");
    let line = ["sh", "-c", "head -c 200000 /dev/urandom > /noise"];
    let writer = world
        .scope
        .start("writer", &[], &world.image, &line)
        .unwrap();
    docker::run(["wait", &writer]).unwrap();
    let used = world.images.disk_use().await.unwrap();
    assert!(
        (100_000..1_000_000).contains(&used.own_images.as_bytes()),
        "{used:?}"
    );
    assert!(
        (200_000..1_000_000).contains(&used.own_instances.as_bytes()),
        "{used:?}"
    );
    assert!(used.images > used.own_images, "{used:?}");
}

use futures_util::StreamExt;
use ports::{Source, source::Error};
use testkit::git::Change;

use crate::world::{World, collect, listing, repo};

#[tokio::test]
async fn a_tree_keeps_its_modes_links_and_long_names_and_has_constant_times() {
    let world = World::new();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(140));
    let commit = world.commit(
        Change::new("first")
            .file("a", "1")
            .executable("bin/run", "#!/bin/sh\n")
            .link("run", "bin/run")
            .link("far", &"t".repeat(150))
            .file(&long, "long")
            .file("ü", "2"),
    );
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    let archive = source.archive(&repo(), &commit).await.unwrap();
    let tar = collect(archive).await.unwrap();
    let directory = "d".repeat(120);
    assert_eq!(
        listing(&tar),
        [
            "644 a",
            "755 bin/",
            "755 bin/run",
            &format!("755 {directory}/"),
            &format!("644 {long}"),
            &format!("777 far -> {}", "t".repeat(150)),
            "777 run -> bin/run",
            "644 ü",
        ]
    );
}

#[tokio::test]
async fn equal_trees_make_equal_bytes() {
    let world = World::new();
    let first = world.commit(Change::new("first").file("a", "1").file("d/b", "2"));
    let second = world.commit(Change::new("nothing changed"));
    let source = world.source();
    let mut tars = Vec::new();
    for commit in [&first, &second] {
        source.fetch(&repo(), commit).await.unwrap();
        let archive = source.archive(&repo(), commit).await.unwrap();
        tars.push(collect(archive).await.unwrap());
    }
    assert_ne!(first, second);
    assert_eq!(tars[0], tars[1]);
}

#[tokio::test]
async fn a_commits_own_attributes_do_not_change_its_tree() {
    let world = World::new();
    let commit = world.commit(
        Change::new("first")
            .file(
                ".gitattributes",
                "a export-ignore\nb export-subst\nd/ export-ignore\n",
            )
            .file("a", "1")
            .file("b", "$Format:%H$")
            .file("d/.gitattributes", "* export-ignore\n")
            .file("d/c", "3"),
    );
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    let archive = source.archive(&repo(), &commit).await.unwrap();
    let tar = collect(archive).await.unwrap();
    let names = [
        "644 .gitattributes",
        "644 a",
        "644 b",
        "755 d/",
        "644 d/.gitattributes",
        "644 d/c",
    ];
    assert_eq!(listing(&tar), names);
    let text = String::from_utf8_lossy(&tar).into_owned();
    assert!(text.contains("$Format:%H$") && !text.contains(commit.as_str()));
}

#[tokio::test]
async fn a_commit_that_was_not_fetched_has_no_archive() {
    let world = World::new();
    let commit = world.commit(Change::new("first"));
    let error = world.source().archive(&repo(), &commit).await.err();
    assert!(matches!(error, Some(Error::Local { .. })), "{error:?}");
}

#[tokio::test]
async fn a_stream_is_read_as_it_is_wanted_and_git_ends_with_it() {
    let world = World::new();
    let commit = world.commit(Change::new("first").file("large", vec![0; 8 << 20]));
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    let mut archive = source.archive(&repo(), &commit).await.unwrap();
    let first = archive.next().await.unwrap().unwrap();
    assert!(first.len() < 1 << 20);
    let mirror = world.mirror();
    assert!(!crate::world::children_on(&mirror).is_empty());
    drop(archive);
    crate::world::until("no git reads the copy", || {
        crate::world::children_on(&mirror).is_empty()
    })
    .await;
}

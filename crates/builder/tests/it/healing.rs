use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use domain::CommitSha;
use ports::{Source, source::Error};
use testkit::git::Change;

use crate::world::{World, collect, noise, repo};

/// Fetches and reads a commit, whatever was there before.
async fn check(world: &World, commit: &CommitSha) {
    let source = world.source();
    source.fetch(&repo(), commit).await.unwrap();
    let content = source.file(&repo(), commit, "a").await.unwrap();
    assert_eq!(content, Some(Bytes::from("2")));
    let archive = source.archive(&repo(), commit).await.unwrap();
    collect(archive).await.unwrap();
}

async fn world_with_a_copy() -> (World, CommitSha) {
    let world = World::new();
    let first = world.commit(Change::new("first").file("a", "1"));
    world.source().fetch(&repo(), &first).await.unwrap();
    let second = world.commit(Change::new("second").file("a", "2"));
    (world, second)
}

#[tokio::test]
async fn locks_that_a_killed_git_left_do_not_stop_the_next() {
    let (world, commit) = world_with_a_copy().await;
    let kept = world.mirror().join("refs/jockey/commits");
    for litter in [
        "shallow.lock",
        "packed-refs.lock",
        "objects/pack/tmp_pack_x",
        "objects/cc/tmp_obj_x",
    ] {
        fs::create_dir_all(world.mirror().join("objects/cc")).unwrap();
        fs::write(world.mirror().join(litter), "").unwrap();
    }
    fs::write(kept.join(format!("{commit}.lock")), "").unwrap();
    check(&world, &commit).await;
    for unfinished in ["objects/pack/tmp_pack_x", "objects/cc/tmp_obj_x"] {
        assert!(!world.mirror().join(unfinished).exists(), "{unfinished}");
    }
}

#[tokio::test]
async fn a_half_made_copy_is_made_anew() {
    for leave in ["HEAD", "objects", "config", "refs"] {
        let (world, commit) = world_with_a_copy().await;
        for entry in fs::read_dir(world.mirror()).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(leave) {
                continue;
            }
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        check(&world, &commit).await;
    }
}

#[tokio::test]
async fn a_damaged_copy_is_made_anew_at_the_fetch_after_it_was_noticed() {
    let (world, commit) = world_with_a_copy().await;
    check(&world, &commit).await;
    let tree = {
        let name = format!("{commit}^{{tree}}");
        world.repository.git(["rev-parse", &name]).unwrap()
    };
    let object = world
        .mirror()
        .join(format!("objects/{}/{}", &tree[..2], &tree[2..]));
    fs::remove_file(object).unwrap();
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    let archive = source.archive(&repo(), &commit).await.unwrap();
    assert!(collect(archive).await.is_err());
    check(&world, &commit).await;
}

#[tokio::test]
async fn a_fetch_that_is_given_up_leaves_nothing_running_and_the_next_one_works() {
    let (world, commit) = world_with_a_copy().await;
    let source = world.source();
    for patience in [0, 1, 2, 4, 8, 16] {
        let name = repo();
        let fetch = source.fetch(&name, &commit);
        let _given_up =
            tokio::time::timeout(std::time::Duration::from_millis(patience), fetch).await;
    }
    check(&world, &commit).await;
    let mirror = world.mirror();
    crate::world::until("no git is left", || {
        crate::world::children_on(&mirror).is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_git_that_outlives_its_server_is_waited_for() {
    let (world, commit) = world_with_a_copy().await;
    // What such a git holds: the locked file that it was given as stdout.
    let held = fs::File::open(world.state.path().join("mirrors/example/app.lock")).unwrap();
    held.lock().unwrap();
    let (source, name) = (world.source(), repo());
    let fetch = source.fetch(&name, &commit);
    tokio::pin!(fetch);
    let patience = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, &mut fetch).await.is_err());
    drop(held);
    fetch.await.unwrap();
}

#[tokio::test]
async fn git_holds_the_lock_itself_while_it_fetches() {
    /// How often it is looked, each time at another commit: a busy machine may look away while one is fetched.
    const ROUNDS: u8 = 20;
    let (world, _) = world_with_a_copy().await;
    let lock = world.state.path().join("mirrors/example/app.lock");
    let file = fs::File::open(&lock).unwrap();
    let has_lock = |id: &u32| fs::read_link(format!("/proc/{id}/fd/1")).is_ok_and(|to| to == lock);
    let is_held = || {
        let children = crate::world::children_on(&world.mirror());
        children.iter().any(has_lock) && is_locked(&file)
    };
    let (source, name) = (world.source(), repo());
    for round in 1..=ROUNDS {
        // Long enough to be seen.
        let large: Vec<u8> = noise(8 << 20).iter().map(|byte| byte ^ round).collect();
        let commit = world.commit(Change::new("large").file("noise", large));
        let fetch = source.fetch(&name, &commit);
        tokio::pin!(fetch);
        let mut was_held = false;
        loop {
            tokio::select! {
                biased;
                fetched = &mut fetch => break fetched.unwrap(),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => was_held |= is_held(),
            }
        }
        if was_held {
            return;
        }
    }
    panic!("no git has the lock file as its stdout");
}

/// Whether somebody else holds the lock of a file.
fn is_locked(file: &fs::File) -> bool {
    let free = file.try_lock().is_ok();
    if free {
        file.unlock().unwrap();
    }
    !free
}

/// A disk with room for 4 MiB in place of a directory, until it is dropped. Needs root.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn over(directory: &Path) -> Self {
        let words = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"];
        let mounted = Command::new("mount").args(words).arg(directory).status();
        assert!(mounted.unwrap().success(), "this test needs root");
        Self(directory.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Fails only when it is not mounted any more.
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_of_the_server_is_said_and_mended_by_room() {
    let world = World::new();
    let large = noise(16 << 20);
    let commit = world.commit(Change::new("large").file("large", &large).file("a", "2"));
    let disk = SmallDisk::over(world.state.path());
    let error = world.source().fetch(&repo(), &commit).await.unwrap_err();
    assert!(matches!(error, Error::Local { .. }), "{error}");
    let words = error.to_string();
    assert!(
        words.starts_with("the local copy of example/app"),
        "{words}"
    );
    assert!(words.contains("No space left on device"), "{words}");
    drop(disk);
    check(&world, &commit).await;
}

//! A server that is killed while it fetches, at any moment, and the one after it.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use domain::CommitSha;
use ports::Source;
use testkit::git::Change;

use crate::world::{World, children_on, collect, noise, repo};

/// Where the server that is killed finds its state, its host and the commit to fetch.
const ORDER: &str = "JOCKEY_TEST_FETCH";

/// The server that is killed: this program again, in a process of its own. By itself it has nothing to do.
#[tokio::test]
async fn a_server_fetches_what_it_is_told() {
    let Ok(order) = env::var(ORDER) else { return };
    let [state, base, commit] = order.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{order}");
    };
    let source = crate::world::source_in(Path::new(state), base);
    source
        .fetch(&repo(), &commit.parse().unwrap())
        .await
        .unwrap();
}

fn start_server(world: &World, commit: &CommitSha) -> Child {
    let base = world.repositories.base_url();
    let order = format!("{} {base} {commit}", world.state.path().display());
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "crash::a_server_fetches_what_it_is_told"])
        .env(ORDER, order)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until something is so, or the server is done. Fails after a minute.
fn watch(server: &mut Child, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while server.try_wait().unwrap().is_none() && !is_so() {
        assert!(Instant::now() < deadline, "neither so nor done");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_fetches_leaves_nothing_in_the_way() {
    type Moment = fn(&World) -> bool;
    let moments: [(&str, Moment); 6] = [
        ("the copy is begun", |world| {
            world.mirror().with_file_name(".app.git.new").exists()
        }),
        ("the copy is there", |world| world.mirror().exists()),
        ("git runs", |world| !children_on(&world.mirror()).is_empty()),
        ("objects arrive", |world| {
            let packs = world.mirror().join("objects/pack");
            std::fs::read_dir(packs).is_ok_and(|mut entries| entries.next().is_some())
        }),
        ("history is cut", |world| {
            world.mirror().join("shallow.lock").exists() || world.mirror().join("shallow").exists()
        }),
        ("the ref is there", |world| {
            let commits = world.mirror().join("refs/jockey/commits");
            std::fs::read_dir(commits).is_ok_and(|mut entries| entries.next().is_some())
        }),
    ];
    let noise = noise(4 << 20);
    for (what, moment) in moments {
        let world = World::new();
        let commit = world.commit(Change::new("first").file("noise", &noise));
        let mut server = start_server(&world, &commit);
        watch(&mut server, || moment(&world));
        server.kill().unwrap();
        server.wait().unwrap();

        let source = world.source();
        let fetched = source.fetch(&repo(), &commit).await;
        assert_eq!(fetched, Ok(()), "killed when {what}");
        let archive = source.archive(&repo(), &commit).await.unwrap();
        let size = collect(archive).await.unwrap().len();
        assert!(size > noise.len(), "killed when {what}");
    }
}

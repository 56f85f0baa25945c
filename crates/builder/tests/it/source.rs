use std::path::Path;

use bytes::Bytes;
use domain::CommitSha;
use ports::{Source, source::Error};
use testkit::git::{Access, Change};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::world::{World, git_ref, noise, repo, size_of};

#[tokio::test]
async fn a_branch_a_tag_a_head_and_an_id_name_their_commits() {
    let world = World::new();
    let first = world.commit(Change::new("first").file("a", "1"));
    let second = world.commit(Change::new("second").file("a", "2"));
    world
        .repository
        .branch("feature/x", first.as_str())
        .unwrap();
    world.repository.tag("v1", first.as_str()).unwrap();
    let source = world.source();
    for (name, want) in [
        ("HEAD", &second),
        ("main", &second),
        ("feature/x", &first),
        ("v1", &first),
        ("refs/heads/main", &second),
        (first.as_str(), &first),
        (second.short(), &second),
        (first.short(), &first),
    ] {
        let found = source.resolve(&repo(), &git_ref(name)).await;
        assert_eq!(found.as_ref(), Ok(want), "{name}");
    }
    let other = world.commit(Change::new("third"));
    let found = source.resolve(&repo(), &git_ref("HEAD")).await;
    assert_eq!(found, Ok(other), "a ref is asked for anew each time");
}

#[tokio::test]
async fn a_short_id_that_no_ref_tells_is_found_in_the_history() {
    let world = World::new();
    let old = world.commit(Change::new("old").file("a", "1"));
    let new = world.commit(Change::new("new").file("a", "2"));
    let source = world.source();
    source.fetch(&repo(), &new).await.unwrap();
    let found = source.resolve(&repo(), &git_ref(old.short())).await;
    assert_eq!(found, Ok(old.clone()));
    source.fetch(&repo(), &old).await.unwrap();
    let content = source.file(&repo(), &old, "a").await.unwrap();
    assert_eq!(content, Some(Bytes::from("1")));
}

#[tokio::test]
async fn what_the_host_does_not_have_is_named() {
    let world = World::new();
    let commit = world.commit(Change::new("first").file("a", "1"));
    world.repository.tag("v1", commit.as_str()).unwrap();
    let tag = world.repository.git(["rev-parse", "v1"]).unwrap();
    let source = world.source();
    for name in ["nothing", "abcdef1", &"ab".repeat(20), &tag] {
        let found = source.resolve(&repo(), &git_ref(name)).await;
        let want = Error::UnknownRef {
            repo: repo(),
            git_ref: name.to_owned(),
        };
        assert_eq!(found, Err(want));
    }
    let other = "example/other".parse().unwrap();
    let error = source.resolve(&other, &git_ref("HEAD")).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Denied { .. }), "{text}");
    assert!(
        text.contains("does not appear to be a git repository"),
        "{text}"
    );
    let error = source.fetch(&other, &commit).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_worth_a_retry() {
    let world = World::new();
    let commit = world.commit(Change::new("first"));
    let held = testkit::port::hold(0).unwrap();
    let source = world.source_at(&format!("http://{}/git", held.local_addr().unwrap()));
    let error = source.resolve(&repo(), &git_ref("HEAD")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let error = source.fetch(&repo(), &commit).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_commit_that_is_here_needs_no_host() {
    let world = World::new();
    let commit = world.commit(Change::new("first").file("a", "1"));
    world.source().fetch(&repo(), &commit).await.unwrap();
    world.unplug();
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    let found = source.resolve(&repo(), &git_ref(commit.as_str())).await;
    assert_eq!(found, Ok(commit));
}

#[tokio::test]
async fn a_state_directory_may_be_given_relative_to_where_the_server_runs() {
    let world = World::new();
    let commit = world.commit(Change::new("first").file("a", "1"));
    let here = std::env::current_dir().unwrap();
    let up = "../".repeat(here.components().count() - 1);
    let state = world.state.path().strip_prefix("/").unwrap();
    let state = Path::new(&up).join(state);
    let source = crate::world::source_in(&state, &world.repositories.base_url());
    source.fetch(&repo(), &commit).await.unwrap();
    let content = source.file(&repo(), &commit, "a").await.unwrap();
    assert_eq!(content, Some(Bytes::from("1")));
    assert!(world.mirror().exists());
}

#[tokio::test]
async fn the_second_fetch_brings_only_what_is_new() {
    let world = World::new();
    let first = world.commit(Change::new("first").file("noise", noise(1 << 20)));
    let second = world.commit(Change::new("second").file("small", "1"));
    let source = world.source();
    source.fetch(&repo(), &first).await.unwrap();
    let before = size_of(&world.mirror());
    assert!(before > 900_000, "{before}");
    source.fetch(&repo(), &second).await.unwrap();
    let more = size_of(&world.mirror()) - before;
    assert!(more < 20_000, "{more} bytes more");
}

#[tokio::test]
async fn history_is_left_out() {
    let world = World::new();
    let old = world.commit(Change::new("old").file("a", "1"));
    let new = world.commit(Change::new("new").file("a", "2"));
    let source = world.source();
    source.fetch(&repo(), &new).await.unwrap();
    let error = source.file(&repo(), &old, "a").await.unwrap_err();
    assert!(matches!(error, Error::Local { .. }), "{error}");
    assert!(world.mirror().join("shallow").exists());
}

#[tokio::test]
async fn a_host_that_gives_no_single_commit_gives_its_history() {
    let world = World::new();
    let old = world.commit(Change::new("old").file("a", "1"));
    world.commit(Change::new("new").file("a", "2"));
    world
        .repository
        .git(["config", "uploadpack.allowAnySHA1InWant", "false"])
        .unwrap();
    let server = world.repositories.serve(Access::Anyone).unwrap();
    let source = world.source_at(&without_second_protocol(&server.base_url()).await);
    source.fetch(&repo(), &old).await.unwrap();
    let content = source.file(&repo(), &old, "a").await.unwrap();
    assert_eq!(content, Some(Bytes::from("1")));
    assert!(!world.mirror().join("shallow").exists());
}

#[tokio::test]
async fn two_fetches_at_once_do_not_disturb_each_other() {
    let world = World::new();
    let commits: Vec<CommitSha> = (0..4)
        .map(|n| world.commit(Change::new("next").file("a", n.to_string())))
        .collect();
    let mut fetches = Vec::new();
    for commit in commits.iter().chain(&commits) {
        // Each with locks of its own, as two servers would have them.
        let (source, commit) = (world.source(), commit.clone());
        fetches.push(tokio::spawn(
            async move { source.fetch(&repo(), &commit).await },
        ));
    }
    for fetch in fetches {
        assert_eq!(fetch.await.unwrap(), Ok(()));
    }
    for (n, commit) in commits.iter().enumerate() {
        let content = world.source().file(&repo(), commit, "a").await.unwrap();
        assert_eq!(content, Some(Bytes::from(n.to_string())));
    }
}

#[tokio::test]
async fn a_file_is_read_by_its_path_through_links_and_not_beyond_its_limit() {
    let world = World::new();
    let commit = world.commit(
        Change::new("first")
            .file("d/e f", "content\n")
            .file("empty", "")
            .file("large", vec![b'x'; (1 << 20) + 7])
            .link("link", "d/e f")
            .link("out", "../../etc/passwd")
            .link("dangling", "nowhere"),
    );
    let source = world.source();
    source.fetch(&repo(), &commit).await.unwrap();
    for (path, want) in [
        ("d/e f", Some("content\n")),
        ("empty", Some("")),
        ("link", Some("content\n")),
        ("d", None),
        ("none", None),
        ("out", None),
        ("dangling", None),
        ("../d/e f", None),
        ("./d/e f", None),
        ("/d/e f", None),
        ("x\ny", None),
        ("", None),
    ] {
        let content = source.file(&repo(), &commit, path).await.unwrap();
        assert_eq!(content, want.map(Bytes::from), "{path}");
    }
    let large = source.file(&repo(), &commit, "large").await.unwrap();
    assert_eq!(large.map(|content| content.len()), Some(1 << 20));
}

/// The address of the same host, for a client that can only speak git's first protocol with it: there a host gives
/// what its refs name, and nothing else unless it allows it.
async fn without_second_protocol(base: &str) -> String {
    let (host, path) = base
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let host = host.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&host).await.unwrap();
            tokio::spawn(pass(client, server));
        }
    });
    format!("http://{address}/{path}")
}

async fn pass(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).replace("Git-Protocol: version=2\r\n", "");
    server.write_all(head.as_bytes()).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use builder::git::{GitSource, OneToken};
use domain::RepoName;
use ports::{
    Source,
    source::{Credentials, Error},
};
use secrecy::SecretString;
use testkit::git::{Access, Change};

use crate::world::{World, git_ref, processes, repo};

const TOKEN: &str = "ghs-planted-t0ken-4711";

fn source_with(world: &World, base: &str, token: &str) -> GitSource {
    let credentials = Arc::new(OneToken(token.into()));
    GitSource::new(
        base.parse().unwrap(),
        credentials,
        world.state.path().into(),
    )
}

#[tokio::test]
async fn a_private_repository_is_fetched_with_the_token_and_not_without() {
    let world = World::new();
    let commit = world.commit(Change::new("first").file("a", "1"));
    let server = world.repositories.serve(Access::Token(TOKEN)).unwrap();
    let base = server.base_url();

    let error = world
        .source_at(&base)
        .fetch(&repo(), &commit)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");

    let wrong = "wr0ng-token-0815";
    let source = source_with(&world, &base, wrong);
    for error in [
        source.fetch(&repo(), &commit).await.unwrap_err(),
        source.resolve(&repo(), &git_ref("HEAD")).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Denied { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains(wrong));
    }

    let source = source_with(&world, &base, TOKEN);
    let found = source.resolve(&repo(), &git_ref("main")).await;
    assert_eq!(found, Ok(commit.clone()));
    source.fetch(&repo(), &commit).await.unwrap();
    assert!(
        !is_below(world.state.path(), TOKEN),
        "a file holds the token"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_argument_and_no_environment_holds_the_token_while_git_runs() {
    let world = World::new();
    world.commit(Change::new("first").file("a", "1"));
    let server = world.repositories.serve(Access::Token(TOKEN)).unwrap();
    let source = source_with(&world, &server.base_url(), TOKEN);
    let (done, seen) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let watcher = {
        let (done, seen) = (Arc::clone(&done), Arc::clone(&seen));
        thread::spawn(move || {
            let mut scans = 0;
            while !done.load(Ordering::SeqCst) {
                let found = processes().filter(|process| shows(process, TOKEN)).count();
                seen.fetch_add(found, Ordering::SeqCst);
                scans += 1;
            }
            scans
        })
    };
    for n in 0..8 {
        let commit = world.commit(Change::new("next").file("a", n.to_string()));
        source.fetch(&repo(), &commit).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let scans = watcher.join().unwrap();
    assert!(scans > 3, "looked {scans} times");
    assert_eq!(seen.load(Ordering::SeqCst), 0, "in {scans} looks");
}

#[test]
fn a_process_that_shows_the_token_would_be_seen() {
    // Another one, since the test beside this looks at all processes.
    let secret = "c0ntrol-4712";
    for (arguments, variable) in [([secret], "x"), (["x"], secret)] {
        let mut process = Command::new("sh")
            .args(["-c", "echo; read x"])
            .args(arguments)
            .env("SHOWN", variable)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It has said something, so it is what we started, and not still a copy of us.
        let mut said = [0];
        process
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut said)
            .unwrap();
        let path = format!("/proc/{}", process.id());
        assert!(shows(Path::new(&path), secret));
        drop(process.stdin.take());
        process.wait().unwrap();
    }
}

/// Whether a process has this among its arguments or in its environment.
fn shows(process: &Path, secret: &str) -> bool {
    ["cmdline", "environ"].iter().any(|file| {
        let shown = fs::read(process.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&shown).contains(secret)
    })
}

fn is_below(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory)
        .unwrap()
        .map(Result::unwrap)
        .any(|entry| {
            if entry.file_type().unwrap().is_dir() {
                return is_below(&entry.path(), text);
            }
            let content = fs::read(entry.path()).unwrap();
            String::from_utf8_lossy(&content).contains(text)
        })
}

/// Where no token is to be had now, and nothing is known of the repository.
struct Nowhere;

#[async_trait::async_trait]
impl Credentials for Nowhere {
    async fn token(&self, repo: &RepoName) -> Result<Option<SecretString>, Error> {
        Err(Error::Unreachable {
            repo: repo.clone(),
            detail: "the host of tokens is silent".to_owned(),
        })
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_had_now_is_worth_a_retry_and_spares_the_copy() {
    let world = World::new();
    let first = world.commit(Change::new("first").file("a", "1"));
    let server = world.repositories.serve(Access::Token(TOKEN)).unwrap();
    let base = server.base_url();
    let source = source_with(&world, &base, TOKEN);
    source.fetch(&repo(), &first).await.unwrap();

    let second = world.commit(Change::new("second").file("a", "2"));
    let state = world.state.path().to_owned();
    let without = GitSource::new(base.parse().unwrap(), Arc::new(Nowhere), state);
    for error in [
        without.fetch(&repo(), &second).await.unwrap_err(),
        without
            .resolve(&repo(), &git_ref("main"))
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_transient(), "{error}");
    }
    let kept = without.file(&repo(), &first, "a").await;
    assert_eq!(kept, Ok(Some("1".into())), "the copy is as it was");
}

//! `kill -9` in the middle of commits. The process that is killed is this program again, told so by its environment.

use crate::world::{Ground, change, on_both, open};
use domain::{EventId, StackName};
use ports::store::{
    Error, Events as _, Page, Requests as _, Stacks as _, events::EventFilter, requests::RequestKey,
};
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use store::{Database, KeySource, Store};
use tokio::task::JoinSet;

const DIRECTORY: &str = "STORE_TEST_WRITES_UNTIL_KILLED_IN";
const ROUNDS: usize = 5;
/// How many answers a child gives before it is killed, more in each round.
const ANSWERS: usize = 15;
/// How long a child may take for its answers: milliseconds each, on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(120);

on_both! {
    what_was_answered_before_a_kill_is_there_after_it,
}

/// Where the child finds the address of the database, when that is not a file of the directory.
const ADDRESS: &str = "address";

async fn what_was_answered_before_a_kill_is_there_after_it(ground: Ground) {
    if let Some(url) = ground.url() {
        std::fs::write(ground.path().join(ADDRESS), url).unwrap();
    }
    let mut answered = BTreeSet::new();
    for round in 1..=ROUNDS {
        answered.extend(run_and_kill(ground.path(), round * ANSWERS));
        look(&ground, &answered).await;
    }
}

/// The child: the same program, which runs this alone.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        write_until_killed(&PathBuf::from(directory)).await;
    }
}

async fn open_in(directory: &Path) -> Store {
    let database = match std::fs::read_to_string(directory.join(ADDRESS)) {
        Ok(address) => Database::Postgres {
            address: address.parse().unwrap(),
            state: directory.to_owned(),
        },
        Err(_) => Database::File(directory.join("jockey.db")),
    };
    let key = KeySource::File(directory.join("jockey.key"));
    open(database, key).await.unwrap()
}

/// Writes from several tasks at once, and says each name once the store has answered.
async fn write_until_killed(directory: &Path) {
    let store = Arc::new(open_in(directory).await);
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for number in 0_u32.. {
                let name = format!("s-{}-{writer}-{number}", std::process::id());
                let mut change = change();
                change.request = Some(RequestKey {
                    id: name.clone(),
                    method: "Test/Write".to_owned(),
                    digest: [0; 32],
                });
                let parsed: StackName = name.parse().unwrap();
                let made: Result<_, Error> = store.create_stack(parsed, &change).await;
                made.unwrap();
                println!("answered {name}");
            }
        });
    }
    writers.join_all().await;
}

/// The names that the child said before its end.
fn run_and_kill(directory: &Path, answers: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let heard = hear(child.stdout.take().unwrap());
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    // What it says after it was killed was said before: it is heard to the end.
    while let Ok(line) = heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if let Some((_, name)) = line.split_once("answered ") {
            said.push(name.to_owned());
        }
        if said.len() == answers {
            child.kill().unwrap();
        }
    }
    // It may hang, or have ended by itself: then killing it changes nothing.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.len() >= answers, "{} of {answers} answers", said.len());
    said
}

/// Its lines, one by one, until it has closed its end.
fn hear(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (say, heard) = mpsc::sync_channel(ANSWERS);
    std::thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        // Whoever does not listen any more has given up.
        for line in lines {
            if say.send(line).is_err() {
                return;
            }
        }
    });
    heard
}

/// Everything that was answered is there, and nothing is there by half.
async fn look(ground: &Ground, answered: &BTreeSet<String>) {
    let store = ground.open().await;
    assert_eq!(store.check().await.unwrap().damage, Vec::<String>::new());
    let mut there = BTreeSet::new();
    let mut after = None;
    loop {
        let page = Page { size: 1000, after };
        let listed = store.list_stacks("", page).await.unwrap();
        there.extend(listed.items.iter().map(|stack| stack.name.to_string()));
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    let lost: Vec<_> = answered.difference(&there).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
    let mut told = 0;
    let mut cursor = EventId::new(0);
    loop {
        let events = store
            .events_after(cursor, &EventFilter::default(), 1000)
            .await
            .unwrap();
        let Some(last) = events.last() else { break };
        cursor = last.id;
        told += events.len();
    }
    assert_eq!(told, there.len(), "an event for each, in its transaction");
    for name in &there {
        let request = store.find_request("ada", name).await.unwrap();
        assert!(request.is_some(), "{name} has its key, in its transaction");
    }
}

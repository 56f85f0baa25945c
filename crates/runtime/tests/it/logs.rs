//! Lines of a log.

use crate::world::{PATIENCE, World};
use futures_util::{StreamExt, TryStreamExt};
use ports::runtime::{Error, Follow, LogLine, LogQuery, LogStream};
use std::time::Duration;

const ALL: LogQuery = LogQuery {
    tail: None,
    since: None,
    follow: Follow::No,
};

async fn read(world: &World, query: &LogQuery) -> Vec<LogLine> {
    let name = world.instance(1).to_string();
    let lines = world.node.logs(&name, query).await.unwrap();
    lines.try_collect().await.unwrap()
}

/// Waits until the Engine has so many lines: of two streams it may read the later one first.
async fn has(world: &World, count: usize) {
    let wait = async {
        while read(world, &ALL).await.len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, wait).await;
    assert!(in_time.is_ok(), "waiting for {count} lines");
}

fn texts(lines: &[LogLine]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.text).into_owned())
        .collect()
}

#[tokio::test]
async fn a_log_is_read_in_lines_with_their_times_and_streams() {
    let world = World::open().await;
    let line = r"go() { while ! test -e /tmp/$1; do sleep 0.05; done; }
        echo one; go two; echo two >&2; go three; printf 'a\000\377\n'; printf half";
    let spec = world.spec(1, line);
    world.node.start(&spec).await.unwrap();
    for (count, next) in [(1, "/tmp/two"), (2, "/tmp/three")] {
        has(&world, count).await;
        let name = spec.instance.to_string();
        testkit::docker::run(["exec", &name, "touch", next]).unwrap();
    }
    world.only_exited().await;
    let lines = read(&world, &ALL).await;
    let told: Vec<(LogStream, &[u8])> = lines
        .iter()
        .map(|line| (line.stream, &line.text[..]))
        .collect();
    assert_eq!(
        told,
        [
            (LogStream::Out, &b"one"[..]),
            (LogStream::Err, b"two"),
            // The Engine keeps its log as text: what is no text it writes as the mark for that.
            (LogStream::Out, "a\0\u{fffd}".as_bytes()),
            (LogStream::Out, b"half"),
        ]
    );
    assert!(lines.is_sorted_by_key(|line| line.at));
    let tail = read(
        &world,
        &LogQuery {
            tail: Some(2),
            ..ALL
        },
    )
    .await;
    assert_eq!(tail, lines[2..]);
    let since = read(
        &world,
        &LogQuery {
            since: Some(lines[1].at),
            ..ALL
        },
    )
    .await;
    assert_eq!(since, lines[1..]);
}

#[tokio::test]
async fn a_long_line_stays_one_line() {
    let world = World::open().await;
    let line = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo after";
    world.node.start(&world.spec(1, line)).await.unwrap();
    world.only_exited().await;
    let lines = texts(&read(&world, &ALL).await);
    assert_eq!(
        lines.iter().map(String::len).collect::<Vec<_>>(),
        [100_000, 5]
    );
}

#[tokio::test]
async fn a_log_is_followed_until_the_instance_ends() {
    let world = World::open().await;
    let line = "echo first; while ! test -e /tmp/go; do sleep 0.05; done; echo last";
    let spec = world.spec(1, line);
    world.node.start(&spec).await.unwrap();
    let name = spec.instance.to_string();
    let mut lines = world
        .node
        .logs(
            &name,
            &LogQuery {
                follow: Follow::Yes,
                ..ALL
            },
        )
        .await
        .unwrap();
    let first = tokio::time::timeout(PATIENCE, lines.next()).await.unwrap();
    assert_eq!(&first.unwrap().unwrap().text[..], b"first");
    testkit::docker::run(["exec", &name, "touch", "/tmp/go"]).unwrap();
    let rest: Vec<LogLine> = lines.try_collect().await.unwrap();
    assert_eq!(texts(&rest), ["last"]);
}

#[tokio::test]
async fn there_is_no_log_of_what_is_not_there() {
    let world = World::open().await;
    let answer = world.node.logs("ins-000000000000", &ALL).await;
    assert!(matches!(answer.err(), Some(Error::Missing(_))));
}

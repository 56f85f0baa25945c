//! How many pulls are under way at once.

use crate::scripted::{Answer, Scripted, missing, version};
use domain::ImageRef;
use ports::{Effect, Images};
use runtime::{Docker, Settings};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// Only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pulls of one Engine or several, each of which lasts until it is let go.
struct Pulls {
    /// How many are under way, and how many were at the most.
    counts: watch::Sender<(usize, usize)>,
    let_go: Semaphore,
    /// The digests of what is there.
    there: Mutex<BTreeSet<String>>,
}

impl Pulls {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            counts: watch::Sender::new((0, 0)),
            let_go: Semaphore::new(0),
            there: Mutex::default(),
        })
    }

    fn engine(self: &Arc<Self>) -> Scripted {
        let this = Arc::clone(self);
        Scripted::start(Arc::new(move |target| {
            let this = Arc::clone(&this);
            Box::pin(async move { this.answer(&target).await })
        }))
    }

    async fn answer(&self, target: &str) -> Answer {
        let digest = digest_in(target);
        match (target, digest) {
            ("/version", _) => version("1.41"),
            (target, Some(digest)) if target.starts_with("/images/create") => {
                self.counts.send_modify(|(now, most)| {
                    *now += 1;
                    *most = (*most).max(*now);
                });
                self.let_go.acquire().await.unwrap().forget();
                self.there.lock().unwrap().insert(digest);
                self.counts.send_modify(|(now, _)| *now -= 1);
                ("200 OK", "{\"status\": \"Pull complete\"}\n".to_owned())
            }
            (_, Some(digest)) if self.there.lock().unwrap().contains(&digest) => {
                let seen = serde_json::json!({"Id": format!("sha256:{digest}"), "Config": {}});
                ("200 OK", seen.to_string())
            }
            _ => missing(),
        }
    }

    /// Waits until so many are under way.
    async fn are(&self, count: usize) {
        let mut counts = self.counts.subscribe();
        let came = counts.wait_for(|(now, _)| *now >= count);
        let came = tokio::time::timeout(PATIENCE, came).await;
        assert!(
            came.is_ok(),
            "waiting for {count}: {:?}",
            self.counts.borrow()
        );
    }
}

/// The 64 digits of a digest.
fn digest_in(target: &str) -> Option<String> {
    let mut words = target.split(|c: char| !c.is_ascii_hexdigit());
    let digits = |word: &str| word.get(word.len().checked_sub(64)?..).map(str::to_owned);
    words.find_map(digits)
}

fn image(number: usize) -> ImageRef {
    let digest = format!("{number:02x}").repeat(32);
    let image = format!("registry.test/app@sha256:{digest}");
    image.parse().unwrap()
}

/// All of these at once, one let go after the other: never more than this many are under way, and no fewer while there are
/// others that wait.
async fn pull_all(pulls: &Pulls, nodes: Vec<Docker>, each: usize, at_once: usize) {
    let mut pulling = JoinSet::new();
    let all = nodes.len() * each;
    for (at, docker) in nodes.into_iter().enumerate() {
        for number in 0..each {
            let (docker, image) = (docker.clone(), image(at * each + number));
            pulling.spawn(async move { docker.pull(&image).await });
        }
    }
    for left in (1..=all).rev() {
        pulls.are(left.min(at_once)).await;
        pulls.let_go.add_permits(1);
        let pulled = tokio::time::timeout(PATIENCE, pulling.join_next()).await;
        let pulled = pulled.unwrap().unwrap().unwrap();
        assert_eq!(pulled.unwrap(), Effect::Done);
    }
    let (now, most) = *pulls.counts.borrow();
    assert_eq!((now, most), (0, at_once));
}

#[tokio::test]
async fn a_node_pulls_two_images_at_once() {
    let pulls = Pulls::new();
    let engine = pulls.engine();
    let docker = engine.docker(Settings::of("here".parse().unwrap()));
    pull_all(&pulls, vec![docker], 6, 2).await;
}

#[tokio::test]
async fn all_nodes_together_pull_eight_images_at_once() {
    let pulls = Pulls::new();
    let engines: Vec<Scripted> = (0..5).map(|_| pulls.engine()).collect();
    let first = Settings::of("node-0".parse().unwrap());
    let docker = |(at, engine): (usize, &Scripted)| {
        engine.docker(Settings {
            node: format!("node-{at}").parse().unwrap(),
            ..first.clone()
        })
    };
    let nodes = engines.iter().enumerate().map(docker).collect();
    pull_all(&pulls, nodes, 2, 8).await;
}

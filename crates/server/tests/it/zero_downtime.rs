//! Nobody who asks an instance that is listed as healthy is ever turned away.

use crate::{
    calls::containers,
    harness::{Jockeyd, change, exactly, is_healthy},
    network::get,
    sources::WEB,
};
use anyhow::{Context, ensure};
use proto::v1::{self, DeployState};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How often the list is read.
const EACH: Duration = Duration::from_millis(100);
/// How old a list may be that an instance is taken from: less than the drain time of 1 s by a good margin, since on a busy
/// machine the list itself may come late.
const FRESH: Duration = Duration::from_millis(500);
/// The drain time: whoever has the address of an old instance for longer may find it stopped, and rightly.
const DRAIN: Duration = Duration::from_secs(1);
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(10);
const CLIENTS: usize = 4;

/// The healthy instances, and when they were asked for.
type Listed = Mutex<(Instant, Vec<String>)>;

/// What clients see from outside.
pub(crate) struct Traffic {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    /// How many failed only because this machine came too late with them.
    late: Arc<AtomicUsize>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Traffic {
    pub(crate) fn start(server: &Jockeyd, app: &str) -> Self {
        let listed: Arc<Listed> = Arc::new(Mutex::new((Instant::now(), Vec::new())));
        let mut traffic = Self {
            over: Arc::default(),
            asked: Arc::default(),
            failures: Arc::default(),
            late: Arc::default(),
            tasks: JoinSet::new(),
        };
        let client = server.admin().instances();
        let over = Arc::clone(&traffic.over);
        traffic.tasks.spawn(keep_listing(
            client,
            app.to_owned(),
            Arc::clone(&listed),
            over,
        ));
        for number in 0..CLIENTS {
            let (over, asked) = (Arc::clone(&traffic.over), Arc::clone(&traffic.asked));
            let (listed, failures) = (Arc::clone(&listed), Arc::clone(&traffic.failures));
            let late = Arc::clone(&traffic.late);
            traffic.tasks.spawn(async move {
                for turn in number.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    if let Some((at, address)) = choose(&listed, turn) {
                        match get(&address).await {
                            Err(_) if at.elapsed() >= DRAIN => {
                                late.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(error) => {
                                let mut failures = failures.lock().expect("nobody panics with it");
                                failures.push(format!("{address}: {error:#}"));
                            }
                            Ok(_) => {}
                        }
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(())
            });
        }
        traffic
    }

    /// Ends it, and answers how many requests there were and what became of those that failed.
    pub(crate) async fn stop(mut self) -> anyhow::Result<(usize, Vec<String>)> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        let failures = self.failures.lock().expect("nobody panics with it").clone();
        let asked = self.asked.load(Ordering::Relaxed);
        let late = self.late.load(Ordering::Relaxed);
        ensure!(
            late * 100 <= asked,
            "{late} of {asked} requests came too late to prove anything"
        );
        Ok((asked, failures))
    }
}

async fn keep_listing(
    mut client: v1::instance_service_client::InstanceServiceClient<crate::harness::Api>,
    app: String,
    listed: Arc<Listed>,
    over: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(EACH);
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let asked = Instant::now();
        let request = v1::ListInstancesRequest {
            app: app.clone(),
            ..v1::ListInstancesRequest::default()
        };
        let answer = client.list_instances(request).await.context("the list")?;
        let listed_now = answer.into_inner().instances.into_iter();
        let addresses = listed_now
            .filter(is_healthy)
            .map(|instance| instance.address)
            .collect();
        *listed.lock().expect("nobody panics with it") = (asked, addresses);
    }
    Ok(())
}

/// One of the healthy, in turn, and when it was listed. None while the list is too old to be believed.
fn choose(listed: &Listed, turn: usize) -> Option<(Instant, String)> {
    let listed = listed.lock().expect("nobody panics with it");
    let (at, addresses) = &*listed;
    (at.elapsed() < FRESH && !addresses.is_empty())
        .then(|| (*at, addresses[turn % addresses.len()].clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_during_ten_deploys_two_of_which_crash() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("busy", &[("Dockerfile", WEB), ("page", "0")])
        .await?;
    server.deployed("busy").await?;
    server.scale("busy", "web", 2).await?;
    let mut running = server.settled("busy", "two", exactly(2)).await?;
    let traffic = Traffic::start(&server, "busy");

    for number in 1..=10 {
        let page = number.to_string();
        let crashes = number == 4 || number == 8;
        let dockerfile = if crashes {
            "FROM busybox:1\nCMD exit 1\n"
        } else {
            WEB
        };
        repository.commit(&change(
            &page,
            &[("Dockerfile", dockerfile), ("page", &page)],
        ))?;
        let deploy = server.deploy("busy", "HEAD").await?;
        let after = server.settled("busy", "two", exactly(2)).await?;
        if crashes {
            assert_eq!(deploy.state(), DeployState::Failed, "{deploy:?}");
            assert_eq!(containers(&after), containers(&running), "deploy {number}");
        } else {
            assert_eq!(deploy.state(), DeployState::Deployed, "{deploy:?}");
            assert!(containers(&after).is_disjoint(&containers(&running)));
            assert_eq!(get(&after[0].address).await?, page);
        }
        running = after;
    }

    let (asked, failures) = traffic.stop().await?;
    assert!(
        failures.is_empty(),
        "{} of {asked} failed: {failures:#?}\n{}",
        failures.len(),
        server.log()
    );
    assert!(asked > 500, "only {asked} requests were made");
    Ok(())
}

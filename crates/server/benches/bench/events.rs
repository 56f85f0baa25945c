//! `events`: 100 watchers, one of which never reads; from an event's own time, before it is written, to when a watcher
//! has it. The floor is one durable write.

use crate::{
    Options, engine,
    figures::{Figure, Goal, Report, quantile},
    harness::{Jockeyd, PATIENCE},
    web,
};
use anyhow::Context;
use proto::v1::{
    CreateWorkerRequest, WatchEventsRequest, WatchEventsResponse, Worker,
    event_service_client::EventServiceClient, worker_service_client::WorkerServiceClient,
};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Request, Streaming, transport::Channel};

const WATCHERS: usize = 100;

/// How many events a round has.
const EACH: usize = 100;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    // Of an App that was never deployed: the event alone is measured, nothing starts.
    server.app("quiet", &web::FILES).await?;
    let worker = Worker {
        app: "quiet".to_owned(),
        environment: "development".to_owned(),
        name: "idle".to_owned(),
        ..Worker::default()
    };
    WorkerServiceClient::new(server.api())
        .create_worker(CreateWorkerRequest {
            worker: Some(worker),
            ..CreateWorkerRequest::default()
        })
        .await?;
    let mut crowd = Crowd::gather(&server).await?;
    let (mut p50, mut p99, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for number in 0..EACH {
            let began = Instant::now();
            engine::write_durably(server.state())?;
            floor.push(began.elapsed().as_secs_f64() * 1000.0);

            let scale = i32::from(number % 2 == 0);
            server.scale("quiet", "idle", scale).await?;
            ours.extend(crowd.delays().await?);
        }
        p50.push(quantile(&ours, 0.5));
        p99.push(quantile(&ours, 0.99));
        floors.push((quantile(&floor, 0.5), quantile(&floor, 0.99)));
    }
    for (metric, ours, goal, part) in [("p50", p50, 3.0, 0), ("p99", p99, 20.0, 1)] {
        let floor = floors.iter().map(|(p50, p99)| [*p50, *p99][part]);
        report.add(Figure {
            bench: "events",
            metric,
            unit: "ms",
            ours,
            floor: floor.collect(),
            goal: Goal::AtMost(goal),
        });
    }
    Ok(())
}

/// Those who watch.
struct Crowd {
    delays: mpsc::Receiver<f64>,
    _watchers: JoinSet<()>,
    /// Never read.
    _stuck: Streaming<WatchEventsResponse>,
}

impl Crowd {
    async fn gather(server: &Jockeyd) -> anyhow::Result<Self> {
        let (sender, delays) = mpsc::channel(WATCHERS);
        let mut watchers = JoinSet::new();
        for _ in 1..WATCHERS {
            let mut stream = watch(server).await?;
            let sender = sender.clone();
            watchers.spawn(async move {
                while let Ok(Some(batch)) = stream.message().await {
                    for event in batch.events {
                        if sender.send(delay(&event)).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
        Ok(Self {
            delays,
            _watchers: watchers,
            _stuck: watch(server).await?,
        })
    }

    /// How long the next event takes to each of them, in milliseconds.
    async fn delays(&mut self) -> anyhow::Result<Vec<f64>> {
        let mut delays = Vec::with_capacity(WATCHERS);
        while delays.len() + 1 < WATCHERS {
            let delay = tokio::time::timeout(PATIENCE, self.delays.recv()).await?;
            delays.push(delay.context("the watchers have ended")?);
        }
        Ok(delays)
    }
}

/// A watcher with a connection of its own, as those who watch are programs of their own.
async fn watch(server: &Jockeyd) -> anyhow::Result<Streaming<WatchEventsResponse>> {
    let address = std::fs::read_to_string(server.file("address"))?;
    let token = std::fs::read_to_string(server.file("admin-token"))?;
    let channel = Channel::from_shared(address.trim().to_owned())?
        .connect()
        .await?;
    let mut request = Request::new(WatchEventsRequest {
        kind: "worker".to_owned(),
        ..WatchEventsRequest::default()
    });
    let bearer = format!("Bearer {}", token.trim()).parse()?;
    request.metadata_mut().insert("authorization", bearer);
    let stream = EventServiceClient::new(channel)
        .watch_events(request)
        .await?;
    Ok(stream.into_inner())
}

/// Milliseconds since the event's own time.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn delay(event: &proto::v1::Event) -> f64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let at = event.time.map_or(0.0, |time| {
        time.seconds as f64 + f64::from(time.nanos) / 1e9
    });
    (now - at) * 1000.0
}

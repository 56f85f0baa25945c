//! `events`: 100 watchers, one of which never reads; from an event's own time to when a watcher has it.

use crate::{
    Options,
    figures::{Figure, Goal, Report, quantile},
    harness::Jockeyd,
    web,
};
use anyhow::Context;
use proto::v1::{
    CreateWorkerRequest, WatchEventsRequest, Worker, event_service_client::EventServiceClient,
    worker_service_client::WorkerServiceClient,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{sync::mpsc, task::JoinSet};

const WATCHERS: usize = 100;

#[expect(
    clippy::too_many_lines,
    reason = "one course of events, from its beginning to its end"
)]
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
    let (sender, mut delays) = mpsc::channel(WATCHERS);
    let mut watchers = JoinSet::new();
    let mut stuck = Vec::new();
    for number in 0..WATCHERS {
        let request = WatchEventsRequest {
            kind: "worker".to_owned(),
            ..WatchEventsRequest::default()
        };
        let mut stream = EventServiceClient::new(server.api())
            .watch_events(request)
            .await?
            .into_inner();
        if number == 0 {
            stuck.push(stream);
            continue;
        }
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
    drop(sender);
    let mut ours = Vec::new();
    for round in 0..20 * options.rounds {
        server
            .scale("quiet", "idle", i32::from(round % 2 == 0))
            .await?;
        for _ in 1..WATCHERS {
            let delay = tokio::time::timeout(Duration::from_secs(30), delays.recv())
                .await?
                .context("a watcher ended")?;
            ours.push(delay);
        }
    }
    let (p50, p99) = (vec![quantile(&ours, 0.5)], vec![quantile(&ours, 0.99)]);
    report.add(Figure {
        bench: "events",
        metric: "p50",
        unit: "ms",
        ours: p50,
        floor: vec![],
        goal: Goal::AtMost(3.0),
    });
    report.add(Figure {
        bench: "events",
        metric: "p99",
        unit: "ms",
        ours: p99,
        floor: vec![],
        goal: Goal::AtMost(20.0),
    });
    Ok(())
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

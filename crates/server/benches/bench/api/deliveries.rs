//! How many signed deliveries of a webhook are taken: checked, and kept as durable jobs.

use super::{
    calls::{Pace, Round, measure},
    hosted::{REPO, SECRET},
    p99,
    web::{Web, bare},
};
use crate::{
    Options,
    figures::{Figure, Goal, Report},
    harness::Jockeyd,
};
use domain::RepoName;
use secrecy::SecretString;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use testkit::github::{payload, signature_256};
use tonic::codegen::Bytes;

pub(super) async fn run(
    time: Duration,
    server: &Jockeyd,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let base = std::fs::read_to_string(server.file("address"))?;
    let ours = format!("{}/v1/github/webhooks", base.trim());
    let bare = format!("{}/", bare(Bytes::from_static(b"{}")).await?);
    let repo: RepoName = REPO.parse()?;
    let push = payload::push(&repo, "refs/heads/main", Some(&"1".repeat(40).parse()?));
    let body = Bytes::from(push.to_string());
    let number = Arc::new(AtomicU64::new(0));
    let (mut rounds, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        rounds.push(round(time, &ours, &body, &number).await?);
        floor.push(round(time, &bare, &body, &number).await?);
    }
    let all = |rounds: &[Round], part: fn(&Round) -> f64| rounds.iter().map(part).collect();
    // What accepting any other call may take: one write that waits for the disk. GitHub waits for ten seconds.
    for (metric, unit, part, goal) in [
        ("webhook", "µs", each as fn(&Round) -> f64, 5_000.0),
        ("webhook p99", "ms", p99, 1_000.0),
    ] {
        report.add(Figure {
            bench: "api",
            metric,
            unit,
            ours: all(&rounds, part),
            floor: all(&floor, part),
            goal: Goal::AtMost(goal),
        });
    }
    Ok(())
}

fn each(round: &Round) -> f64 {
    round.each
}

/// A round of telling of one push, as deliveries of their own.
async fn round(
    time: Duration,
    url: &str,
    body: &Bytes,
    number: &Arc<AtomicU64>,
) -> anyhow::Result<Round> {
    let signature = signature_256(&SecretString::from(SECRET), body);
    let caller = || {
        let (web, url, body) = (Web::new(""), url.to_owned(), body.clone());
        let (signature, number) = (signature.clone(), number.clone());
        move || {
            let (web, url, body) = (web.clone(), url.clone(), body.clone());
            let number = number.fetch_add(1, Ordering::Relaxed);
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("x-github-event", "push".to_owned()),
                (
                    "x-github-delivery",
                    format!("00000000-0000-0000-0000-{number:012}"),
                ),
                ("x-hub-signature-256", signature.clone()),
            ];
            async move { web.post(&url, &headers, body).await.map(drop) }
        }
    };
    measure(time, Pace::Full, caller).await
}

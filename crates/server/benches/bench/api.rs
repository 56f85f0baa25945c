//! `api`: one list over REST, gRPC and the routes of old, beside a bare handler of axum that answers as many bytes, and
//! beside Consul; deliveries of a webhook; and what it costs to tell who calls.

mod calls;
mod deliveries;
mod hosted;
pub(crate) mod web;
mod who;

use crate::{
    Options, Quick,
    figures::{Figure, Goal, Report},
    harness::Jockeyd,
};
use calls::{Pace, Round, measure};
use proto::v1::{ListAppsRequest, app_service_client::AppServiceClient};
use serde_json::json;
use std::time::Duration;
use testkit::consul::Consul;
use web::{Web, bare};

/// How many Apps the list has, and how many instances the service in Consul.
const LISTED: usize = 20;

/// Where the rounds of each way to call are kept.
const BARE: usize = 0;
const REST: usize = 1;
const OLD: usize = 2;
const GRPC: usize = 3;
const CONSUL: usize = 4;

/// Metrics of calls as fast as they are answered: whose, how many times whose they may take.
const RATIOS: [(&str, usize, usize, f64); 4] = [
    ("REST", REST, BARE, 20.0),
    ("old", OLD, BARE, 20.0),
    ("gRPC", GRPC, BARE, 10.0),
    ("JSON", REST, GRPC, 3.0),
];

/// Metrics of 1,000 calls a second: whose, beside whose, which part of a round, what it may be.
const WAITS: [(&str, usize, usize, Part, Goal); 8] = [
    ("REST p50", REST, BARE, p50, Goal::AtMost(0.5)),
    ("REST p99", REST, BARE, p99, Goal::AtMost(5.0)),
    ("old p50", OLD, BARE, p50, Goal::AtMost(0.5)),
    ("old p99", OLD, BARE, p99, Goal::AtMost(5.0)),
    ("gRPC p50", GRPC, BARE, p50, Goal::AtMost(0.5)),
    ("gRPC p99", GRPC, BARE, p99, Goal::AtMost(5.0)),
    ("of Consul's p50", REST, CONSUL, p50, Goal::Ratio(1.0)),
    ("of Consul's p99", REST, CONSUL, p99, Goal::Ratio(1.0)),
];

/// The rounds of each way to call.
type Rounds = [Vec<Round>; 5];

/// One figure of a round.
type Part = fn(&Round) -> f64;

fn p50(round: &Round) -> f64 {
    round.p50
}

fn p99(round: &Round) -> f64 {
    round.p99
}

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let time = match options.quick {
        Quick::Yes => Duration::from_secs(2),
        Quick::No => Duration::from_secs(5),
    };
    let server = Jockeyd::start_with(&["--call-rate", "0"]).await?;
    for number in 0..LISTED {
        server.create_app(&format!("app-{number}")).await?;
    }
    lists(time, &server, options, report).await?;
    who::run(&server, options, report).await?;
    let (server, github, organisation) = hosted::server().await?;
    who::of_github(&server, (&github, &organisation), options, report).await?;
    deliveries::run(time, &server, options, report).await
}

/// One list, over every way to call.
async fn lists(
    time: Duration,
    server: &Jockeyd,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (base, token) = place(server)?;
    let bytes = Web::new(&token).get(format!("{base}/v1/apps")).await?;
    let bare = bare(bytes).await?;
    let consul = consul()?;
    let paths = [
        (BARE, format!("{bare}/")),
        (REST, format!("{base}/v1/apps")),
        (OLD, format!("{base}/apps")),
        (CONSUL, format!("{}/v1/health/service/listed", consul.url())),
    ];
    for pace in [Pace::Full, Pace::Thousand] {
        let mut rounds = Rounds::default();
        for _ in 0..options.rounds {
            for (place, path) in &paths {
                rounds[*place].push(over_http(time, pace, &token, path).await?);
            }
            rounds[GRPC].push(over_grpc(time, pace, server).await?);
        }
        match pace {
            Pace::Full => compare(&rounds, report),
            Pace::Thousand => waits(&rounds, report),
        }
    }
    Ok(())
}

/// A Consul that has as many instances of one service as there are Apps.
fn consul() -> anyhow::Result<Consul> {
    let consul = Consul::start()?;
    for number in 0..LISTED {
        let service =
            json!({ "ID": format!("listed-{number}"), "Name": "listed", "Port": 20000 + number });
        consul.put("/v1/agent/service/register", &service)?;
    }
    Ok(consul)
}

/// Where a server answers over HTTP, and the token that it does so for.
pub(crate) fn place(server: &Jockeyd) -> anyhow::Result<(String, String)> {
    let read = |name| std::fs::read_to_string(server.file(name));
    let (base, token) = (read("address")?, read("admin-token")?);
    Ok((base.trim().to_owned(), token.trim().to_owned()))
}

/// A round of reading a path.
async fn over_http(time: Duration, pace: Pace, token: &str, path: &str) -> anyhow::Result<Round> {
    let caller = || {
        let (web, path) = (Web::new(token), path.to_owned());
        move || {
            let (web, path) = (web.clone(), path.clone());
            async move { web.get(path).await.map(drop) }
        }
    };
    measure(time, pace, caller).await
}

/// A round of listing the Apps over gRPC.
async fn over_grpc(time: Duration, pace: Pace, server: &Jockeyd) -> anyhow::Result<Round> {
    let caller = || {
        let client = AppServiceClient::new(server.api());
        move || {
            let mut client = client.clone();
            async move {
                let answer = client.list_apps(ListAppsRequest::default()).await?;
                anyhow::ensure!(answer.into_inner().apps.len() == LISTED);
                anyhow::Ok(())
            }
        }
    };
    measure(time, pace, caller).await
}

/// Reports what a call takes of the machine, beside the bare handler.
fn compare(rounds: &Rounds, report: &mut Report) {
    let of = |place: usize| rounds[place].iter().map(|round| round.each).collect();
    for (metric, ours, floor, goal) in RATIOS {
        report.add(Figure {
            bench: "api",
            metric,
            unit: "µs",
            ours: of(ours),
            floor: of(floor),
            goal: Goal::Ratio(goal),
        });
    }
}

/// Reports how long callers wait.
fn waits(rounds: &Rounds, report: &mut Report) {
    for (metric, ours, floor, part, goal) in WAITS {
        let of = |place: usize| rounds[place].iter().map(part).collect();
        report.add(Figure {
            bench: "api",
            metric,
            unit: "ms",
            ours: of(ours),
            floor: of(floor),
            goal,
        });
    }
}

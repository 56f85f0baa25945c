//! `api`: one list over REST, gRPC and the routes of old, beside a bare handler of axum that answers as many bytes; and
//! what it costs to tell who calls. Each with the same number of connections, of which each has one call under way.

use crate::{
    Options, Quick,
    figures::{Figure, Goal, Report, quantile},
    harness::Jockeyd,
};
use anyhow::{Context, ensure};
use axum::{Router, routing::get};
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use proto::v1::{
    CreateTokenRequest, ListAppsRequest, Role, Token, WhoAmIRequest,
    app_service_client::AppServiceClient, system_service_client::SystemServiceClient,
    token_service_client::TokenServiceClient,
};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::codegen::Bytes;

/// How many callers there are at once.
const CALLERS: usize = 8;
/// How many Apps the list has.
const APPS: usize = 20;
/// How many tokens are seen for the first time, each twice.
const TOKENS: usize = 50;

/// Where the rounds of each way to call are kept.
const BARE: usize = 0;
const REST: usize = 1;
const OLD: usize = 2;
const GRPC: usize = 3;

/// Metrics of a call's time: whose, how many times whose they may be.
const RATIOS: [(&str, usize, usize, f64); 4] = [
    ("REST", REST, BARE, 20.0),
    ("old", OLD, BARE, 20.0),
    ("gRPC", GRPC, BARE, 10.0),
    ("JSON", REST, GRPC, 3.0),
];

/// Metrics of how long callers wait: whose, which part of a round, how many milliseconds it may be.
const WAITS: [(&str, usize, Part, f64); 4] = [
    ("REST p50", REST, |round| round.p50, 10.0),
    ("REST p99", REST, |round| round.p99, 50.0),
    ("gRPC p50", GRPC, |round| round.p50, 10.0),
    ("gRPC p99", GRPC, |round| round.p99, 50.0),
];

/// The rounds of each way to call.
type Rounds = [Vec<Round>; 4];

/// One figure of a round.
type Part = fn(&Round) -> f64;

/// What a round has come to.
struct Round {
    /// Microseconds a call, of all callers together.
    each: f64,
    p50: f64,
    p99: f64,
}

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let time = match options.quick {
        Quick::Yes => Duration::from_secs(1),
        Quick::No => Duration::from_secs(5),
    };
    let server = Jockeyd::start_with(&["--call-rate", "0"]).await?;
    for number in 0..APPS {
        server.create_app(&format!("app-{number}")).await?;
    }
    let read = |name| std::fs::read_to_string(server.file(name));
    let (base, token) = (read("address")?, read("admin-token")?);
    let (base, token) = (base.trim().to_owned(), token.trim().to_owned());
    let web = Web::new(&token);
    let bytes = web.get(format!("{base}/v1/apps")).await?;
    let bare = bare(bytes).await?;

    let mut rounds = Rounds::default();
    for _ in 0..options.rounds {
        for (place, path) in [
            (BARE, format!("{bare}/")),
            (REST, format!("{base}/v1/apps")),
            (OLD, format!("{base}/apps")),
        ] {
            rounds[place].push(over_http(time, &token, &path).await?);
        }
        rounds[GRPC].push(over_grpc(time, &server).await?);
    }
    compare(&rounds, report);
    who(&server, options, report).await
}

/// A round of reading a path.
async fn over_http(time: Duration, token: &str, path: &str) -> anyhow::Result<Round> {
    let caller = || {
        let (web, path) = (Web::new(token), path.to_owned());
        move || {
            let (web, path) = (web.clone(), path.clone());
            async move { web.get(path).await.map(drop) }
        }
    };
    measure(time, caller).await
}

/// A round of listing the Apps over gRPC.
async fn over_grpc(time: Duration, server: &Jockeyd) -> anyhow::Result<Round> {
    let caller = || {
        let client = AppServiceClient::new(server.api());
        move || {
            let mut client = client.clone();
            async move {
                let answer = client.list_apps(ListAppsRequest::default()).await?;
                ensure!(answer.into_inner().apps.len() == APPS);
                anyhow::Ok(())
            }
        }
    };
    measure(time, caller).await
}

/// Reports what the list takes, beside the bare handler.
fn compare(rounds: &Rounds, report: &mut Report) {
    let of = |place: usize, part: Part| rounds[place].iter().map(part).collect();
    for (metric, ours, floor, goal) in RATIOS {
        report.add(Figure {
            bench: "api",
            metric,
            unit: "µs",
            ours: of(ours, |round| round.each),
            floor: of(floor, |round| round.each),
            goal: Goal::Ratio(goal),
        });
    }
    for (metric, place, part, goal) in WAITS {
        report.add(Figure {
            bench: "api",
            metric,
            unit: "ms",
            ours: of(place, part),
            floor: of(BARE, part),
            goal: Goal::AtMost(goal),
        });
    }
}

/// What it takes to tell who calls: the first time a token is seen, beside the second time.
async fn who(server: &Jockeyd, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let mut secrets = Vec::new();
        for number in 0..TOKENS {
            let request = CreateTokenRequest {
                token: Some(Token {
                    name: format!("t-{round}-{number}"),
                    role: Role::Viewer.into(),
                    ..Token::default()
                }),
                ..CreateTokenRequest::default()
            };
            let mut tokens = TokenServiceClient::new(server.api());
            let made = tokens.create_token(request).await?;
            secrets.push(made.into_inner().secret);
        }
        for times in [&mut first, &mut second] {
            let mut taken = Vec::new();
            for secret in &secrets {
                let mut client = SystemServiceClient::new(server.api_as(secret));
                let began = Instant::now();
                client.who_am_i(WhoAmIRequest {}).await?;
                taken.push(began.elapsed().as_secs_f64() * 1e6);
            }
            times.push(quantile(&taken, 0.5));
        }
    }
    report.add(Figure {
        bench: "api",
        metric: "who, at first",
        unit: "µs",
        ours: first,
        floor: second,
        goal: Goal::Ratio(10.0),
    });
    Ok(())
}

/// Calls from all callers for a time.
async fn measure<C, F>(time: Duration, caller: impl Fn() -> C) -> anyhow::Result<Round>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..CALLERS {
        let call = caller();
        callers.spawn(async move {
            let mut taken = Vec::new();
            while began.elapsed() < time {
                let began = Instant::now();
                call().await?;
                taken.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            anyhow::Ok(taken)
        });
    }
    let mut taken = Vec::new();
    while let Some(ended) = callers.join_next().await {
        taken.extend(ended??);
    }
    ensure!(!taken.is_empty(), "nothing was answered");
    Ok(Round {
        each: began.elapsed().as_secs_f64() * 1e6 / taken.len() as f64,
        p50: quantile(&taken, 0.5),
        p99: quantile(&taken, 0.99),
    })
}

/// A handler that answers with these bytes and does nothing else, and where it is.
async fn bare(bytes: Bytes) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/", get(move || std::future::ready(bytes.clone())));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}

/// A caller over HTTP/1.1 with a connection of its own.
#[derive(Clone)]
struct Web {
    client: Client<HttpConnector, Empty<Bytes>>,
    bearer: String,
}

impl Web {
    fn new(token: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            bearer: format!("Bearer {token}"),
        }
    }

    async fn get(&self, url: String) -> anyhow::Result<Bytes> {
        let request = Request::get(&url)
            .header(header::AUTHORIZATION, &self.bearer)
            .body(Empty::new())?;
        let answer = self.client.request(request).await.context(url)?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

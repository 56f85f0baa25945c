//! `history`: pages of the lists of 10,000 Apps, 100,000 Deploys and 1,000,000 events, over gRPC and over REST.

use crate::{
    Options, Quick,
    api::{place, web::Web},
    figures::{Figure, Goal, Report, quantile},
    harness::Jockeyd,
    start,
};
use anyhow::{Context, ensure};
use proto::v1::{
    ListAppsRequest, ListDeploysRequest, ListEventsRequest, app_service_client::AppServiceClient,
    deploy_service_client::DeployServiceClient, event_service_client::EventServiceClient,
};
use serde_json::Value;
use std::time::Instant;

/// How many are on a page.
const PAGE: i32 = 50;
/// What 99 of 100 pages may take, in milliseconds.
const MOST: f64 = 10.0;

/// How long each page of a list took, in milliseconds, from the first on.
type Taken = Vec<f64>;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let pages = match options.quick {
        Quick::Yes => 100,
        Quick::No => 200,
    };
    let mut server = Jockeyd::start_with(&["--call-rate", "0"]).await?;
    start::fill(&mut server, start::Length::Whole)?;
    server.resume().await?;
    let mut lists: [(&str, &str, Vec<Taken>); 6] = [
        ("apps p50", "apps p99", Vec::new()),
        ("deploys p50", "deploys p99", Vec::new()),
        ("events p50", "events p99", Vec::new()),
        ("REST apps p50", "REST apps p99", Vec::new()),
        ("REST deploys p50", "REST deploys p99", Vec::new()),
        ("REST events p50", "REST events p99", Vec::new()),
    ];
    for _ in 0..options.rounds {
        let rounds = [
            apps(&server, pages).await?,
            deploys(&server, pages).await?,
            events(&server, pages).await?,
            rest(&server, "apps", pages).await?,
            rest(&server, "deploys", pages).await?,
            rest(&server, "events", pages).await?,
        ];
        for (list, round) in lists.iter_mut().zip(rounds) {
            list.2.push(round);
        }
    }
    for (middle, most, rounds) in lists {
        for (metric, part) in [(middle, 0.5), (most, 0.99)] {
            report.add(Figure {
                bench: "history",
                metric,
                unit: "ms",
                ours: rounds.iter().map(|taken| quantile(taken, part)).collect(),
                floor: Vec::new(),
                goal: Goal::AtMost(MOST),
            });
        }
    }
    Ok(())
}

/// Reads pages of a list over gRPC, one after the other.
macro_rules! pages_of {
    ($name:ident: $client:ident.$call:ident($request:ident).$items:ident) => {
        async fn $name(server: &Jockeyd, pages: usize) -> anyhow::Result<Taken> {
            let mut client = $client::new(server.api());
            let (mut taken, mut page_token) = (Taken::new(), String::new());
            for _ in 0..pages {
                let request = $request {
                    page_size: PAGE,
                    page_token,
                    ..$request::default()
                };
                let began = Instant::now();
                let page = client.$call(request).await?.into_inner();
                taken.push(began.elapsed().as_secs_f64() * 1000.0);
                ensure!(i32::try_from(page.$items.len())? == PAGE, "it is too short");
                page_token = page.next_page_token;
            }
            Ok(taken)
        }
    };
}

pages_of!(apps: AppServiceClient.list_apps(ListAppsRequest).apps);
pages_of!(deploys: DeployServiceClient.list_deploys(ListDeploysRequest).deploys);
pages_of!(events: EventServiceClient.list_events(ListEventsRequest).events);

/// The same over REST.
async fn rest(server: &Jockeyd, list: &str, pages: usize) -> anyhow::Result<Taken> {
    let (url, token) = place(server)?;
    let web = Web::new(&token);
    let (mut taken, mut page_token) = (Taken::new(), String::new());
    for _ in 0..pages {
        let page = format!("{url}/v1/{list}?pageSize={PAGE}&pageToken={page_token}");
        let began = Instant::now();
        let answer = web.get(page).await?;
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
        let json: Value = serde_json::from_slice(&answer)?;
        let items = json[list].as_array().context("a list")?;
        ensure!(i32::try_from(items.len())? == PAGE, "it is too short");
        page_token = json["nextPageToken"]
            .as_str()
            .context("a token")?
            .to_owned();
    }
    Ok(taken)
}

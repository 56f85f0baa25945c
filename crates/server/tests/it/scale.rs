//! A long history, of 10,000 Apps, 100,000 Deploys and 1,000,000 events: pages of it are answered in milliseconds, and
//! the whole lists of old are sent as they are read.

use crate::{
    harness::{Jockeyd, PATIENCE},
    network::get_at,
    rest::Rest,
};
use anyhow::{Context, ensure};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use proto::v1;
use std::time::{Duration, Instant};

const FILL: &str = include_str!("scale/fill.sql");
/// How many pages of each list are read.
const PAGES: usize = 60;
/// The most statements that a page takes, those included that begin and end a transaction: however long the history is,
/// and however much the page shows.
const STATEMENTS: u64 = 30;

/// A server with the history, and where its figures are.
async fn filled() -> anyhow::Result<(Jockeyd, String)> {
    let mut server = Jockeyd::start().await?;
    let metrics = format!("127.0.0.1:{}", server.spare_port());
    server.kill()?;
    let path = server.file("jockey.db").display().to_string();
    let mut connection = SqliteConnection::establish(&path)?;
    connection.batch_execute("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    connection.batch_execute(FILL)?;
    drop(connection);
    server
        .arguments()
        .extend(["--call-rate", "0", "--metrics-listen", &metrics].map(str::to_owned));
    server.resume().await?;
    Ok((server, metrics))
}

/// How many statements the server has run.
async fn statements(metrics: &str) -> anyhow::Result<u64> {
    let figures = get_at(metrics, "/metrics").await?;
    let mut lines = figures.lines();
    let count = lines.find_map(|line| line.strip_prefix("jockey_statements_total "));
    Ok(count.context("no statements are counted")?.trim().parse()?)
}

/// How many times as long as the first pages of a list those deep in it may take, in the middle of all, on a machine
/// that does much else.
const DEEPER: u32 = 20;
/// How far into a list it is looked: this many of the largest pages there are, where it is as long.
const DEEP: usize = 30;
/// How many pages are read at either place.
const EACH: usize = 15;

/// How long pages took.
struct Taken(Vec<Duration>);

impl Taken {
    /// How long one in the middle of all took.
    fn middle(mut self) -> Duration {
        self.0.sort_unstable();
        self.0[self.0.len() / 2]
    }

    /// Says how long. What is fast enough is for `scripts/bench` to say.
    fn tell(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |part: usize| self.0[(self.0.len() - 1) * part / 100];
        let (middle, most) = (at(50), at(99));
        eprintln!("{what}: p50 {middle:?}, p99 {most:?} of {}", self.0.len());
    }
}

/// Reads page after page of a list over REST, from the first on, and again from there when it is at its end.
async fn pages(rest: &Rest, metrics: &str, list: &str) -> anyhow::Result<()> {
    let mut taken = Taken(Vec::new());
    // The fewest of any page: the server's loops run some of their own at times, on a slow machine beside page after page.
    let mut fewest = u64::MAX;
    let (mut token, mut seen) = (String::new(), 0);
    let deadline = Instant::now() + PATIENCE;
    while taken.0.len() < PAGES || (fewest > STATEMENTS && Instant::now() < deadline) {
        let mark = if list.contains('?') { '&' } else { '?' };
        let path = format!("{list}{mark}pageSize=50&pageToken={token}");
        let before = statements(metrics).await?;
        let began = Instant::now();
        let answer = rest.get(&path).await?;
        taken.0.push(began.elapsed());
        fewest = fewest.min(statements(metrics).await? - before);
        ensure!(answer.status == StatusCode::OK, "{path}: {}", answer.text);
        let json = answer.json();
        let items = json.as_object().into_iter().flatten();
        seen += items
            .filter_map(|(_, list)| list.as_array())
            .map(Vec::len)
            .sum::<usize>();
        token = json["nextPageToken"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    ensure!(seen > 0 || list.contains("token"), "{list} is empty");
    taken.tell(list);
    ensure!(fewest <= STATEMENTS, "{list} takes {fewest} statements");
    Ok(())
}

/// One history for all, which takes a while to write.
#[tokio::test]
async fn a_long_history_is_read_page_by_page_from_wherever_and_whole() -> anyhow::Result<()> {
    let (server, metrics) = filled().await?;
    pages_follow_each_other(&server, &metrics).await?;
    a_page_deep_in_it_takes_no_longer_than_the_first(&server).await?;
    a_whole_list_is_sent_as_it_is_read(&server).await
}

async fn pages_follow_each_other(server: &Jockeyd, metrics: &str) -> anyhow::Result<()> {
    let rest = server.rest()?;
    for list in [
        "/v1/apps",
        "/v1/apps?stack=scale",
        "/v1/builds",
        "/v1/builds?state=BUILD_STATE_FAILED",
        "/v1/deploys",
        "/v1/deploys?environment=scale",
        "/v1/deploys?app=scale-00500&environment=scale",
        "/v1/deploys?environment=scale&state=DEPLOY_STATE_CANCELLED",
        "/v1/events",
        "/v1/events?environment=scale",
        "/v1/events?app=scale-00500&environment=scale",
        "/v1/events?app=scale-00500&kind=deploy.failed",
        "/v1/events?kind=deploy",
        "/v1/events?kind=token",
        "/v1/events?kind=token&environment=scale",
        "/v1/events?subject=dep-77777&environment=scale&kind=deploy",
    ] {
        pages(&rest, metrics, list).await?;
    }
    let admin = server.admin();
    let mut taken = Taken(Vec::new());
    let mut page_token = String::new();
    while taken.0.len() < PAGES {
        let request = v1::ListDeploysRequest {
            environment: "scale".to_owned(),
            page_size: 50,
            page_token,
            ..v1::ListDeploysRequest::default()
        };
        let began = Instant::now();
        let answer = admin.deploys().list_deploys(request).await?.into_inner();
        taken.0.push(began.elapsed());
        page_token = answer.next_page_token;
        ensure!(answer.deploys.len() == 50);
    }
    taken.tell("DeployService.ListDeploys");
    Ok(())
}

/// A list that is read page by page: so many to the page, from this token on. Answers how many came, and the next token.
trait Paging {
    async fn page(&self, size: i32, token: String) -> anyhow::Result<(usize, String)>;
}

/// A list over REST.
struct ByRest<'a>(&'a Rest, &'static str);

impl Paging for ByRest<'_> {
    async fn page(&self, size: i32, token: String) -> anyhow::Result<(usize, String)> {
        let path = format!("{}?pageSize={size}&pageToken={token}", self.1);
        let answer = self.0.get(&path).await?;
        ensure!(answer.status == StatusCode::OK, "{path}: {}", answer.text);
        let json = answer.json();
        let lists = json.as_object().into_iter().flatten();
        let found = lists.filter_map(|(_, list)| list.as_array()).map(Vec::len);
        let next = json["nextPageToken"].as_str().unwrap_or_default();
        Ok((found.sum(), next.to_owned()))
    }
}

/// The Apps, over gRPC.
struct Apps<'a>(&'a Jockeyd);

impl Paging for Apps<'_> {
    async fn page(&self, page_size: i32, page_token: String) -> anyhow::Result<(usize, String)> {
        let request = v1::ListAppsRequest {
            page_size,
            page_token,
            ..v1::ListAppsRequest::default()
        };
        let found = self.0.admin().apps().list_apps(request).await?.into_inner();
        Ok((found.apps.len(), found.next_page_token))
    }
}

/// The events, over gRPC.
struct Events<'a>(&'a Jockeyd);

impl Paging for Events<'_> {
    async fn page(&self, page_size: i32, page_token: String) -> anyhow::Result<(usize, String)> {
        let request = v1::ListEventsRequest {
            page_size,
            page_token,
            ..v1::ListEventsRequest::default()
        };
        let found = self.0.admin().events().list_events(request).await?;
        let found = found.into_inner();
        Ok((found.events.len(), found.next_page_token))
    }
}

/// Reads pages at the beginning of a list and deep in it, in turn, and wants those to take about as long as these.
async fn deep_as_shallow(what: &str, list: &impl Paging) -> anyhow::Result<()> {
    let (mut token, mut last) = (String::new(), String::new());
    for _ in 0..DEEP {
        let (_, next) = list.page(1000, token).await?;
        token = next;
        if token.is_empty() {
            break;
        }
        last.clone_from(&token);
    }
    ensure!(!last.is_empty(), "{what} is too short");
    let (mut shallow, mut deep) = (Taken(Vec::new()), Taken(Vec::new()));
    for _ in 0..EACH {
        for (token, taken) in [(String::new(), &mut shallow), (last.clone(), &mut deep)] {
            let began = Instant::now();
            let (found, _) = list.page(50, token).await?;
            taken.0.push(began.elapsed());
            ensure!(found == 50, "{what}: {found}");
        }
    }
    let (shallow, deep) = (shallow.middle(), deep.middle());
    eprintln!("{what}: {shallow:?} at its beginning, {deep:?} deep in it");
    ensure!(
        deep < shallow * DEEPER,
        "{what}: {shallow:?} at its beginning, and {deep:?} deep in it"
    );
    Ok(())
}

async fn a_page_deep_in_it_takes_no_longer_than_the_first(server: &Jockeyd) -> anyhow::Result<()> {
    let rest = server.rest()?;
    for list in ["/v1/apps", "/v1/deploys", "/v1/events"] {
        deep_as_shallow(list, &ByRest(&rest, list)).await?;
    }
    deep_as_shallow("AppService.ListApps", &Apps(server)).await?;
    deep_as_shallow("EventService.ListEvents", &Events(server)).await?;
    Ok(())
}

async fn a_whole_list_is_sent_as_it_is_read(server: &Jockeyd) -> anyhow::Result<()> {
    let rest = server.rest()?;
    let answer = rest.begin(Method::GET, "/apps", &[], "").await?;
    ensure!(answer.status() == StatusCode::OK);
    let mut body = answer.into_body();
    let (mut text, mut frames, mut largest) = (Vec::new(), 0, 0);
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            frames += 1;
            largest = largest.max(bytes.len());
            text.extend(bytes);
        }
    }
    let json: serde_json::Value = serde_json::from_slice(&text)?;
    let apps = json["data"].as_array().context("a list")?;
    ensure!(apps.len() == 10_000, "{} apps", apps.len());
    ensure!(frames > 5, "{frames} pieces");
    ensure!(
        largest < text.len() / 4,
        "{largest} of {} bytes at once",
        text.len()
    );
    Ok(())
}

//! `cluster`: three Docker hosts with their Consul agents, PostgreSQL and one or two servers, beside the raw Engine API of
//! the same hosts, and beside Docker Swarm over them.

mod catalog;
mod stage;
mod swarm;
mod traffic;

use crate::{
    Options, Quick,
    engine::Floor,
    figures::{Figure, Goal, Report},
    harness::{Jockeyd, change, exactly},
    roll::rolled,
    seen::Seen,
    web,
};
use anyhow::{Context, ensure};
use proto::v1::NodeState;
use stage::{APP, DRAIN, LOST, Stage};
use std::time::{Duration, Instant};
use swarm::Swarm;
use traffic::Traffic;

/// How many instances are there when a host is lost: a third of them are on it.
const SPREAD: u16 = 12;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut stage = Stage::start().await?;
    let mut raw = stage.floor().await?;
    catalog::registrations(&stage, options, report).await?;
    let without_swarm = {
        let swarm = Swarm::over(&stage.cluster, raw.image());
        boot(&stage, &mut raw, swarm.as_ref().ok(), options, report).await?;
        roll(&stage, &mut raw, swarm.as_ref().ok(), options, report).await?;
        swarm.err()
    };
    lose(&mut stage, options, report).await?;
    second_server(&stage, options, report).await?;
    without_swarm.map_or(Ok(()), |why| {
        Err(why).context("all is measured but what is beside Swarm")
    })
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// So many from nothing, over the hosts: one call, until each answers over HTTP and Jockey says that it is healthy.
async fn start(server: &Jockeyd, count: u16) -> anyhow::Result<f64> {
    server.scale(APP, "web", 0).await?;
    server.settled(APP, "none", exactly(0)).await?;
    let mut healthy = Seen::of(server, APP, "instance.healthy").await?;
    let began = Instant::now();
    server.scale(APP, "web", i32::from(count)).await?;
    healthy.instances(usize::from(count)).await?;
    let all = server.instances(APP).await?;
    for instance in &all {
        web::answers(&instance.address).await?;
    }
    let took = millis(began);
    ensure!(exactly(usize::from(count))(&all), "{all:#?}");
    Ok(took)
}

async fn boot(
    stage: &Stage,
    raw: &mut Floor,
    swarm: Option<&Swarm<'_>>,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let server = &stage.servers[0];
    let counts: &[(u16, &str, &str)] = match options.quick {
        Quick::Yes => &[(20, "20", "20 Swarm")],
        Quick::No => &[(20, "20", "20 Swarm"), (100, "100", "100 Swarm")],
    };
    for (count, metric, beside) in counts {
        let (mut ours, mut floor, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            server.scale(APP, "web", 0).await?;
            server.settled(APP, "none", exactly(0)).await?;
            let began = Instant::now();
            let bare = raw.start(*count).await?;
            floor.push(millis(began));
            raw.stop_all(&bare).await?;
            if let Some(swarm) = swarm {
                theirs.push(swarm.start(*count).await?);
            }
            ours.push(start(server, *count).await?);
        }
        if !theirs.is_empty() {
            report.add(Figure {
                bench: "cluster",
                metric: beside,
                unit: "ms",
                ours: ours.clone(),
                floor: theirs,
                goal: Goal::Ratio(1.2),
            });
        }
        report.add(Figure {
            bench: "cluster",
            metric,
            unit: "ms",
            ours,
            floor,
            goal: Goal::Ratio(1.15),
        });
    }
    Ok(())
}

/// A rolling update of 20, one at a time, while requests run: none of them is lost. They run beside the floor and Swarm as
/// well, which roll containers of their own: whatever they cost, all three pay it.
async fn roll(
    stage: &Stage,
    raw: &mut Floor,
    swarm: Option<&Swarm<'_>>,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    const COUNT: u16 = 20;
    let server = &stage.servers[0];
    server.scale(APP, "web", i32::from(COUNT)).await?;
    server
        .settled(APP, "20 healthy", exactly(COUNT.into()))
        .await?;
    let (mut ours, mut floor, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let bare = raw.start(COUNT).await?;
        let traffic = Traffic::start(server, APP);
        let began = Instant::now();
        let bare = rolled(raw, bare, DRAIN).await?;
        floor.push(millis(began));
        none_lost(traffic).await?;
        raw.stop_all(&bare).await?;
        if let Some(swarm) = swarm {
            swarm.create(COUNT).await?;
            let traffic = Traffic::start(server, APP);
            theirs.push(swarm.roll().await?);
            none_lost(traffic).await?;
            swarm.remove().await?;
        }

        let page = format!("round {round}");
        let commit = stage
            .repository
            .commit(&change("next", &[("page", &page)]))?;
        server.build(APP, &commit).await?;
        let mut seen = Seen::of(server, APP, "deploy").await?;
        let traffic = Traffic::start(server, APP);
        let began = Instant::now();
        let deploy = server.ask_deploy(APP, &commit).await?;
        seen.deployed(&deploy.id).await?;
        ours.push(millis(began));
        none_lost(traffic).await?;
    }
    if !theirs.is_empty() {
        report.add(Figure {
            bench: "cluster",
            metric: "roll20 Swarm",
            unit: "ms",
            ours: ours.clone(),
            floor: theirs,
            goal: Goal::Ratio(1.2),
        });
    }
    report.add(Figure {
        bench: "cluster",
        metric: "roll20",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.2),
    });
    Ok(())
}

async fn none_lost(traffic: Traffic) -> anyhow::Result<()> {
    let (asked, lost) = traffic.stop().await?;
    ensure!(lost.is_empty(), "of {asked} requests were lost: {lost:#?}");
    ensure!(asked > 0, "nothing was asked");
    Ok(())
}

/// A host is lost, with a third of the instances: from when it is declared lost until as many as before are healthy.
async fn lose(stage: &mut Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (mut declared, mut healed) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.min(3) {
        let server = &stage.servers[0];
        server.scale(APP, "web", 0).await?;
        server.settled(APP, "none", exactly(0)).await?;
        server.scale(APP, "web", i32::from(SPREAD)).await?;
        let all = server
            .settled(APP, "spread", exactly(SPREAD.into()))
            .await?;
        ensure!(all.iter().any(|it| it.node == LOST), "{all:#?}");

        let began = Instant::now();
        stage.strike()?;
        stage.node_is(LOST, NodeState::Failed).await?;
        declared.push(millis(began));
        let began = Instant::now();
        let is_whole = |all: &[proto::v1::Instance]| {
            let elsewhere = all.iter().filter(|it| it.node != LOST);
            elsewhere
                .filter(|it| crate::harness::is_healthy(it))
                .count()
                == usize::from(SPREAD)
        };
        stage.servers[0].settled(APP, "whole", is_whole).await?;
        healed.push(millis(began));
        stage.mend()?;
        stage.node_is(LOST, NodeState::Alive).await?;
    }
    for (metric, ours, goal) in [
        ("declared", declared, 30_000.0),
        ("healed", healed, 30_000.0),
    ] {
        report.add(Figure {
            bench: "cluster",
            metric,
            unit: "ms",
            ours,
            floor: vec![],
            goal: Goal::AtMost(goal),
        });
    }
    Ok(())
}

/// What a second server costs or saves: 20 from nothing, and calls that only read, sent to both.
async fn second_server(
    stage: &Stage,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let first = &stage.servers[0];
    let (mut alone, mut both) = (Vec::new(), Vec::new());
    let (mut reads_alone, mut reads_both) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        alone.push(start(first, 20).await?);
        reads_alone.push(reads(&[first]).await?);
        let mut second = first.start_beside().await.context("a second server")?;
        both.push(start(first, 20).await?);
        reads_both.push(reads(&[first, &second]).await?);
        second.terminate()?;
    }
    for (metric, ours, floor) in [
        ("20, two", both, alone),
        ("reads, two", reads_both, reads_alone),
    ] {
        report.add(Figure {
            bench: "cluster",
            metric,
            unit: "ms",
            ours,
            floor,
            goal: Goal::Ratio(1.15),
        });
    }
    Ok(())
}

/// How long 2,000 lists of the instances take, sixteen at a time, sent to these servers in turn.
async fn reads(servers: &[&Jockeyd]) -> anyhow::Result<f64> {
    const CALLERS: usize = 16;
    const EACH: usize = 125;
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let api = servers[number % servers.len()].api();
        callers.spawn(async move {
            let mut client = proto::v1::instance_service_client::InstanceServiceClient::new(api);
            for _ in 0..EACH {
                let request = proto::v1::ListInstancesRequest {
                    app: APP.to_owned(),
                    ..Default::default()
                };
                client.list_instances(request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(millis(began))
}

/// Between two looks at what is waited for.
pub(super) const EACH_LOOK: Duration = Duration::from_millis(20);

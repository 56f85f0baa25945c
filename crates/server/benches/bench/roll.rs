//! `roll10`: a rolling update of ten, one at a time, each new one proven before an old one is touched.

use crate::{
    Options,
    boot::stage,
    engine::{Bare, Floor},
    figures::{Figure, Goal, Report},
    harness::{change, exactly},
    seen::Seen,
    web,
};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const COUNT: u16 = 10;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (server, mut raw) = stage().await?;
    let repository = server.repositories.create("example/roll")?;
    // Proven as the floor proves: by an answer over HTTP.
    let manifest = "[workers.web]\nport = 8888\ndrain = \"0s\"\nstrategy = { max_surge = 1 }\ncheck = { path = \"/\" }\n";
    let files = [web::FILES[0], web::FILES[1], ("jockey.toml", manifest)];
    repository.commit(&change("first", &files))?;
    server.create_app("roll").await?;
    let deploy = server.deploy("roll", "HEAD").await?;
    anyhow::ensure!(deploy.reason.is_empty(), "{deploy:?}");
    server.scale("web", "web", 0).await?;
    server.scale("roll", "web", i32::from(COUNT)).await?;
    server
        .settled("roll", "ten healthy", exactly(COUNT.into()))
        .await?;

    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let bare = raw.start(COUNT).await?;
        let began = Instant::now();
        let bare = rolled(&mut raw, bare, Duration::ZERO).await?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);
        raw.stop_all(&bare).await?;

        // Built before the clock starts: a roll is measured, not a build.
        let commit = repository.commit(&change("next", &[("page", &format!("round {round}"))]))?;
        server.build("roll", &commit).await?;
        let mut seen = Seen::of(&server, "roll", "deploy").await?;
        let began = Instant::now();
        let deploy = server.ask_deploy("roll", &commit).await?;
        seen.deployed(&deploy.id).await?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        for instance in server
            .settled("roll", "ten healthy", exactly(COUNT.into()))
            .await?
        {
            web::answers(&instance.address).await?;
        }
    }
    report.add(Figure {
        bench: "roll10",
        metric: "surge-1",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.2),
    });
    Ok(())
}

/// Start, probe, drain, stop; what drains and stops does so beside the next starts, as with Jockey.
pub(crate) async fn rolled(
    raw: &mut Floor,
    old: Vec<Bare>,
    drain: Duration,
) -> anyhow::Result<Vec<Bare>> {
    let mut new = Vec::new();
    let mut leaving = JoinSet::new();
    for bare in old {
        new.push(raw.start_next().await?);
        let stopper = raw.clone();
        leaving.spawn(async move {
            tokio::time::sleep(drain).await;
            stopper.stop(&bare).await
        });
    }
    while let Some(left) = leaving.join_next().await {
        left??;
    }
    Ok(new)
}

//! `boot20` and `scale`: instances from nothing, and from one.

use crate::{
    Options,
    engine::Floor,
    figures::{Figure, Goal, Report},
    harness::{Jockeyd, exactly},
    seen::Seen,
    web,
};
use anyhow::ensure;
use std::time::Instant;

/// A server with the App deployed, and the floor with the image of it.
pub(crate) async fn stage() -> anyhow::Result<(Jockeyd, Floor)> {
    let server = Jockeyd::start_with(&["--scale-max", "200"]).await?;
    server.app("web", &web::FILES).await?;
    let deploy = server.deploy("web", "HEAD").await?;
    ensure!(deploy.reason.is_empty(), "{deploy:?}");
    let instances = server.settled("web", "one healthy", exactly(1)).await?;
    let floor = Floor::new(instances[0].image.clone())?;
    Ok((server, floor))
}

/// 20 from nothing: one call, until 20 answer over HTTP and Jockey says that they are healthy.
pub(crate) async fn boot20(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (ours, floor) = rounds(options, 0, 20).await?;
    report.add(Figure {
        bench: "boot20",
        metric: "healthy",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.15),
    });
    Ok(())
}

/// From 1 to 20.
pub(crate) async fn scale(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (ours, floor) = rounds(options, 1, 20).await?;
    report.add(Figure {
        bench: "scale",
        metric: "1-20",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.15),
    });
    Ok(())
}

async fn rounds(options: &Options, from: u16, to: u16) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (server, mut raw) = stage().await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        server.scale("web", "web", i32::from(from)).await?;
        server
            .settled("web", "the start", exactly(usize::from(from)))
            .await?;

        let began = Instant::now();
        let bare = raw.start(to - from).await?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);
        raw.stop_all(&bare).await?;

        let mut healthy = Seen::of(&server, "web", "instance.healthy").await?;
        let began = Instant::now();
        server.scale("web", "web", i32::from(to)).await?;
        healthy.instances(usize::from(to - from)).await?;
        let all = server.instances("web").await?;
        for instance in &all {
            web::answers(&instance.address).await?;
        }
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(exactly(usize::from(to))(&all), "{all:#?}");
    }
    Ok((ours, floor))
}

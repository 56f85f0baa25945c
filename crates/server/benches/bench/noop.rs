//! `noop`: a deploy of what already runs, 100 instances. Nothing is written to Docker. The floor is a look at the
//! containers, and one durable write.

use crate::{
    Options, Quick,
    boot::stage,
    engine::{self, containers_of},
    figures::{Figure, Goal, Report, quantile},
    harness::{Jockeyd, exactly},
    seen::Seen,
};
use anyhow::ensure;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How many deploys a round takes, so that a hundredth of them is one.
const EACH: usize = 100;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let (count, each): (u16, usize) = match options.quick {
        Quick::Yes => (20, EACH / 2),
        Quick::No => (100, EACH),
    };
    let (server, _) = stage().await?;
    server.scale("web", "web", count.into()).await?;
    let before = server
        .settled("web", "all healthy", exactly(count.into()))
        .await?;
    let commit = before[0].commit.clone();
    let list = containers_of(&server.scope.label());

    let mut seen = Seen::of(&server, "web", "deploy").await?;
    // The first one after a start makes every instance one that its node starts again.
    let first = server.ask_deploy("web", &commit).await?;
    seen.deployed(&first.id).await?;
    let since = seconds();
    let (mut p50, mut p99, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..each {
            let began = Instant::now();
            engine::read(&list).await?;
            engine::write_durably(server.state())?;
            floor.push(began.elapsed().as_secs_f64() * 1000.0);

            let began = Instant::now();
            let deploy = server.ask_deploy("web", &commit).await?;
            seen.deployed(&deploy.id).await?;
            ours.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        p50.push(quantile(&ours, 0.5));
        p99.push(quantile(&ours, 0.99));
        floors.push((quantile(&floor, 0.5), quantile(&floor, 0.99)));
    }
    untouched(&server, &since)?;
    for (metric, ours, goal, part) in [("p50", p50, 10.0, 0), ("p99", p99, 50.0, 1)] {
        let floor = floors.iter().map(|(p50, p99)| [*p50, *p99][part]);
        report.add(Figure {
            bench: "noop",
            metric,
            unit: "ms",
            ours,
            floor: floor.collect(),
            goal: Goal::AtMost(goal),
        });
    }
    Ok(())
}

/// The Engine tells of whatever is done to a container. Nothing was.
fn untouched(server: &Jockeyd, since: &str) -> anyhow::Result<()> {
    let filter = format!("label={}", server.scope.label());
    let told = testkit::docker::run([
        "events",
        "--since",
        since,
        "--until",
        &seconds(),
        "--filter",
        &filter,
    ])?;
    ensure!(told.is_empty(), "deploys of what runs did this:\n{told}");
    Ok(())
}

/// The time, as `docker events` takes it. Of a duration it takes whole seconds.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub(crate) fn seconds() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{:.6}", now.unwrap_or_default().as_secs_f64())
}

//! `crash`: `kill -9` in the middle of a deploy, until the next step of it after the start. The floor starts the program that
//! does nothing, and lists what the Engine has.

use crate::{
    Options, Quick,
    boot::stage,
    engine,
    figures::{Figure, Goal, Report},
    harness::{Jockeyd, change, exactly},
};
use anyhow::ensure;
use proto::v1::DeployState;
use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

/// How many instances the deploy has.
const COUNT: u16 = 10;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    // How many stand beside it.
    let beside: u16 = match options.quick {
        Quick::Yes => 10,
        Quick::No => 90,
    };
    let (mut server, _) = stage().await?;
    server.scale("web", "web", beside.into()).await?;
    server
        .settled("web", "all healthy", exactly(beside.into()))
        .await?;
    let repository = server.repositories.create("example/crash")?;
    let manifest = "[workers.web]\nport = 8888\ndrain = \"0s\"\nstrategy = { max_surge = 2 }\n";
    let files = [
        crate::web::FILES[0],
        crate::web::FILES[1],
        ("jockey.toml", manifest),
    ];
    repository.commit(&change("first", &files))?;
    server.create_app("crash").await?;
    let deploy = server.deploy("crash", "HEAD").await?;
    ensure!(deploy.reason.is_empty(), "{deploy:?}");
    server.scale("crash", "web", COUNT.into()).await?;
    server
        .settled("crash", "ten healthy", exactly(COUNT.into()))
        .await?;

    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let commit = repository.commit(&change("next", &[("page", &format!("round {round}"))]))?;
        server.build("crash", &commit).await?;
        let before = steps(&server.log());
        let deploy = server.ask_deploy("crash", &commit).await?;
        // Somewhere in the middle, another place each round.
        let killed_after = before + 4 + 3 * (round % 5);
        until(
            || steps(&server.log()) >= killed_after,
            "the deploy to get going",
        )?;
        server.kill()?;
        floor.push(start_and_list(&server).await?);
        let before = steps(&server.log());
        let began = Instant::now();
        server.spawn()?;
        until(|| steps(&server.log()) > before, "the next step")?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        server.kill()?;
        server.resume().await?;
        let deploy = server.ended(&deploy.id).await?;
        ensure!(deploy.state() == DeployState::Deployed, "{deploy:?}");
        let there = server
            .settled("crash", "ten healthy and no other", exactly(COUNT.into()))
            .await?;
        ensure!(
            there.iter().all(|instance| instance.commit == commit),
            "the end is another one: {there:#?}"
        );
        no_orphan(&server).await?;
    }
    report.add(Figure {
        bench: "crash",
        metric: "next-step",
        unit: "ms",
        ours,
        floor,
        goal: Goal::AtMost(2000.0),
    });
    Ok(())
}

/// Milliseconds of a start that does nothing, and of a list of the containers.
async fn start_and_list(server: &Jockeyd) -> anyhow::Result<f64> {
    let began = Instant::now();
    Command::new(env!("CARGO_BIN_EXE_jockeyd"))
        .arg("--version")
        .output()?;
    engine::read(&engine::containers_of(&server.scope.label())).await?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// Docker has those containers of this Installation that the server tells of, and no others.
async fn no_orphan(server: &Jockeyd) -> anyhow::Result<()> {
    let mut told = BTreeSet::new();
    for app in ["web", "crash"] {
        let there = server.instances(app).await?;
        told.extend(there.into_iter().map(|instance| instance.container));
    }
    let filter = format!("label={}", server.scope.label());
    let listed =
        testkit::docker::run(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])?;
    let there: BTreeSet<String> = listed.lines().map(ToOwned::to_owned).collect();
    ensure!(told == there, "told of {told:?}, Docker has {there:?}");
    Ok(())
}

/// How many steps a server has begun, as its log tells.
fn steps(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("step action="))
        .count()
}

fn until(mut is_so: impl FnMut() -> bool, what: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + crate::harness::PATIENCE;
    while !is_so() {
        ensure!(Instant::now() < deadline, "waiting for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

//! What a cluster of three hosts and two servers does when a part of it fails while something is under way: each fault
//! with each operation, and what was seen of it.
//!
//! All of it takes twenty minutes, two cells at a time, so that it is a phase of `scripts/test --full`; otherwise a host is
//! lost during a rolling deploy, and a server killed. Some of it alone:
//! `JOCKEY_FAULTS='server is killed' cargo test -p server --test it faults::`. What is asked for is written into the page.

mod clock;
mod fault;
mod lanes;
mod lost;
mod operation;
mod paper;
mod rest;
mod watch;
mod world;

use fault::Fault;
use operation::Operation;
use paper::Row;
use std::time::{Duration, Instant};
use watch::Watch;
use world::World;

/// A fault, and what is under way.
type Cell = (Fault, Operation);

/// What of the table is run: the cells whose fault and operation hold this; `all`.
const CHOICE: &str = "JOCKEY_FAULTS";
/// What is run when nobody says.
const ALWAYS: [&str; 2] = ["a server is killed, deploy", "a whole host is lost, deploy"];
/// How many cells are run at once of those that were asked for.
const LANES: usize = 2;
/// How long a fault lasts: longer than a lease, and than Consul takes to call a node failed.
const LASTS: Duration = Duration::from_secs(15);

#[rustfmt::skip]
const TABLE: &[Cell] = &[
    (Fault::ServerKilled,         Operation::Build),
    (Fault::ServerKilled,         Operation::Deploy),
    (Fault::ServerKilled,         Operation::Scale),
    (Fault::ServerKilled,         Operation::Drain),
    (Fault::ServerKilled,         Operation::Idle),
    (Fault::EngineKilled,         Operation::Deploy),
    (Fault::EngineKilled,         Operation::Scale),
    (Fault::EngineKilled,         Operation::Drain),
    (Fault::EngineKilled,         Operation::Idle),
    (Fault::HostLost,             Operation::Deploy),
    (Fault::HostLost,             Operation::Scale),
    (Fault::HostLost,             Operation::Drain),
    (Fault::HostLost,             Operation::Idle),
    (Fault::AgentKilled,          Operation::Build),
    (Fault::AgentKilled,          Operation::Deploy),
    (Fault::AgentKilled,          Operation::Scale),
    (Fault::AgentKilled,          Operation::Drain),
    (Fault::AgentKilled,          Operation::Idle),
    (Fault::DatabaseKilled,       Operation::Build),
    (Fault::DatabaseKilled,       Operation::Deploy),
    (Fault::DatabaseKilled,       Operation::Scale),
    (Fault::DatabaseKilled,       Operation::Drain),
    (Fault::DatabaseKilled,       Operation::Idle),
    (Fault::RegistryKilled,       Operation::Build),
    (Fault::RegistryKilled,       Operation::Deploy),
    (Fault::RegistryKilled,       Operation::Scale),
    (Fault::RegistryKilled,       Operation::Drain),
    (Fault::RegistryKilled,       Operation::Idle),
    (Fault::ServerCutFromNode,    Operation::Deploy),
    (Fault::ServerCutFromNode,    Operation::Scale),
    (Fault::ServerCutFromNode,    Operation::Drain),
    (Fault::ServerCutFromNode,    Operation::Idle),
    (Fault::ServerCutFromDatabase, Operation::Build),
    (Fault::ServerCutFromDatabase, Operation::Deploy),
    (Fault::ServerCutFromDatabase, Operation::Scale),
    (Fault::ServerCutFromDatabase, Operation::Drain),
    (Fault::ServerCutFromDatabase, Operation::Idle),
    (Fault::ServerCutFromConsul,  Operation::Build),
    (Fault::ServerCutFromConsul,  Operation::Deploy),
    (Fault::ServerCutFromConsul,  Operation::Scale),
    (Fault::ServerCutFromConsul,  Operation::Drain),
    (Fault::ServerCutFromConsul,  Operation::Idle),
    (Fault::NodeCutFromConsul,    Operation::Deploy),
    (Fault::NodeCutFromConsul,    Operation::Scale),
    (Fault::NodeCutFromConsul,    Operation::Drain),
    (Fault::NodeCutFromConsul,    Operation::Idle),
    (Fault::NodeCutFromRegistry,  Operation::Deploy),
    (Fault::NodeCutFromRegistry,  Operation::Scale),
    (Fault::NodeCutFromRegistry,  Operation::Drain),
    (Fault::NodeCutFromRegistry,  Operation::Idle),
    (Fault::NodeCutFromNode,      Operation::Deploy),
    (Fault::NodeCutFromNode,      Operation::Scale),
    (Fault::NodeCutFromNode,      Operation::Drain),
    (Fault::NodeCutFromNode,      Operation::Idle),
    (Fault::ServerCutFromBuilds,  Operation::Build),
    (Fault::ServerCutFromBuilds,  Operation::Deploy),
    (Fault::ServerCutFromBuilds,  Operation::Scale),
    (Fault::ServerCutFromBuilds,  Operation::Drain),
    (Fault::ServerCutFromBuilds,  Operation::Idle),
    (Fault::BuildsCutFromRegistry, Operation::Build),
    (Fault::BuildsCutFromRegistry, Operation::Deploy),
    (Fault::BuildsCutFromRegistry, Operation::Scale),
    (Fault::BuildsCutFromRegistry, Operation::Drain),
    (Fault::BuildsCutFromRegistry, Operation::Idle),
    (Fault::BuildsLost,           Operation::Build),
    (Fault::BuildsLost,           Operation::Deploy),
    (Fault::BuildsLost,           Operation::Scale),
    (Fault::BuildsLost,           Operation::Drain),
    (Fault::BuildsLost,           Operation::Idle),
    (Fault::ClockMoved,           Operation::Build),
    (Fault::ClockMoved,           Operation::Deploy),
    (Fault::ClockMoved,           Operation::Scale),
    (Fault::ClockMoved,           Operation::Drain),
    (Fault::ClockMoved,           Operation::Idle),
    (Fault::ClockSetBack,         Operation::Build),
    (Fault::ClockSetBack,         Operation::Deploy),
    (Fault::ClockSetBack,         Operation::Scale),
    (Fault::ClockSetBack,         Operation::Drain),
    (Fault::ClockSetBack,         Operation::Idle),
];

#[test]
fn what_fails_takes_nothing_with_it_whatever_is_under_way() -> anyhow::Result<()> {
    let asked = std::env::var(CHOICE).ok();
    let is_chosen = |(fault, operation): &Cell| {
        let cell = format!("{fault}, {operation}");
        match asked.as_deref() {
            None => ALWAYS.contains(&cell.as_str()),
            Some("all") => true,
            Some(some) => cell.contains(some),
        }
    };
    let chosen = TABLE.iter().copied().filter(is_chosen).collect();
    let rows = match asked {
        Some(_) => lanes::run(chosen, LANES, paper::write)?,
        None => lanes::run(chosen, 1, |_| Ok(()))?,
    };
    let broken: Vec<&Row> = rows.iter().filter(|row| row.is_broken()).collect();
    assert!(
        broken.is_empty(),
        "{} of {} cells:\n{broken:#?}",
        broken.len(),
        rows.len()
    );
    assert!(!rows.is_empty(), "no cell is called {asked:?}");
    assert!(asked.is_some() || rows.len() == ALWAYS.len(), "{rows:#?}");
    Ok(())
}

/// One fault while one operation is under way.
async fn cell(world: &mut World, fault: Fault, operation: Operation) -> anyhow::Result<Row> {
    let host = fault.host();
    world.reset(host).await?;
    let scale = world.scale();
    let watch = Watch::start(world);
    watch.sees(scale).await?;
    let began = Instant::now();
    let begun = operation.begin(world).await?;
    let hit = watch.ready_at(fault.takes().map(|host| world.cluster.address_of(host)));
    anyhow::ensure!(
        hit > 0 || fault.takes().is_none(),
        "nothing was on the host that is struck"
    );
    let scar = fault.strike(world)?;
    let struck = Instant::now();
    let healthy_elsewhere_in = match fault {
        Fault::HostLost | Fault::BuildsLost => {
            Some(lost::healthy_elsewhere(world, host, &begun, operation).await?)
        }
        // What its host runs goes on, and nobody's word for that is left.
        Fault::AgentKilled => {
            lost::called_failed(world, host).await?;
            None
        }
        _ => None,
    };
    tokio::time::sleep(LASTS.saturating_sub(struck.elapsed())).await;
    let ended_meanwhile = begun.end(world).await;
    scar.heal(world).await?;
    let healed = Instant::now();
    let end = world.rest(&begun, operation).await?;
    let (rested, took) = (healed.elapsed(), began.elapsed());
    let seen = watch.stop().await?;
    let lost_elsewhere = seen.lost_not_at(fault.takes().map(|host| world.cluster.address_of(host)));
    anyhow::ensure!(
        lost_elsewhere.is_empty(),
        "{} of {} requests were lost: {lost_elsewhere:#?}",
        lost_elsewhere.len(),
        seen.asked
    );
    anyhow::ensure!(
        seen.fewest + hit >= scale,
        "only {} of {scale} were ready, and the fault took {hit} of them: {:#?}",
        seen.fewest,
        seen.course
    );
    Ok(Row {
        fault,
        operation,
        end: match ended_meanwhile {
            Some(end) => format!("{end} under the fault"),
            None => end,
        },
        scale,
        hit,
        healthy_elsewhere_in,
        fewest: seen.fewest,
        asked: seen.asked,
        lost: seen.lost.len(),
        rested,
        took,
        broken: None,
        commit: paper::commit(),
    })
}

//! Worlds side by side: most of a cell is waiting.
//!
//! Each lane has a world of its own, on a thread of its own: what starts and ends parts of a world blocks it, and nobody
//! else.

use super::{
    Cell, cell,
    clock::Clocks,
    paper::{self, Row},
    world::World,
};
use anyhow::Context;
use std::{collections::VecDeque, panic, sync::Mutex, thread};

/// Runs these cells in so many lanes, each of which takes the next one when it is done, and keeps each row as it comes.
/// Answers all of them, lane by lane.
pub(super) fn run(
    cells: VecDeque<Cell>,
    lanes: usize,
    keep: impl Fn(&Row) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<Row>> {
    let waiting = Mutex::new(cells);
    let ended: Vec<anyhow::Result<Vec<Row>>> = thread::scope(|scope| {
        let under_way: Vec<_> = (0..lanes)
            .map(|_| scope.spawn(|| lane(&waiting, &keep)))
            .collect();
        let ended = under_way.into_iter().map(|lane| match lane.join() {
            Ok(ended) => ended,
            Err(panic) => panic::resume_unwind(panic),
        });
        ended.collect()
    });
    let rows: Vec<Vec<Row>> = ended.into_iter().collect::<anyhow::Result<_>>()?;
    Ok(rows.into_iter().flatten().collect())
}

fn lane(
    waiting: &Mutex<VecDeque<Cell>>,
    keep: impl Fn(&Row) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut rows = Vec::new();
        let mut world: Option<World> = None;
        while let Some(cell) = next(waiting, world.as_ref().map(World::clocks)) {
            let row = row(&mut world, cell).await?;
            println!("{row}");
            keep(&row)?;
            rows.push(row);
        }
        Ok(rows)
    })
}

/// Takes the next cell: one for whose clocks there is a world, as long as there is one.
fn next(waiting: &Mutex<VecDeque<Cell>>, clocks: Option<Clocks>) -> Option<Cell> {
    let mut waiting = waiting.lock().expect("nobody panics with it");
    let suits = |(fault, _): &Cell| clocks.is_none_or(|clocks| clocks == fault.clocks());
    let at = waiting.iter().position(suits).unwrap_or(0);
    waiting.remove(at)
}

/// What is seen of a cell. A world goes on to the next one as long as nothing is broken in it, and servers run with the
/// clock they need.
async fn row(world: &mut Option<World>, (fault, operation): Cell) -> anyhow::Result<Row> {
    let clocks = world.as_ref().map(World::clocks);
    if clocks != Some(fault.clocks()) {
        drop(world.take());
        let started = World::start(fault.clocks()).await;
        *world = Some(started.with_context(|| format!("before {fault}, {operation}"))?);
    }
    let here = world.as_mut().expect("it was started");
    match cell(here, fault, operation).await {
        Ok(row) => Ok(row),
        Err(error) => {
            let which = format!("{fault}, {operation}");
            println!("--- {which}: {error:#}\n{}\n--- {which}", here.logs());
            *world = None;
            Ok(Row::broken(fault, operation, &error, paper::commit()))
        }
    }
}

#[test]
fn a_lane_takes_cells_that_its_world_can_serve_before_others() {
    use super::{fault::Fault, operation::Operation};
    let cells = [Fault::ServerKilled, Fault::ClockMoved, Fault::HostLost];
    let waiting = Mutex::new(cells.map(|fault| (fault, Operation::Idle)).into());
    let take = |clocks| next(&waiting, clocks).map(|(fault, _)| fault);
    assert_eq!(take(None), Some(Fault::ServerKilled));
    assert_eq!(take(Some(Clocks::OfTheMachine)), Some(Fault::HostLost));
    assert_eq!(take(Some(Clocks::OfTheMachine)), Some(Fault::ClockMoved));
    assert_eq!(take(None), None);
}

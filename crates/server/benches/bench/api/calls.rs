//! Calls from several callers, each with one under way.

use crate::figures::quantile;
use anyhow::ensure;
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval_at},
};

/// How many callers there are at once.
const CALLERS: u32 = 8;

/// When a caller calls again.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    /// Once it is answered.
    Full,
    /// In its turn, so that all together call 1,000 times a second.
    Thousand,
}

/// What a round has come to.
pub(super) struct Round {
    /// Microseconds a call, of all callers together.
    pub(super) each: f64,
    /// Milliseconds that a caller waits.
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Calls for a time, with a connection for each caller.
pub(super) async fn measure<C, F>(
    time: Duration,
    pace: Pace,
    caller: impl Fn() -> C,
) -> anyhow::Result<Round>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for number in 0..CALLERS {
        let call = caller();
        callers.spawn(async move {
            // So that none of the round waits for a connection.
            call().await?;
            let mut turns = interval_at(
                (Instant::now() + Duration::from_millis(u64::from(number))).into(),
                Duration::from_millis(u64::from(CALLERS)),
            );
            turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut taken = Vec::new();
            let mut free = Instant::now();
            while began.elapsed() < time {
                let mut from = Instant::now();
                if let Pace::Thousand = pace {
                    let due = turns.tick().await.into_std();
                    // One whose turn came while the one before was under way has waited since. A turn that is noticed
                    // late is the timer's affair, which counts in milliseconds.
                    from = if due < free { due } else { Instant::now() };
                }
                call().await?;
                free = Instant::now();
                taken.push((free - from).as_secs_f64() * 1000.0);
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

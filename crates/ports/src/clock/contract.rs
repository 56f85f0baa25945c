//! What every `Clock` shows and every `Ids` gives, stated as tests for the fakes and for the machine's own alike.

use super::{Clock, Ids};
use domain::Timestamp;
use std::{collections::BTreeSet, time::Duration};

/// 2026-01-01 and 2100-01-01: in another unit, or from another beginning, no clock is between them.
const AFTER: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const BEFORE: Timestamp = Timestamp::from_micros(4_102_444_800_000_000);
/// How long the clock is looked at, and how much of it may be lost while somebody sets it.
const WAIT: Duration = Duration::from_millis(40);
const LOST: Duration = Duration::from_millis(20);
/// How often bits are drawn: that one of the 64 is never or always set then, by chance, happens once in 10^58 times.
const DRAWS: usize = 200;

/// It shows the time of day, and goes on as tokio's does, by which everybody waits.
///
/// # Panics
/// When the clock does otherwise.
pub async fn clock(clock: &dyn Clock) {
    let first = clock.now();
    assert!(AFTER <= first && first < BEFORE, "{first}");
    // Nothing can be waited for but the time itself.
    tokio::time::sleep(WAIT).await;
    let second = clock.now();
    let gone_on = second.since(first);
    assert!(gone_on + LOST >= WAIT, "{first} {second}");
}

/// No number comes twice, and each bit is drawn.
///
/// # Panics
/// When the source does otherwise.
pub fn ids(ids: &dyn Ids) {
    let drawn: BTreeSet<u64> = (0..DRAWS).map(|_| ids.bits()).collect();
    assert_eq!(drawn.len(), DRAWS, "a number came twice");
    let ever = drawn.iter().fold(0, |all, bits| all | bits);
    let always = drawn.iter().fold(u64::MAX, |all, bits| all & bits);
    assert_eq!((ever, always), (u64::MAX, 0), "{ever:064b} {always:064b}");
}

//! Durations as people write them.

use std::time::Duration;

/// Longest first: `ms` is not `m` and an `s`.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A whole number and a unit: `500ms`, `1s`, `2m`, `1h`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (digits, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    number.checked_mul(factor).map(Duration::from_millis)
}

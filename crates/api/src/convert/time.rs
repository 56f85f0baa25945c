//! Points in time and durations.

use crate::status::Refusal;
use domain::Timestamp;
use std::time::Duration;

const MICROS: i64 = 1_000_000;

pub(crate) fn wire(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(MICROS),
        nanos: i32::try_from(micros.rem_euclid(MICROS) * 1000).unwrap_or(0),
    }
}

/// RFC 3339 with microseconds: `2026-04-28T15:57:59.123456Z`.
pub(crate) fn micros_in_words(at: Timestamp) -> String {
    let text = at.to_string();
    let millis = text.strip_suffix('Z').unwrap_or(&text);
    format!("{millis}{:03}Z", at.micros().rem_euclid(1000))
}

pub(crate) fn duration(time: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(time.subsec_nanos()).unwrap_or(0),
    }
}

/// A point in time, in whole microseconds.
pub(crate) fn parse(
    field: &str,
    at: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Refusal> {
    let Some(at) = at else {
        return Ok(None);
    };
    let micros = (0..1_000_000_000)
        .contains(&at.nanos)
        .then(|| at.seconds.checked_mul(MICROS))
        .flatten()
        .and_then(|micros| micros.checked_add(i64::from(at.nanos) / 1000));
    let micros = micros.ok_or_else(|| Refusal::field(field, "this is no point in time"))?;
    Ok(Some(Timestamp::from_micros(micros)))
}

/// A time that is not negative.
pub(crate) fn parse_duration(
    field: &str,
    time: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Refusal> {
    let Some(time) = time else {
        return Ok(None);
    };
    let negative = |_| Refusal::field(field, "a time is not negative");
    Duration::try_from(time).map(Some).map_err(negative)
}

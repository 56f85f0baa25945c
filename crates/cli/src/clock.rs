//! The time of day, for ages in tables and for `--expires`.

use time::OffsetDateTime;

/// Now, by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a client has no Clock port; this is its one place"
)]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A time as the wire says it; `None` for one that no clock shows.
pub(crate) fn from_wire(time: &prost_types::Timestamp) -> Option<OffsetDateTime> {
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// A time for the wire.
pub(crate) fn to_wire(time: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}

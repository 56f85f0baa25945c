//! How the Engine writes points in time.

use domain::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Reads RFC 3339 with up to nine digits of a second.
pub(crate) fn from_text(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    from_nanos(moment.unix_timestamp_nanos())
}

/// Reads nanoseconds since 1970.
pub(crate) fn from_nanos(nanos: i128) -> Option<Timestamp> {
    i64::try_from(nanos.div_euclid(1000))
        .ok()
        .map(Timestamp::from_micros)
}

/// Seconds with a fraction, as `since` takes them.
pub(crate) fn to_since(at: Timestamp) -> String {
    let micros = at.micros().max(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_times_are_read() {
        for (text, micros) in [
            (
                "2015-04-28T15:57:59.000000001Z",
                Some(1_430_236_679_000_000),
            ),
            ("2015-04-28T17:57:59.5+02:00", Some(1_430_236_679_500_000)),
            ("1969-12-31T23:59:59.9999999Z", Some(-1)),
            ("yesterday", None),
        ] {
            assert_eq!(from_text(text).map(Timestamp::micros), micros, "{text}");
        }
        assert_eq!(to_since(Timestamp::from_micros(1_500_000)), "1.500000");
    }
}

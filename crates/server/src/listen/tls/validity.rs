//! Until when a certificate is good: the one thing of X.509 that nobody else here tells.

use domain::Timestamp;
use time::{Date, Month, Time};

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALISED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`, which holds the version.
const VERSION: u8 = 0xa0;

/// The end of a certificate (RFC 5280, 4.1.2.5). None: that is no certificate.
pub(crate) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = skipped(rest)?;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = skipped(rest)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let end = skipped(validity)?;
    let (text, _) = element(end, *end.first()?)?;
    at(*end.first()?, std::str::from_utf8(text).ok()?)
}

/// What an element of this kind holds, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        let length = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, rest)
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

/// What follows the first element.
fn skipped(der: &[u8]) -> Option<&[u8]> {
    element(der, *der.first()?).map(|(_, rest)| rest)
}

/// `YYMMDDHHMMSSZ`, which goes to 2049, or `YYYYMMDDHHMMSSZ`.
fn at(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i32 = year.parse().ok()?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALISED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let part = |at: usize| rest[at..at + 2].parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    let seconds = date.with_time(time).assume_utc().unix_timestamp();
    seconds.checked_mul(1_000_000).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of which only the times are right.
    fn certificate(tag: u8, end: &str) -> Vec<u8> {
        let wrap = |tag: u8, inner: &[u8]| {
            let length = u8::try_from(inner.len()).unwrap();
            [&[tag, 0x81, length], inner].concat()
        };
        let begin = wrap(UTC_TIME, b"200101000000Z");
        let validity = [begin, wrap(tag, end.as_bytes())].concat();
        let fields = [
            wrap(VERSION, &[2, 1, 2]),
            wrap(2, &[7]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &validity),
        ];
        wrap(SEQUENCE, &wrap(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        for (tag, text, want) in [
            (UTC_TIME, "490101000000Z", Some(2_493_072_000)),
            (UTC_TIME, "700101000001Z", Some(1)),
            (GENERALISED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALISED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "491301000000Z", None),
            (UTC_TIME, "490101000000", None),
            (UTC_TIME, "49010100000Z", None),
            (UTC_TIME, "4901010000é0Z", None),
            (0x0c, "490101000000Z", None),
        ] {
            let got = not_after(&certificate(tag, text));
            let want = want.map(|seconds: i64| Timestamp::from_micros(seconds * 1_000_000));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let whole = certificate(UTC_TIME, "490101000000Z");
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
    }
}

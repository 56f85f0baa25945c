//! Values as they are written on the command line. Only their shape is looked at here: whether a
//! name, a scale or a duration is acceptable is the server's to say.

use std::{io::Read, path::PathBuf, time::Duration};

use proto::v1::WorkerScale;

use crate::exit::Error;

/// The longest duration: a time that far from now is still a date.
const DURATION_MAX: Duration = Duration::from_secs(36_500 * 86_400);

/// `NAME=VALUE`; `NAME=@FILE` takes the value from a file and `NAME=@-` from standard input, both
/// exactly as they are; `NAME=@@VALUE` is a value that begins with `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Text(String),
    File(PathBuf),
    Stdin,
}

impl Assignment {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // A name alone has an empty value, as it had for the original client.
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if name.is_empty() {
            return Err("write it as NAME=VALUE or NAME=@FILE".to_owned());
        }
        let source = match value.strip_prefix('@') {
            None => Source::Text(value.to_owned()),
            Some(rest) if rest.starts_with('@') => Source::Text(rest.to_owned()),
            Some("-") => Source::Stdin,
            Some("") => return Err("there is no file name after `@`".to_owned()),
            Some(path) => Source::File(path.into()),
        };
        Ok(Self {
            name: name.to_owned(),
            source,
        })
    }

    /// The value itself.
    ///
    /// # Errors
    /// `Read` for a file that cannot be read or is not UTF-8.
    pub(crate) fn value(self) -> Result<String, Error> {
        match self.source {
            Source::Text(text) => Ok(text),
            Source::File(path) => {
                std::fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
            }
            Source::Stdin => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|source| Error::Read {
                        path: "standard input".into(),
                        source,
                    })?;
                Ok(text)
            }
        }
    }
}

/// `WORKER=NUMBER`.
pub(crate) fn scale(text: &str) -> Result<WorkerScale, String> {
    let usage = || "write it as WORKER=NUMBER, such as web=2".to_owned();
    let (worker, number) = text
        .split_once('=')
        .filter(|(worker, _)| !worker.is_empty())
        .ok_or_else(usage)?;
    Ok(WorkerScale {
        worker: worker.to_owned(),
        scale: number.parse().map_err(|_| usage())?,
    })
}

/// A port by its name, or nothing, which takes those away that were there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPort(Option<(String, i32)>);

impl NamedPort {
    pub(crate) fn get(&self) -> Option<(String, i32)> {
        self.0.clone()
    }
}

/// `NAME=PORT`, or nothing.
pub(crate) fn named_port(text: &str) -> Result<NamedPort, String> {
    if text.trim().is_empty() {
        return Ok(NamedPort(None));
    }
    let usage = || "write it as NAME=PORT, such as metrics=9100".to_owned();
    let (name, port) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(usage)?;
    let port = port.parse().map_err(|_| usage())?;
    Ok(NamedPort(Some((name.to_owned(), port))))
}

/// Branch, tag or commit. An empty one is that of a script whose variable is not set: no ref at all means another thing.
pub(crate) fn reference(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the ref is empty; leave it out for the default".to_owned());
    }
    Ok(text.to_owned())
}

/// `90s`, `10m`, `1h30m`, `500ms`, `30d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let usage = || "write it with a unit, such as 90s, 10m, 1h30m or 30d".to_owned();
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(usage)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(usage()),
        };
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .ok_or_else(usage)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(usage)?;
        rest = tail;
    }
    if text.is_empty() {
        return Err(usage());
    }
    if total > DURATION_MAX {
        return Err("it is more than a hundred years (36500d)".to_owned());
    }
    Ok(total)
}

/// A duration for the wire.
pub(crate) fn to_wire(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

/// Bytes: `64MiB`, `1GiB`, `500kB`, or a bare number.
pub(crate) fn size(text: &str) -> Result<i64, String> {
    let usage = || "write it as a number with a unit, such as 64MiB or 1GiB".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: i64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(usage()),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(usage)
}

/// Cores, with at most three decimals, as thousandths: `0.25` is 250.
pub(crate) fn cpu_millis(text: &str) -> Result<i32, String> {
    let usage = || "write it as a number of cores, such as 0.25 or 2".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(usage());
    }
    let whole: i32 = whole.parse().map_err(|_| usage())?;
    let fraction: i32 = format!("{fraction:0<3}").parse().map_err(|_| usage())?;
    whole
        .checked_mul(1_000)
        .and_then(|whole| whole.checked_add(fraction))
        .ok_or_else(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_sum_of_numbers_with_units() {
        for (text, want) in [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("30d", Some(2_592_000_000)),
            ("500ms", Some(500)),
            ("10", None),
            ("", None),
            ("m", None),
            ("-5s", None),
            ("36500d", Some(3_153_600_000_000)),
            ("36501d", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(
                duration(text).ok(),
                want.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_named_port_is_a_name_and_a_number_or_nothing() {
        let port = |text: &str| named_port(text).map(|port| port.get());
        assert_eq!(port("metrics=9100"), Ok(Some(("metrics".to_owned(), 9100))));
        assert_eq!(port(""), Ok(None));
        let usage = Err("write it as NAME=PORT, such as metrics=9100".to_owned());
        assert_eq!((port("metrics"), port("metrics=x")), (usage.clone(), usage));
    }

    #[test]
    fn a_size_has_a_unit_or_is_bytes() {
        for (text, want) in [
            ("64MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("2kB", Some(2_000)),
            ("12", Some(12)),
            ("1.5GiB", None),
            ("MiB", None),
            ("9999999999GiB", None),
        ] {
            assert_eq!(size(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn cores_become_thousandths() {
        for (text, want) in [
            ("0.25", Some(250)),
            ("2", Some(2_000)),
            ("0.1", Some(100)),
            ("0.0001", None),
            ("x", None),
        ] {
            assert_eq!(cpu_millis(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn an_assignment_takes_text_or_a_file() {
        let text = |name: &str, value: &str| Assignment {
            name: name.to_owned(),
            source: Source::Text(value.to_owned()),
        };
        assert_eq!(Assignment::parse("A=b=c"), Ok(text("A", "b=c")));
        assert_eq!(Assignment::parse("A="), Ok(text("A", "")));
        assert_eq!(Assignment::parse("A=@@b"), Ok(text("A", "@b")));
        assert_eq!(Assignment::parse("A=@-").unwrap().source, Source::Stdin);
        assert_eq!(
            Assignment::parse("A=@b").unwrap().source,
            Source::File("b".into())
        );
        assert_eq!(Assignment::parse("A"), Ok(text("A", "")));
        for bad in ["", "=b", "A=@"] {
            assert!(Assignment::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_scale_is_a_worker_and_a_number_of_which_the_server_judges() {
        assert_eq!(scale("web=-1").unwrap().scale, -1);
        assert_eq!(scale("web=2").unwrap().worker, "web");
        for bad in ["web", "web=", "web=x", "=2"] {
            assert!(scale(bad).is_err(), "{bad}");
        }
    }
}

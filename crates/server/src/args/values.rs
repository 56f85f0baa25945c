//! Values of the command line: each is refused with what it could be.

use controller::deps::HISTORY_MIN;
use domain::{token::Role, worker::SCALE_MOST};
use std::{fmt::Display, net::Ipv6Addr, ops::RangeInclusive, str::FromStr, time::Duration};

/// The longest time: what is above it is a slip of the unit, and no date any more.
const TIME_MAX: Duration = Duration::from_secs(36_500 * 24 * 3600);
/// The longest that a build may take.
const BUILD_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest that a node's certificate may be good.
const CERTIFICATE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
const LEASE_MIN: Duration = Duration::from_secs(6);
const LEASE_MAX: Duration = Duration::from_secs(3600);

/// Host ports to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortRange(pub(crate) RangeInclusive<u16>);

pub(super) fn port_range(text: &str) -> Result<PortRange, String> {
    let (first, last) = text
        .split_once('-')
        .ok_or("write it as FIRST-LAST, as in 20000-29999")?;
    let port = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("`{text}` is not a port"))
    };
    let (first, last) = (port(first)?, port(last)?);
    if first == 0 || last < first {
        return Err("the first port is at least 1 and not above the last".to_owned());
    }
    Ok(PortRange(first..=last))
}

/// As a browser sends it: scheme, host and port, and nothing behind them.
pub(super) fn origin(text: &str) -> Result<http::HeaderValue, String> {
    let bad = || format!("`{text}` is not an origin; write it as https://jockey.example.com");
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(bad)?;
    if host.is_empty() || host.contains(['/', '?', '#', '@', '*', ' ']) {
        return Err(bad());
    }
    text.to_ascii_lowercase().parse().map_err(|_| bad())
}

/// A registry as names of images begin with it: `host[:port][/prefix]`.
pub(super) fn registry(text: &str) -> Result<String, String> {
    let form = "write it as HOST[:PORT][/PREFIX], such as registry.internal:5000/apps";
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!(
            "a registry has no scheme like `{scheme}://`: Docker speaks HTTPS to it, and HTTP only where its own \
             `insecure-registries` say so; {form}"
        ));
    }
    let (host, prefix) = match text.trim_end_matches('/').split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (text.trim_end_matches('/'), None),
    };
    if !is_host(host) {
        return Err(format!("`{host}` is no host of a registry; {form}"));
    }
    match prefix {
        Some(prefix) if !prefix.split('/').all(is_path_part) => Err(format!(
            "`{prefix}` cannot begin the name of an image: it is lower-case letters, digits, `.`, `_` and `-`; {form}"
        )),
        Some(_) | None => Ok(text.trim_end_matches('/').to_owned()),
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        // Colons within brackets are an address's own.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let inside = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let named = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(fits) && !label.starts_with('-')
    };
    let host_fits = match inside {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(named),
    };
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// One part of an image's name.
fn is_path_part(part: &str) -> bool {
    let ends = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let bytes = part.as_bytes();
    ends(bytes.first().copied()) && ends(bytes.last().copied()) && part.bytes().all(fits)
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    text.parse()
        .map_err(|error: domain::UnknownWord| error.to_string())
}

/// How many of something without which nothing goes.
fn within<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        format!("`{text}` is not possible: it is {least} to {most}")
    })
}

/// The most instances of a worker. To stop an installation's instances their scale is 0, not this.
pub(super) fn scale_max(text: &str) -> Result<u16, String> {
    within(text, 1..=SCALE_MOST)
}

/// How many releases are kept. The current one is among them.
pub(super) fn retained(text: &str) -> Result<u32, String> {
    within(text, 1..=10_000)
}

/// How many builds run at once.
pub(super) fn builds(text: &str) -> Result<usize, String> {
    within(text, 1..=256)
}

/// How many connections one address may have.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    within(text, 1..=65_535)
}

/// How long a build may take.
pub(super) fn build_deadline(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_secs(1) || time > BUILD_MAX {
        return Err(format!("a build of {text} is not possible: give 1s to 7d"));
    }
    Ok(time)
}

/// How long the certificate of a node may be good: a node that is away for longer is let in again all the same.
pub(super) fn certificate_life(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_secs(1) || time > CERTIFICATE_MAX {
        return Err(format!(
            "a certificate is not good for {text}: give 1s to 30d"
        ));
    }
    Ok(time)
}

/// How long a lease of a node may last. It is prolonged after a sixth of it: shorter ones ask for the impossible.
pub(super) fn singleton_lease(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < LEASE_MIN || time > LEASE_MAX {
        return Err(format!(
            "a node does not keep a lease of {text}: give 6s to 1h"
        ));
    }
    Ok(time)
}

/// A time that history may be kept for.
pub(super) fn history(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < HISTORY_MIN {
        return Err(format!(
            "{text} is too short: how instances ended within the last day decides on what is tried again; give 1d or more"
        ));
    }
    Ok(time)
}

/// A whole number and a unit: `30s`, `10m`, `12h`, `30d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a time; write a number and s, m, h or d, as in 30m");
    let last = text.char_indices().next_back();
    let (digits, unit) = text.split_at(last.map_or(0, |(at, _)| at));
    let number: u64 = digits.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(bad()),
    };
    let time = number.checked_mul(seconds).map(Duration::from_secs);
    time.filter(|time| *time <= TIME_MAX)
        .ok_or_else(|| format!("`{text}` is more than a hundred years (36500d)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for good in ["https://jockey.example.com", "http://localhost:3000"] {
            assert_eq!(origin(good).unwrap(), good);
        }
        for bad in [
            "",
            "*",
            "jockey.example.com",
            "https://",
            "https://a.example/",
            "https://*.example",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_ports_have_one_form() {
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        for bad in [
            "",
            "m",
            "5",
            "1.5h",
            "-1s",
            "1w",
            "5µ",
            "36501d",
            "18446744073709551615d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(port_range("20000-20009"), Ok(PortRange(20_000..=20_009)));
        for bad in ["", "20000", "0-5", "9-8", "1-70000"] {
            assert!(port_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_registry_is_a_host_a_port_and_a_prefix() {
        for good in [
            "registry.internal",
            "localhost:5000",
            "127.0.0.1:5000/team/apps",
            "[::1]:5000/a",
            "ghcr.io/acme",
            "registry-1.example/a_b/c.d-e",
        ] {
            assert_eq!(registry(good).as_deref(), Ok(good));
        }
        assert_eq!(registry("ghcr.io/acme/").as_deref(), Ok("ghcr.io/acme"));
        for (bad, words) in [
            ("http://x", "a registry has no scheme like `http://`"),
            (
                "https://registry.example.com/acme",
                "such as registry.internal:5000/apps",
            ),
            ("", "`` is no host"),
            ("/apps", "`` is no host"),
            ("a b", "`a b` is no host"),
            ("host:0", "`host:0` is no host"),
            ("host:port", "`host:port` is no host"),
            ("user@host/x", "`user@host` is no host"),
            ("ghcr.io/Acme", "`Acme` cannot begin the name of an image"),
            ("ghcr.io/a//b", "`a//b` cannot begin"),
            ("ghcr.io/app:tag", "`app:tag` cannot begin"),
        ] {
            let error = registry(bad).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn a_number_without_which_nothing_goes_is_not_0() {
        let said = [
            scale_max("0").unwrap_err(),
            builds("0").unwrap_err(),
            retained("0").unwrap_err(),
            connections("-1").unwrap_err(),
            build_deadline("0s").unwrap_err(),
            build_deadline("8d").unwrap_err(),
        ];
        assert_eq!(
            said,
            [
                "`0` is not possible: it is 1 to 10000",
                "`0` is not possible: it is 1 to 256",
                "`0` is not possible: it is 1 to 10000",
                "`-1` is not possible: it is 1 to 65535",
                "a build of 0s is not possible: give 1s to 7d",
                "a build of 8d is not possible: give 1s to 7d",
            ]
        );
        assert_eq!((scale_max("5"), builds("2")), (Ok(5), Ok(2)));
        assert_eq!(build_deadline("1s"), Ok(Duration::from_secs(1)));
    }
}

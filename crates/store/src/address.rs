//! The address of a PostgreSQL database: shown without its password, which is handed to libpq alone.

use secrecy::{ExposeSecret, SecretString};
use std::{fmt, str::FromStr};

/// What we ask of libpq where the address does not say otherwise: a server that is away is told within seconds, also
/// when its machine has gone without a word.
const DEFAULTS: [(&str, &str); 6] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "15000"),
    ("application_name", "jockeyd"),
];

/// `postgres://user:password@host:port/database?parameter=value`, as libpq reads it.
#[derive(Clone)]
pub struct PostgresAddress(SecretString);

/// What was given is no address of a PostgreSQL database. It is not repeated: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the address of a PostgreSQL database as postgres://user@host:5432/database, with %25, %2F, %3F and %40 for each %, /, ? and @ of a password"
)]
pub struct BadAddress;

impl PostgresAddress {
    /// Whether a text holds this address, and a password in it.
    #[must_use]
    pub fn is_told_by(&self, text: &str) -> bool {
        let address = self.0.expose_secret();
        let (_, rest) = address.split_once("://").unwrap_or_default();
        let named = rest.split('?').next().unwrap_or_default();
        let user = named.rsplit_once('@').map(|(user, _)| user);
        let has_password =
            user.is_some_and(|user| user.contains(':')) || rest.contains("password=");
        has_password && text.contains(address)
    }

    /// The address with our defaults.
    pub(crate) fn for_libpq(&self) -> String {
        let mut text = self.0.expose_secret().to_owned();
        let given = parameters(&text).map(str::to_owned);
        let given = given.unwrap_or_default();
        let is_given = |name: &str| {
            given
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        for (name, value) in DEFAULTS {
            if !is_given(name) {
                text.push(if text.contains('?') { '&' } else { '?' });
                text.push_str(name);
                text.push('=');
                text.push_str(value);
            }
        }
        text
    }
}

fn parameters(text: &str) -> Option<&str> {
    text.split_once('?').map(|(_, parameters)| parameters)
}

impl FromStr for PostgresAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let text = text.trim();
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(BadAddress)?;
        let (named, given) = match rest.split_once('?') {
            Some((named, given)) => (named, Some(given)),
            None => (rest, None),
        };
        let (authority, name) = named.split_once('/').ok_or(BadAddress)?;
        let is_good = !text
            .chars()
            .any(|char| char.is_whitespace() || char.is_control())
            && is_encoded(text)
            && is_authority(authority)
            && !name.is_empty()
            && !name.contains(['/', '@'])
            && given.is_none_or(|given| given.split('&').all(is_parameter));
        match is_good {
            true => Ok(Self(SecretString::from(text))),
            false => Err(BadAddress),
        }
    }
}

// What libpq would not take is refused here: it repeats what it does not understand, which may be of a password.

/// Whether each `%` stands before the two hexadecimal digits of a byte that is not zero.
fn is_encoded(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        let digits = part.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00"
    })
}

/// `user:password@host:port,host:port`.
fn is_authority(text: &str) -> bool {
    let hosts = match text.split_once('@') {
        Some((_, hosts)) => hosts,
        None => text,
    };
    hosts.split(',').all(|host| {
        let port = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((_, port)) => port,
                None => return false,
            },
            None => host.find(':').map_or("", |colon| &host[colon..]),
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        !host.contains('@') && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
    })
}

/// `name=value`.
fn is_parameter(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut chars = name.chars();
        !name.is_empty() && chars.all(|char| char.is_ascii_lowercase() || char == '_')
    };
    text.split_once('=')
        .is_some_and(|(name, value)| is_name(name) && !value.contains(['=', '@']))
}

impl PartialEq for PostgresAddress {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for PostgresAddress {}

/// Without user, password and parameters.
impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.expose_secret();
        let (_, rest) = text.split_once("://").unwrap_or_default();
        let named = rest.split('?').next().unwrap_or_default();
        match named.rsplit_once('@') {
            Some((_, place)) => write!(f, "postgres://{place}"),
            // A password that is not written as it should be would be taken for a place.
            None if rest.contains('@') => f.write_str("postgres://***"),
            None => write!(f, "postgres://{named}"),
        }
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password_and_keeps_its_own_parameters() {
        let text =
            "postgres://jockey:s3cr3t@db.internal:5433/jockey?sslmode=require&connect_timeout=9";
        let address: PostgresAddress = text.parse().unwrap();
        let shown = "postgres://db.internal:5433/jockey";
        assert_eq!(
            (format!("{address}"), format!("{address:?}")),
            (shown.to_owned(), shown.to_owned())
        );
        let given = address.for_libpq();
        assert!(given.starts_with(text), "{given}");
        assert!(!given.contains("connect_timeout=3"), "{given}");
        assert!(given.contains("&tcp_user_timeout=15000"), "{given}");
        let plain: PostgresAddress = "postgresql://db/jockey".parse().unwrap();
        assert!(plain.for_libpq().contains("jockey?connect_timeout=3&"));
    }

    #[test]
    fn a_password_in_an_argument_is_noticed() {
        for (address, is_told) in [
            ("postgres://jockey:s3cr3t@db:5433/jockey", true),
            ("postgres://db/jockey?user=jockey&password=s3cr3t", true),
            ("postgres://jockey@db:5433/jockey", false),
            ("postgres://db:5433/jockey", false),
        ] {
            let parsed: PostgresAddress = address.parse().unwrap();
            assert_eq!(parsed.is_told_by(&format!("--database={address}")), is_told);
            assert!(!parsed.is_told_by("serve"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for bad in [
            "",
            "jockey.db",
            "mysql://db/jockey",
            "postgres://db",
            "postgres://db/",
            "postgres://db /jockey",
            // Passwords that are not written as they should be.
            "postgres://jockey:s3%cr3t@db/jockey",
            "postgres://jockey:s3cr3t%@db/jockey",
            "postgres://jockey:s3cr3t%00@db/jockey",
            "postgres://jockey:s3/cr3t@db/jockey",
            "postgres://jockey:3/cr3t@db/jockey",
            "postgres://jockey:s3?cr3t@db/jockey",
            "postgres://jockey:3/s?cr3t@db/jockey",
            "postgres://jockey:s3@cr3t@db/jockey",
            "postgres://db/jockey?password=s3%cr3t",
            "postgres://db/jockey?password=s3=cr3t",
            "postgres://db/jockey?s3cr3t",
            "postgres://db:s3cr3t/jockey",
            "postgres://[::1/jockey",
        ] {
            let error = bad.parse::<PostgresAddress>().unwrap_err();
            assert_eq!(error, BadAddress, "{bad}");
            assert!(!error.to_string().contains("cr3t"), "{bad}");
        }
    }

    #[test]
    fn what_libpq_takes_is_taken() {
        for good in [
            "postgres://jockey:s3%25%2F%40cr3t@db:5432/jockey",
            "postgres://jockey:a:b#c@db/jockey",
            "postgresql://one:5432,two:5433/jockey?target_session_attrs=read-write",
            "postgres://[::1]:5432/jockey?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres:///jockey?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/jockey",
        ] {
            good.parse::<PostgresAddress>().expect(good);
        }
    }
}

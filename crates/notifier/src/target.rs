//! An address that may be called, as far as can be said of it before its name is resolved.

use domain::reach::{Reach, is_number};
use http::Uri;
use ports::notifier::Error;
use std::net::IpAddr;

/// The longest address, in characters. Slack's have 80.
const LENGTH_MAX: usize = 2048;
/// Below this, a port is one of a service with a name of its own: mail, shells, name servers.
const PORTS_OF_SERVICES: u16 = 1024;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    uri: Uri,
    host: String,
    port: u16,
}

impl Target {
    /// Reads an address.
    pub(crate) fn of(url: &str, reach: &Reach) -> Result<Self, Error> {
        let bad = |what: &str| Error::BadUrl(format!("the address {what}"));
        if url.len() > LENGTH_MAX {
            return Err(bad(&format!("is longer than {LENGTH_MAX} characters")));
        }
        let uri: Uri = url
            .parse()
            .map_err(|_| bad("is none; write it as https://host/path"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(bad("has to begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad(
                "holds a user or password; leave it out, messages are signed instead",
            ));
        }
        let host = authority.host().to_owned();
        let port = match (authority.port(), secure) {
            (Some(port), _) => port.as_u16(),
            (None, true) => 443,
            (None, false) => 80,
        };
        if host.is_empty() || authority.as_str().ends_with(':') {
            return Err(bad("names no host or no port"));
        }
        let target = Self { uri, host, port };
        target.admit(reach)?;
        Ok(target)
    }

    /// Refuses what can be told from the text alone.
    fn admit(&self, reach: &Reach) -> Result<(), Error> {
        let forbidden = |what: String| Error::Forbidden {
            host: self.host.clone(),
            what,
        };
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let allowed = match bare.parse::<IpAddr>() {
            Ok(address) => {
                if let Some(inside) = reach.forbids(address) {
                    return Err(forbidden(inside.to_string()));
                }
                domain::reach::inside(address).is_some()
            }
            Err(_) if is_number(bare) => {
                return Err(Error::BadUrl(format!(
                    "`{}` is a number where a host is wanted; write the name, or the address as 192.0.2.1",
                    self.host
                )));
            }
            Err(_) => reach.allows_host(bare),
        };
        let usual = self.port == 80 || self.port == 443 || self.port >= PORTS_OF_SERVICES;
        if self.port == 0 || !(usual || allowed) {
            return Err(Error::BadUrl(format!(
                "port {} is no port of a web server; use 80, 443 or one from {PORTS_OF_SERVICES} on",
                self.port
            )));
        }
        Ok(())
    }

    /// Where an answer of this address leads to.
    pub(crate) fn redirected(&self, location: &str, reach: &Reach) -> Result<Self, Error> {
        let whole = if location.starts_with("//") {
            format!("{}:{location}", self.scheme())
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin())
        } else if location.contains("://") {
            location.to_owned()
        } else {
            let path = self.uri.path();
            let folder = path.rfind('/').map_or("", |end| &path[..end]);
            format!("{}{folder}/{location}", self.origin())
        };
        let next = Self::of(&whole, reach)?;
        if self.scheme() == "https" && next.scheme() == "http" {
            return Err(Error::Forbidden {
                host: next.host,
                what: "where a redirect leads from https to http".to_owned(),
            });
        }
        Ok(next)
    }

    fn scheme(&self) -> &str {
        self.uri.scheme_str().unwrap_or_default()
    }

    fn origin(&self) -> String {
        format!("{}://{}:{}", self.scheme(), self.host, self.port)
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether another is the same server.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(url: &str, allow: &[&str]) -> String {
        let reach: Reach = allow.iter().map(|text| text.parse().unwrap()).collect();
        match Target::of(url, &reach) {
            Ok(target) => target.origin(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_refused_for_what_it_says() {
        let inside = |host: &str, what: &str| {
            format!(
                "{host} is not called: it is {what}; whoever runs the server may allow it by --callback-allow"
            )
        };
        let number = |host: &str| {
            format!(
                "`{host}` is a number where a host is wanted; write the name, or the address as 192.0.2.1"
            )
        };
        let metadata = "a link-local address, where cloud metadata is";
        for (url, allow, want) in [
            (
                "https://hooks.example/a?b=c",
                &[][..],
                "https://hooks.example:443".to_owned(),
            ),
            (
                "http://hooks.example:8080",
                &[],
                "http://hooks.example:8080".to_owned(),
            ),
            (
                "http://127.0.0.1:8080/",
                &[],
                inside("127.0.0.1", "a loopback address"),
            ),
            ("http://[::1]/", &[], inside("[::1]", "a loopback address")),
            (
                "http://[::ffff:10.0.0.1]/",
                &[],
                inside("[::ffff:10.0.0.1]", "a private address"),
            ),
            (
                "http://169.254.169.254/latest/",
                &[],
                inside("169.254.169.254", metadata),
            ),
            (
                "http://127.0.0.1:22/",
                &["127.0.0.0/8"],
                "http://127.0.0.1:22".to_owned(),
            ),
            ("http://2130706433/", &[], number("2130706433")),
            ("http://0177.0.0.1/", &[], number("0177.0.0.1")),
            ("http://0x7f.1/", &[], number("0x7f.1")),
        ] {
            assert_eq!(words(url, allow), want, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_web_server_is_refused() {
        for (url, allow, want) in [
            (
                "ftp://hooks.example/",
                &[][..],
                "the address has to begin with http:// or https://",
            ),
            (
                "hooks.example/a",
                &[],
                "the address is none; write it as https://host/path",
            ),
            (
                "/a",
                &[],
                "the address has to begin with http:// or https://",
            ),
            (
                "https://u:p@hooks.example/",
                &[],
                "the address holds a user or password; leave it out, messages are signed instead",
            ),
            (
                "https://hooks.example:25/",
                &[],
                "port 25 is no port of a web server; use 80, 443 or one from 1024 on",
            ),
            (
                "https://hooks.example:0/",
                &["hooks.example"],
                "port 0 is no port of a web server; use 80, 443 or one from 1024 on",
            ),
        ] {
            assert_eq!(words(url, allow), want, "{url}");
        }
        let long = format!("https://hooks.example/{}", "a".repeat(2048));
        assert_eq!(
            words(&long, &[]),
            "the address is longer than 2048 characters"
        );
    }

    #[test]
    fn a_redirect_is_looked_at_like_the_address_itself() {
        let reach = Reach::default();
        let from = Target::of("https://hooks.example/a/b", &reach).unwrap();
        let to = |location: &str| match from.redirected(location, &reach) {
            Ok(target) => target.uri.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(to("/c"), "https://hooks.example:443/c");
        assert_eq!(to("c"), "https://hooks.example:443/a/c");
        assert_eq!(to("//other.example/c"), "https://other.example/c");
        assert_eq!(to("https://other.example/c"), "https://other.example/c");
        assert!(to("http://169.254.169.254/").contains("169.254.169.254 is not called"));
        assert!(to("//[::1]/").contains("[::1] is not called"));
        let down = to("http://other.example/");
        assert!(
            down.contains("a redirect leads from https to http"),
            "{down}"
        );
    }
}

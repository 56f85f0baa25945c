use std::{fmt, str::FromStr};

use domain::RepoName;

/// What `owner/name` is appended to for an address that git can fetch from: `https://github.com`, `file:///srv/git`,
/// or `http://` on a loopback address, for tests. It holds no user and no password: an address is seen in argument lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    protocol: Protocol,
}

/// Text below which no repository can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBaseUrl {
    #[error(
        "`{0}` is no base for repositories; give https://HOST, file:///DIRECTORY, or http:// on a loopback address"
    )]
    Scheme(String),
    /// Says nothing of what was given, since part of it is a password.
    #[error(
        "the base for repositories holds a user or a password; leave it out, since addresses are seen by other users of the machine"
    )]
    Credentials,
}

/// How git speaks to the host. Every other way is forbidden to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Https,
    Http,
    File,
}

impl Protocol {
    /// As git's configuration spells it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::File => "file",
        }
    }

    /// Whether the host may ask for a token.
    pub(super) const fn wants_token(self) -> bool {
        matches!(self, Self::Https | Self::Http)
    }
}

impl BaseUrl {
    /// GitHub over HTTPS.
    #[must_use]
    pub fn github() -> Self {
        Self {
            text: "https://github.com".to_owned(),
            protocol: Protocol::Https,
        }
    }

    pub(super) fn of(&self, repo: &RepoName) -> String {
        format!("{}/{repo}", self.text)
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl FromStr for BaseUrl {
    type Err = BadBaseUrl;
    fn from_str(text: &str) -> Result<Self, BadBaseUrl> {
        let bad = || BadBaseUrl::Scheme(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let (host, _path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            return Err(BadBaseUrl::Credentials);
        }
        let protocol = match scheme {
            "https" if !host.is_empty() => Protocol::Https,
            "http" if is_loopback(host) => Protocol::Http,
            "file" if host.is_empty() && rest.starts_with('/') => Protocol::File,
            _ => return Err(bad()),
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) || text.contains(['?', '#']) {
            return Err(bad());
        }
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            protocol,
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_below_its_base() {
        let repo = "Shop/Api".parse().unwrap();
        for (base, want) in [
            ("https://github.com", "https://github.com/shop/api"),
            (
                "https://git.example:8443/x/",
                "https://git.example:8443/x/shop/api",
            ),
            ("file:///srv/git", "file:///srv/git/shop/api"),
            (
                "http://127.0.0.1:81/cgi",
                "http://127.0.0.1:81/cgi/shop/api",
            ),
            ("http://[::1]:81", "http://[::1]:81/shop/api"),
        ] {
            assert_eq!(base.parse::<BaseUrl>().unwrap().of(&repo), want);
        }
    }

    #[test]
    fn what_is_not_safe_to_fetch_from_is_refused() {
        for bad in [
            "",
            "github.com",
            "ssh://github.com",
            "git://github.com",
            "ext::sh -c x",
            "http://github.com",
            "http://127.0.0.1.example",
            "file://host/srv",
            "file:relative",
            "https://",
            "https://a b",
            "https://host/?x",
        ] {
            assert!(
                matches!(bad.parse::<BaseUrl>(), Err(BadBaseUrl::Scheme(_))),
                "{bad}"
            );
        }
        let error = "https://me:s3cret@host".parse::<BaseUrl>().unwrap_err();
        assert_eq!(error, BadBaseUrl::Credentials);
        assert!(!error.to_string().contains("s3cret"));
    }
}

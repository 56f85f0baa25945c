//! What the adapter is told.

use crate::jwt::AppKey;
use secrecy::SecretString;
use std::{fmt, time::Duration};

/// All of it.
#[derive(Debug)]
pub struct Settings {
    pub urls: Urls,
    /// The server's own credential: a GitHub App, which goes first…
    pub app: Option<App>,
    /// … or one token for everything.
    pub token: Option<SecretString>,
    pub oauth: Option<OAuthClient>,
    pub times: Times,
}

/// Where GitHub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    pub(crate) api: String,
    pub(crate) pages: String,
}

/// A GitHub App.
#[derive(Debug, Clone)]
pub struct App {
    /// Its id, or its client id: GitHub takes both as the issuer.
    pub id: String,
    pub key: AppKey,
}

/// Who people sign in by: an OAuth App, or the client of a GitHub App.
#[derive(Clone)]
pub struct OAuthClient {
    pub id: String,
    /// For browsers. A device needs none.
    pub secret: Option<SecretString>,
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient").field("id", &self.id).finish()
    }
}

/// How long GitHub may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Until there is a connection. Default 5 s.
    pub connect: Duration,
    /// One call, its redirects and its whole answer included. GitHub itself gives up after 10 s. Default 15 s.
    pub whole: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            whole: Duration::from_secs(15),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error(
        "`{url}` is not an address of GitHub; give https://HOST, or http:// on a loopback address"
    )]
    Url { url: String },
    /// Says nothing of what was given, since part of it is a password.
    #[error("an address of GitHub holds a user or a password; leave it out")]
    Credentials,
    #[error("this machine has no root certificates; install ca-certificates")]
    NoRoots(#[source] std::io::Error),
}

impl Urls {
    /// github.com.
    #[must_use]
    pub fn github_com() -> Self {
        Self {
            api: "https://api.github.com".to_owned(),
            pages: "https://github.com".to_owned(),
        }
    }

    /// An Enterprise server, or another place. `api`: what is before `/user` (`https://HOST/api/v3`). `pages`: what is
    /// before `/login/oauth` (`https://HOST`).
    ///
    /// # Errors
    /// `BadSettings::Url` or `Credentials`, for what is neither https nor on a loopback address.
    pub fn new(api: &str, pages: &str) -> Result<Self, BadSettings> {
        Ok(Self {
            api: checked(api)?,
            pages: checked(pages)?,
        })
    }
}

fn checked(text: &str) -> Result<String, BadSettings> {
    let bad = || BadSettings::Url {
        url: text.to_owned(),
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err(BadSettings::Credentials);
    }
    let good = match scheme {
        "https" => !host.is_empty(),
        "http" => is_loopback(host),
        _ => false,
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '?' || c == '#';
    if !good || text.contains(odd) {
        return Err(bad());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_stay_on_the_machine() {
        for good in [
            "https://api.github.com",
            "https://github.example.com/api/v3/",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/api/v3",
            "http://localhost",
        ] {
            assert!(Urls::new(good, good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api.github.com",
            "https://",
            "http://github.example.com",
            "http://127.0.0.1.example.com",
            "ftp://github.example.com",
            "https://github.example.com/?a=b",
        ] {
            let error = Urls::new(bad, "https://github.com").unwrap_err();
            assert!(matches!(error, BadSettings::Url { .. }), "{bad}");
        }
        let error = Urls::new("https://u:secret@github.example.com", "").unwrap_err();
        assert!(!error.to_string().contains("secret"));
        let urls = Urls::new("https://a.example/api/v3/", "https://a.example/").unwrap();
        assert_eq!(urls.api, "https://a.example/api/v3");
    }
}

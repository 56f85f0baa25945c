//! What a browser sends by itself: the cookie of somebody who has signed in, and from where it was made to send it.
//!
//! **Invariant:** a cookie never lets a page of another site change anything. Whoever shows a token in a header is taken
//! by that alone.

use crate::refusal::Refusal;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::time::Duration;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How this server looks to a browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    /// Scheme, host and port, where they are known.
    pub(crate) own_url: Option<String>,
    pub(crate) is_https: bool,
    /// Whether people can sign in by one.
    pub(crate) signs_in: bool,
}

/// What is kept in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The token of a session.
    Session,
    /// The ticket of a sign-in that has begun.
    SignIn,
    /// The address that was opened before that.
    WayBack,
}

impl Browser {
    /// What a request bears in its cookie, as a header: it then goes on as if it had borne that.
    ///
    /// # Errors
    /// `CrossSite`, when it is to change something and nothing says that a page of ours sent it.
    pub(crate) fn bear(&self, method: &Method, headers: &mut HeaderMap) -> Result<(), Refusal> {
        if headers.contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        let Some(token) = self.cookie(headers, Cookie::Session) else {
            return Ok(());
        };
        let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {token}")) else {
            return Ok(());
        };
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && !self.is_from_here(headers) {
            return Err(Refusal::CrossSite);
        }
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        Ok(())
    }

    /// Whether a page of this server made the browser send this. Browsers of today say so; of older ones the origin
    /// tells.
    pub(crate) fn is_from_here(&self, headers: &HeaderMap) -> bool {
        if let Some(site) = headers.get(FETCH_SITE) {
            return site == "same-origin";
        }
        let Some(origin) = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok()) else {
            return false;
        };
        let scheme = if self.is_https { "https" } else { "http" };
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let asked = host.map(|host| format!("{scheme}://{host}"));
        [self.own_url.as_deref(), asked.as_deref()].contains(&Some(origin))
    }

    /// The value of a cookie, if there is one.
    pub(crate) fn cookie(&self, headers: &HeaderMap, cookie: Cookie) -> Option<String> {
        let name = self.name(cookie);
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'));
        let mut values = pairs.filter_map(|pair| {
            let (found, value) = pair.trim().split_once('=')?;
            (found == name && !value.is_empty()).then(|| value.to_owned())
        });
        values.next()
    }

    /// The header that makes a browser keep this. A value of `""` makes it forget.
    pub(crate) fn keep(&self, cookie: Cookie, value: &str, lives: Duration) -> Option<HeaderValue> {
        let name = self.name(cookie);
        let secure = if self.is_https { "; Secure" } else { "" };
        let seconds = lives.as_secs();
        let text =
            format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    pub(crate) fn forget(&self, cookie: Cookie) -> Option<HeaderValue> {
        self.keep(cookie, "", Duration::ZERO)
    }

    /// With its prefix a browser takes it over TLS alone, and from no other host of the domain.
    const fn name(&self, cookie: Cookie) -> &'static str {
        match (cookie, self.is_https) {
            (Cookie::Session, true) => "__Host-jockey-session",
            (Cookie::Session, false) => "jockey-session",
            (Cookie::SignIn, true) => "__Host-jockey-sign-in",
            (Cookie::SignIn, false) => "jockey-sign-in",
            (Cookie::WayBack, true) => "__Host-jockey-way-back",
            (Cookie::WayBack, false) => "jockey-way-back",
        }
    }
}

#[cfg(test)]
mod tests;

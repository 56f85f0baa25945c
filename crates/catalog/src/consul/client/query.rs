//! The path and the question mark of a call.

use super::{Base, Index};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// What stands for itself in any part of an address (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path below `/v1` with its parameters. What is put into it is escaped once, here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    path: String,
    pairs: Vec<(&'static str, Option<String>)>,
    scope: Scope,
}

/// Whose business a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// A datacenter's.
    Datacenter,
    /// One agent's own: it knows no other datacenter.
    Agent,
}

impl Query {
    /// A call that any agent passes on to the servers.
    pub(super) fn of(path: &'static str) -> Self {
        Self::new(path, Scope::Datacenter)
    }

    /// A call that an agent answers itself.
    pub(super) fn of_agent(path: &'static str) -> Self {
        Self::new(path, Scope::Agent)
    }

    fn new(path: &'static str, scope: Scope) -> Self {
        Self {
            path: format!("/v1/{path}"),
            pairs: Vec::new(),
            scope,
        }
    }

    /// One more part of the path.
    pub(super) fn segment(mut self, text: &str) -> Self {
        self.path.push('/');
        self.path.push_str(&escape(text));
        self
    }

    pub(super) fn pair(mut self, key: &'static str, value: &str) -> Self {
        self.pairs.push((key, Some(escape(value))));
        self
    }

    /// A word that is there or not.
    pub(super) fn flag(mut self, key: &'static str) -> Self {
        self.pairs.push((key, None));
        self
    }

    /// Any server may answer, not the leader alone.
    pub(super) fn stale(self) -> Self {
        self.flag("stale")
    }

    /// Answers once there is something newer than the index, or when the time is over.
    pub(super) fn after(self, index: Index, wait: Duration) -> Self {
        let seconds = format!("{}s", wait.as_secs());
        self.pair("index", &index.get().to_string())
            .pair("wait", &seconds)
    }

    pub(super) fn uri(
        &self,
        base: &Base,
        datacenter: Option<&str>,
        namespace: Option<&str>,
    ) -> String {
        let mut uri = format!("{base}{}", self.path);
        let datacenter = datacenter.filter(|_| self.scope == Scope::Datacenter);
        let place = [("dc", datacenter), ("ns", namespace)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, Some(escape(value?)))));
        for (at, (key, value)) in self.pairs.iter().cloned().chain(place).enumerate() {
            uri.push(if at == 0 { '?' } else { '&' });
            uri.push_str(key);
            if let Some(value) = value {
                uri.push('=');
                uri.push_str(&value);
            }
        }
        uri
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A text within a filter expression. Consul knows no way to escape what would end it there.
pub(super) fn quoted(text: &str) -> String {
    let inside: String = text.chars().filter(|c| !"\"\\`".contains(*c)).collect();
    format!("\"{inside}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_an_address_is_escaped_once() {
        let base: Base = "https://consul.internal:8501".parse().unwrap();
        let query = Query::of("health/service")
            .segment("a b/c?d")
            .pair("filter", "Meta[\"x\"] == \"50%\"")
            .stale()
            .after(Index::default().after(Some(7)), Duration::from_secs(60));
        assert_eq!(
            query.uri(&base, Some("eu 1"), Some("team")),
            "https://consul.internal:8501/v1/health/service/a%20b%2Fc%3Fd?filter=Meta%5B%22x%22%5D%20%3D%3D%20%2250%25%22\
             &stale&index=7&wait=60s&dc=eu%201&ns=team"
        );
        let own = Query::of_agent("agent/self");
        assert_eq!(
            own.uri(&base, Some("eu"), None),
            "https://consul.internal:8501/v1/agent/self",
            "an agent knows no other datacenter"
        );
    }
}

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// What stands for itself in a path or a query (RFC 3986, 2.3).
const REST: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A path below the API's address, with its query: encoded, so that no name can lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route(String);

impl Route {
    /// A path of these segments. A name that holds slashes, as refs and repositories do, is several.
    pub(crate) fn new(segments: &[&str]) -> Self {
        let mut path = String::new();
        for segment in segments.iter().flat_map(|segments| segments.split('/')) {
            path.push('/');
            path.push_str(&encoded(segment));
        }
        Self(path)
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0 = format!("{}{}={}", self.0, encoded(name), encoded(value));
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Route {
    /// What is encoded already.
    fn from(path: String) -> Self {
        Self(path)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, REST).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_segment() {
        let route = Route::new(&["repos", "shop/api", "git", "ref", "heads/fix#1?x=%2f"]);
        let route = route.query("a b", "c&d");
        assert_eq!(
            route.as_str(),
            "/repos/shop/api/git/ref/heads/fix%231%3Fx%3D%252f?a%20b=c%26d"
        );
        assert_eq!(route.query("e", "f").as_str().matches('&').count(), 1);
    }
}

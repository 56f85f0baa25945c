//! The part of an address behind the `?`.

use std::fmt::Write as _;

/// Builds one, in the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    /// The path with this query behind it.
    pub(crate) fn of(&self, path: &str) -> String {
        format!("{path}{}", self.0)
    }

    /// One more parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                write!(self.0, "%{byte:02X}").expect("a String takes all");
            }
        }
        self
    }

    /// One more parameter that is a JSON value.
    #[must_use]
    pub(crate) fn with_json(self, name: &str, value: &serde_json::Value) -> Self {
        self.with(name, &value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_an_address_is_escaped() {
        let query = Query::default()
            .with("all", "1")
            .with_json("filters", &serde_json::json!({"label": ["a=b&c"]}));
        assert_eq!(
            query.of("/x"),
            "/x?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%26c%22%5D%7D"
        );
        assert_eq!(Query::default().of("/x"), "/x");
    }
}

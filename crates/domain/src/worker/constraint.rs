//! Constraints: what the meta of a node has to say for a Worker to go there.

use crate::Node;
use std::{fmt, str::FromStr};

/// The most constraints of one Worker: more than anybody has kinds of nodes, and short enough to be read.
pub const CONSTRAINTS_MAX: usize = 16;
/// The longest key that Consul takes for meta.
const KEY_MAX: usize = 128;
/// The longest value that Consul takes for meta.
const VALUE_MAX: usize = 512;

/// What the meta of a node has to say: `disk == ssd`, `gpu != none`. A key that a node does not have is equal to nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Constraint {
    key: String,
    sign: Sign,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Sign {
    Is,
    IsNot,
}

/// A constraint that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConstraint {
    #[error("`{0}` is no constraint; write `disk == ssd` or `gpu != none`")]
    Form(String),
    #[error(
        "`{0}` is no key of a node's meta; it has letters, digits, `-` and `_`, {KEY_MAX} at most"
    )]
    Key(String),
    #[error(
        "`{0}` is no value of a node's meta; it has 1 to {VALUE_MAX} characters, none of them a control character"
    )]
    Value(String),
    #[error("{0} constraints are too many; a worker has {CONSTRAINTS_MAX} at most")]
    TooMany(usize),
}

impl Constraint {
    /// Whether a node may have the Worker.
    #[must_use]
    pub fn allows(&self, node: &Node) -> bool {
        let said = node.meta.get(&self.key);
        match self.sign {
            Sign::Is => said == Some(&self.value),
            Sign::IsNot => said != Some(&self.value),
        }
    }

    /// The key of the meta that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Refuses more of them than a Worker may have.
    ///
    /// # Errors
    /// `BadConstraint::TooMany`.
    pub fn check_number(constraints: &[Self]) -> Result<(), BadConstraint> {
        match constraints.len() {
            0..=CONSTRAINTS_MAX => Ok(()),
            many => Err(BadConstraint::TooMany(many)),
        }
    }
}

impl FromStr for Constraint {
    type Err = BadConstraint;

    fn from_str(text: &str) -> Result<Self, BadConstraint> {
        let is = text.split_once("==").map(|parts| (parts, Sign::Is));
        let is_not = text.split_once("!=").map(|parts| (parts, Sign::IsNot));
        // The sign that comes first is meant: a value may have the other one in it.
        let ((key, value), sign) = match (is, is_not) {
            (Some(is), Some(is_not)) if is.0.0.len() > is_not.0.0.len() => is_not,
            (Some(is), _) => is,
            (None, Some(is_not)) => is_not,
            (None, None) => return Err(BadConstraint::Form(text.to_owned())),
        };
        let (key, value) = (key.trim(), value.trim());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(plain) {
            return Err(BadConstraint::Key(key.to_owned()));
        }
        let length = value.chars().count();
        if length == 0 || length > VALUE_MAX || value.chars().any(char::is_control) {
            return Err(BadConstraint::Value(value.to_owned()));
        }
        Ok(Self {
            key: key.to_owned(),
            sign,
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Is => "==",
            Sign::IsNot => "!=",
        };
        write!(f, "{} {sign} {}", self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Duty, NodeState};
    use std::collections::BTreeMap;

    fn node(meta: &[(&str, &str)]) -> Node {
        let pairs = meta.iter();
        Node {
            name: "a".parse().unwrap(),
            address: "10.0.0.1".to_owned(),
            state: NodeState::Alive,
            duty: Duty::Serving,
            meta: pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            memory: None,
            cpu: None,
        }
    }

    #[test]
    fn a_node_is_allowed_by_what_its_meta_says() {
        let host = node(&[("disk", "ssd"), ("zone", "a")]);
        for (text, allowed) in [
            ("disk == ssd", true),
            ("disk==ssd", true),
            ("disk == hdd", false),
            ("disk != hdd", true),
            ("disk != ssd", false),
            // A key that it does not have.
            ("gpu == a100", false),
            ("gpu != none", true),
        ] {
            let constraint: Constraint = text.parse().unwrap();
            assert_eq!(constraint.allows(&host), allowed, "{text}");
        }
    }

    #[test]
    fn a_constraint_is_written_as_it_is_read() {
        for (text, written) in [
            ("zone==a", "zone == a"),
            ("  gpu  !=  none ", "gpu != none"),
            ("note != a == b", "note != a == b"),
            ("note == a != b", "note == a != b"),
        ] {
            let constraint: Constraint = text.parse().unwrap();
            assert_eq!(constraint.to_string(), written);
            assert_eq!(written.parse(), Ok(constraint));
        }
    }

    #[test]
    fn what_is_no_constraint_is_refused_with_words() {
        let said = |text: &str| text.parse::<Constraint>().unwrap_err().to_string();
        for (text, part) in [
            ("zone", "`zone` is no constraint; write `disk == ssd`"),
            ("zone = a", "is no constraint"),
            ("== a", "`` is no key"),
            ("a zone == b", "`a zone` is no key"),
            ("zone ==", "`` is no value"),
            ("zone == a\nb", "is no value"),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
        let one: Constraint = "a == b".parse().unwrap();
        assert_eq!(
            Constraint::check_number(&vec![one.clone(); CONSTRAINTS_MAX]),
            Ok(())
        );
        assert_eq!(
            Constraint::check_number(&vec![one; CONSTRAINTS_MAX + 1]),
            Err(BadConstraint::TooMany(CONSTRAINTS_MAX + 1))
        );
    }
}

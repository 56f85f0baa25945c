//! Names that people choose. All follow one rule, so that what is derived from them is a DNS label. A copy of one shares its
//! text: each look at a world copies thousands.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest DNS label, in characters (RFC 1035, 2.3.4): what a service name derived from names may have.
pub const LABEL_MAX: usize = 63;

/// A name that does not follow the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("{what} needs a name; use lower-case letters, digits, `-` and `_`, as in `{example}`")]
    Empty {
        what: &'static str,
        example: &'static str,
    },
    #[error(
        "`{name}` is no name for {what}: {found:?} is not allowed; use lower-case letters, digits, `-` and `_`, and begin with a letter or digit, as in `{example}`"
    )]
    Character {
        what: &'static str,
        name: String,
        found: char,
        example: &'static str,
    },
    #[error(
        "`{name}` is no name for {what}: digits alone would be taken for an id; add a letter, as in `{example}`"
    )]
    Digits {
        what: &'static str,
        name: String,
        example: &'static str,
    },
    #[error("`{name}` is {length} characters long; the name of {what} has at most {max}")]
    Length {
        what: &'static str,
        name: String,
        length: usize,
        max: usize,
    },
}

fn check(what: &'static str, example: &'static str, max: usize, name: &str) -> Result<(), BadName> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let Some(first) = name.chars().next() else {
        return Err(BadName::Empty { what, example });
    };
    let wrong = if plain(first) {
        name.chars().find(|&c| !plain(c) && c != '-' && c != '_')
    } else {
        Some(first)
    };
    if let Some(found) = wrong {
        return Err(BadName::Character {
            what,
            name: name.to_owned(),
            found,
            example,
        });
    }
    if name.len() > max {
        return Err(BadName::Length {
            what,
            name: name.to_owned(),
            length: name.len(),
            max,
        });
    }
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadName::Digits {
            what,
            name: name.to_owned(),
            example,
        });
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $example:literal, $max:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most characters that such a name has.
            pub const MAX: usize = $max;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                check($what, $example, $max, text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(&self.0) }
        }
    )+};
}

names! {
    /// An App's name, unique in the installation.
    AppName, "an app", "sample-app", 40;
    /// A Worker's name, unique in its App and Environment.
    WorkerName, "a worker", "web", 30;
    /// An Environment's name, unique in the installation.
    EnvironmentName, "an environment", "staging", 30;
    /// A Stack's name, unique in the installation.
    StackName, "a stack", "api", 30;
    /// The name of one of a Worker's ports besides its first, unique in the Worker.
    PortName, "a port", "metrics", 20;
}

/// A node's name, as the catalog gives it: a host name. Not chosen in Jockey, so less strict than the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (what, example) = ("a node", "host-1.example.com");
        if text.is_empty() {
            return Err(BadName::Empty { what, example });
        }
        if text.len() > 253 {
            return Err(BadName::Length {
                what,
                name: text.to_owned(),
                length: text.len(),
                max: 253,
            });
        }
        match text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c))
        {
            Some(found) => Err(BadName::Character {
                what,
                name: text.to_owned(),
                found,
                example,
            }),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_and_never_digits_alone() {
        for good in ["a", "web", "my_app", "0x", "a-b_c9"] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "_a",
            "A",
            "a b",
            "a.b",
            "é",
            "42",
            &"a".repeat(41),
        ] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
        let error = "My App".parse::<AppName>().unwrap_err().to_string();
        assert!(
            error.starts_with("`My App` is no name for an app: 'M' is not allowed"),
            "{error}"
        );
    }
}

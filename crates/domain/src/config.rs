//! Config Sets: the variables of an App, in three layers of which the later wins.

mod value;

pub use value::{Said, Value};

use crate::{AppId, ConfigSetId, ConfigVersionId, EnvironmentId, StackId, Timestamp};
use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

/// The most bytes of one value. Linux takes no longer variable: `MAX_ARG_STRLEN` is 128 KiB, name and `=` included.
pub const VALUE_MAX: usize = 128 * 1024;
/// The most bytes of one set, names and values together.
pub const SET_MAX: usize = 1024 * 1024;

/// Which layer a Config Set is. Ordered: the later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigScope {
    /// For every App in the Environment.
    Environment(EnvironmentId),
    /// For every App of the Stack in the Environment.
    Stack(StackId, EnvironmentId),
    /// For one App in the Environment.
    App(AppId, EnvironmentId),
}

impl ConfigScope {
    /// The Environment that every layer belongs to.
    #[must_use]
    pub const fn environment(self) -> EnvironmentId {
        match self {
            Self::Environment(id) | Self::Stack(_, id) | Self::App(_, id) => id,
        }
    }
}

/// One layer, at its newest version. The values are secret; see `Variables`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSet {
    pub id: ConfigSetId,
    pub scope: ConfigScope,
    pub version: ConfigVersionId,
    /// Counts the versions of this set, from 1.
    pub number: u32,
    pub variables: Variables,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// The versions of the layers that one Release is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConfigVersions {
    pub environment: Option<ConfigVersionId>,
    pub stack: Option<ConfigVersionId>,
    pub app: Option<ConfigVersionId>,
}

impl ConfigVersions {
    /// This version of one layer, and nothing of the others.
    #[must_use]
    pub fn only(scope: ConfigScope, version: Option<ConfigVersionId>) -> Self {
        let mut versions = Self::default();
        match scope {
            ConfigScope::Environment(_) => versions.environment = version,
            ConfigScope::Stack(..) => versions.stack = version,
            ConfigScope::App(..) => versions.app = version,
        }
        versions
    }

    /// The version of the layer that this scope is.
    #[must_use]
    pub const fn of(&self, scope: ConfigScope) -> Option<ConfigVersionId> {
        match scope {
            ConfigScope::Environment(_) => self.environment,
            ConfigScope::Stack(..) => self.stack,
            ConfigScope::App(..) => self.app,
        }
    }
}

/// The name of a variable: `[A-Za-z_][A-Za-z0-9_]*`, what a shell can export.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// What is wrong with a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadVariable {
    #[error("`{0}` cannot name a variable; use letters, digits and `_`, and begin with no digit")]
    Key(String),
    #[error("`{0}` is set by Jockey itself; choose another name than PORT or JOCKEY_…")]
    Reserved(String),
    #[error(
        "the value of {key} holds a NUL byte, which no environment variable can; encode it, for example as base64"
    )]
    Nul { key: Key },
    #[error(
        "the value of {key} is {size} bytes long; with its name at most {VALUE_MAX} reach a process; put it into a file or a store of its own"
    )]
    TooLong { key: Key, size: usize },
    #[error(
        "the set would be {size} bytes long; a Config Set has at most {SET_MAX}; put what is large into a file or a store of its own"
    )]
    SetTooLong { size: usize },
}

impl Key {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = BadVariable;
    fn from_str(text: &str) -> Result<Self, BadVariable> {
        let good = |(at, b): (usize, u8)| {
            b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit())
        };
        if text.is_empty() || text.len() > 255 || !text.bytes().enumerate().all(good) {
            return Err(BadVariable::Key(text.to_owned()));
        }
        if text == "PORT" || text.starts_with("JOCKEY_") {
            return Err(BadVariable::Reserved(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Variables and their values. The values are secrets: `Debug` shows the names alone, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(BTreeMap<Key, Value>);

impl Variables {
    /// These variables, checked.
    ///
    /// # Errors
    /// `BadVariable` when a value or the whole is too long, or cannot be a variable's.
    pub fn new<V: Into<Value>>(variables: BTreeMap<Key, V>) -> Result<Self, BadVariable> {
        let variables = variables.into_iter();
        Self::checked(variables.map(|(key, value)| (key, value.into())).collect())
    }

    fn checked(variables: BTreeMap<Key, Value>) -> Result<Self, BadVariable> {
        let mut whole = 0;
        for (key, value) in &variables {
            let value = value.as_str();
            if value.contains('\0') {
                return Err(BadVariable::Nul { key: key.clone() });
            }
            // `NAME=value` and a NUL.
            let size = key.as_str().len() + 1 + value.len() + 1;
            if size > VALUE_MAX {
                return Err(BadVariable::TooLong {
                    key: key.clone(),
                    size: value.len(),
                });
            }
            whole += size;
        }
        if whole > SET_MAX {
            Err(BadVariable::SetTooLong { size: whole })
        } else {
            Ok(Self(variables))
        }
    }

    /// These variables with some set and some taken away. A text that is there as a number stays one.
    ///
    /// # Errors
    /// As `new`.
    pub fn changed<V: Into<Value>>(
        &self,
        set: BTreeMap<Key, V>,
        unset: &[Key],
    ) -> Result<Self, BadVariable> {
        let mut variables = self.0.clone();
        variables.retain(|key, _| !unset.contains(key));
        for (key, value) in set {
            let value = value.into();
            let known = variables.get(&key);
            if !known.is_some_and(|known| value.repeats(known)) {
                variables.insert(key, value);
            }
        }
        Self::checked(variables)
    }

    /// The layers laid over each other, the first lowest; a later value wins.
    #[must_use]
    pub fn layered<'a>(layers: impl IntoIterator<Item = &'a Self>) -> Self {
        Self(
            layers
                .into_iter()
                .flat_map(|layer| layer.0.clone())
                .collect(),
        )
    }

    /// Names and texts, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.0.iter().map(|(key, value)| (key, value.as_str()))
    }

    /// Names and values, in order of name.
    pub fn values(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.0.iter()
    }

    /// The text of this name.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&str> {
        self.0.get(key).map(Value::as_str)
    }

    /// The value of this name.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|key| (key.as_str(), "***")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let map = pairs
            .iter()
            .map(|(k, v)| (k.parse().unwrap(), (*v).to_owned()))
            .collect();
        Variables::new(map).unwrap()
    }

    #[test]
    fn the_app_wins_over_the_stack_and_that_over_the_environment() {
        let environment = variables(&[("A", "env"), ("B", "env"), ("C", "env")]);
        let stack = variables(&[("B", "stack"), ("C", "stack")]);
        let app = variables(&[("C", "app")]);
        let all = Variables::layered([&environment, &stack, &app]);
        assert_eq!(
            all,
            variables(&[("A", "env"), ("B", "stack"), ("C", "app")])
        );
    }

    #[test]
    fn what_no_process_could_get_is_refused() {
        let set = |value: String| Variables::new([("K".parse().unwrap(), value)].into());
        assert!(matches!(
            set("a\0b".to_owned()),
            Err(BadVariable::Nul { .. })
        ));
        assert!(matches!(
            set("x".repeat(VALUE_MAX)),
            Err(BadVariable::TooLong { .. })
        ));
        assert!(set("x".repeat(VALUE_MAX - 4)).is_ok());
        let many = (0..9)
            .map(|n| (format!("K{n}").parse().unwrap(), "x".repeat(120 * 1024)))
            .collect();
        assert!(matches!(
            Variables::new(many),
            Err(BadVariable::SetTooLong { .. })
        ));
        for bad in ["", "1A", "A-B", "A=B", "PORT", "JOCKEY_X"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_that_repeats_a_number_leaves_it_one() {
        let key: Key = "WORKERS".parse().unwrap();
        let bare = |text: &str| [(key.clone(), Value::bare(text.to_owned()))].into();
        let quoted = |text: &str| [(key.clone(), Value::from(text.to_owned()))].into();
        let said = |variables: &Variables| {
            let value = variables.value(&key).unwrap();
            (value.as_str().to_owned(), value.said())
        };
        let number = Variables::new(bare("3")).unwrap();
        let again = number.changed(quoted("3"), &[]).unwrap();
        assert_eq!(said(&again), ("3".to_owned(), Said::Bare));
        let other = number.changed(quoted("4"), &[]).unwrap();
        assert_eq!(said(&other), ("4".to_owned(), Said::Quoted));
        let back = other.changed(bare("4"), &[]).unwrap();
        assert_eq!(said(&back), ("4".to_owned(), Said::Bare));
    }

    #[test]
    fn debug_shows_no_value() {
        let text = format!("{:?}", variables(&[("TOKEN", "hunter2")]));
        assert_eq!(text, r#"{"TOKEN": "***"}"#);
        assert_eq!(format!("{:?}", Value::bare("42".to_owned())), "***");
    }
}

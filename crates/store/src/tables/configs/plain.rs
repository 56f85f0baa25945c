//! What is within a sealed Config Set.

use crate::fault::{Fault, corrupt};
use domain::config::{Key, Said, Value, Variables};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A value within a sealed set: a text as it is, what was said as a number or a truth value in a list.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept<T> {
    Quoted(T),
    Bare([T; 1]),
}

pub(super) fn encode(variables: &Variables) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let map: BTreeMap<&str, Kept<&str>> = variables
        .values()
        .map(|(key, value)| match value.said() {
            Said::Quoted => (key.as_str(), Kept::Quoted(value.as_str())),
            Said::Bare => (key.as_str(), Kept::Bare([value.as_str()])),
        })
        .collect();
    serde_json::to_vec(&map)
        .map(Zeroizing::new)
        .map_err(corrupt)
}

pub(super) fn decode(plain: &[u8]) -> Result<Variables, Fault> {
    // The parser's error may quote what it stumbled over, which is a secret.
    let odd = || corrupt("a config value is not as it was written");
    let map: BTreeMap<String, Kept<String>> = serde_json::from_slice(plain).map_err(|_| odd())?;
    let value = |kept| match kept {
        Kept::Quoted(text) => Value::from(text),
        Kept::Bare([text]) => Value::bare(text),
    };
    let named: Result<BTreeMap<Key, Value>, Fault> = map
        .into_iter()
        .map(|(key, kept)| Ok((key.parse().map_err(corrupt)?, value(kept))))
        .collect();
    Variables::new(named?).map_err(corrupt)
}

//! Composite values as the database keeps them: JSON, by mirrors of the domain's types.
//!
//! Each mirror is taken apart and put together field by field, so that a new field of the domain does not compile until
//! it is stored. What is optional has a default: rows of earlier versions read back.

pub(crate) mod deploy;
pub(crate) mod pushes;
pub(crate) mod recipe;
pub(crate) mod reconcile;
pub(crate) mod worker;

use crate::fault::{Fault, corrupt};
use serde::{Serialize, de::DeserializeOwned};

/// A domain value that is kept as JSON.
pub(crate) trait Stored: Sized {
    type Mirror: Serialize + DeserializeOwned;
    fn mirror(&self) -> Self::Mirror;
    fn restore(mirror: Self::Mirror) -> Result<Self, Fault>;
}

pub(crate) fn write<T: Stored>(value: &T) -> Result<String, Fault> {
    plain(&value.mirror())
}

pub(crate) fn read<T: Stored>(text: &str) -> Result<T, Fault> {
    T::restore(unplain(text)?)
}

/// What is its own mirror: texts, lists and maps of them.
pub(crate) fn plain(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(corrupt)
}

pub(crate) fn unplain<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(corrupt)
}

impl<T: Stored> Stored for Vec<T> {
    type Mirror = Vec<T::Mirror>;
    fn mirror(&self) -> Self::Mirror {
        self.iter().map(Stored::mirror).collect()
    }
    fn restore(mirror: Self::Mirror) -> Result<Self, Fault> {
        mirror.into_iter().map(T::restore).collect()
    }
}

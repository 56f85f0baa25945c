//! Between messages and the words of the domain. Total towards the wire; towards the domain, refusals name the field.

pub(crate) mod access;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod config;
pub(crate) mod deploy;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod instance;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod plan;
pub(crate) mod reconcile;
pub(crate) mod release;
pub(crate) mod run;
pub(crate) mod stack;
pub(crate) mod system;
pub(crate) mod time;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod version;
pub(crate) mod webhook;
pub(crate) mod worker;

use crate::status::Refusal;
use std::{fmt::Display, str::FromStr};

/// Reads a field that the domain checks.
pub(crate) fn parse<T>(field: &str, text: &str) -> Result<T, Refusal>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| Refusal::field(field, error))
}

/// As `parse`; none for an empty text.
pub(crate) fn parse_some<T>(field: &str, text: &str) -> Result<Option<T>, Refusal>
where
    T: FromStr<Err: Display>,
{
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

/// The id of a record; empty for one that a preview has not made.
fn id(id: impl Display, number: i64) -> String {
    match number {
        0 | i64::MAX => String::new(),
        _ => id.to_string(),
    }
}

/// An unknown value of an enum, from a newer client.
fn unknown_value(field: &str, number: i32) -> Refusal {
    Refusal::field(
        field,
        format!("this server does not know the value {number}"),
    )
}

//! One file a table: its row, its queries, and the methods of the port about it.

mod adoptions;
pub(crate) mod app_hooks;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod build_lines;
pub(crate) mod builds;
pub(crate) mod configs;
pub(crate) mod deliveries;
pub(crate) mod deploys;
pub(crate) mod environments;
pub(crate) mod events;
mod fences;
pub(crate) mod instance_ends;
pub(crate) mod intents;
pub(crate) mod jobs;
pub(crate) mod joined;
pub(crate) mod kept_images;
pub(crate) mod leases;
mod lookups;
pub(crate) mod meta;
mod node_leases;
pub(crate) mod nodes;
mod people;
pub(crate) mod reconciles;
pub(crate) mod releases;
pub(crate) mod requests;
mod retention;
mod runs;
pub(crate) mod service_names;
pub(crate) mod sessions;
pub(crate) mod stacks;
pub(crate) mod tokens;
pub(crate) mod views;
pub(crate) mod webhooks;
pub(crate) mod workers;

use diesel::sql_types::{Integer, Text};
use domain::Timestamp;
use ports::store::{Change, Listed, Numbered, Page};
use std::{borrow::Cow, time::Duration};

/// The most records of a page.
const PAGE_MAX: u32 = 1000;

/// How many rows to read for a page: one more than it holds, which tells whether there is another.
fn rows(page: Page) -> i64 {
    i64::from(page.size.clamp(1, PAGE_MAX)) + 1
}

/// How many rows a numbered page has, and how many come before it.
fn counted(page: Numbered) -> (i64, i64) {
    let size = page.size.clamp(1, PAGE_MAX);
    let skipped = i64::try_from(page.skipped()).unwrap_or(i64::MAX);
    (i64::from(size), skipped)
}

diesel::define_sql_function! {
    /// So many characters of a text, from a place on, of which the first is 1. Unlike LIKE it takes no character for
    /// another one, in either database.
    fn substr(text: Text, from: Integer, count: Integer) -> Text;
}

/// Whether a column's text starts with another one.
macro_rules! starts_with {
    ($column:expr, $prefix:expr) => {
        super::substr(
            $column,
            1,
            i32::try_from($prefix.chars().count()).unwrap_or(i32::MAX),
        )
        .eq($prefix)
    };
}
use starts_with;

/// A boxed query in the order of a column, and of ids among equals.
macro_rules! sorted {
    ($query:expr, $page:expr, $column:expr, $id:expr) => {
        match $page.order {
            ports::store::SortOrder::Ascending => $query.order(($column.asc(), $id.asc())),
            ports::store::SortOrder::Descending => $query.order(($column.desc(), $id.asc())),
        }
    };
}
use sorted;

/// The same for a column that may hold nothing, which comes first on its way up: databases differ in that.
macro_rules! sorted_some {
    ($query:expr, $page:expr, $column:expr, $id:expr) => {
        match $page.order {
            ports::store::SortOrder::Ascending => {
                $query.order(($column.is_not_null().asc(), $column.asc(), $id.asc()))
            }
            ports::store::SortOrder::Descending => {
                $query.order(($column.is_not_null().desc(), $column.desc(), $id.asc()))
            }
        }
    };
}
use sorted_some;

/// The page out of the rows that were read for it, each with its number.
fn listed<T>(mut rows: Vec<(i64, T)>, page: Page) -> Listed<T> {
    let size = usize::try_from(page.size.clamp(1, PAGE_MAX)).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().map(|(number, _)| *number);
    Listed {
        next: last.filter(|_| more),
        items: rows.into_iter().map(|(_, item)| item).collect(),
    }
}

/// When a record was changed: later than it was changed before, whatever the clock says, so that a change is seen.
fn touched(before: i64, change: &Change) -> i64 {
    change
        .at
        .max(Timestamp::from_micros(before) + Duration::from_micros(1))
        .micros()
}

/// Words from outside as they can be kept: PostgreSQL takes no text with a zero in it.
fn fit(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
    }
}

fn time(stored: Option<i64>) -> Option<Timestamp> {
    stored.map(Timestamp::from_micros)
}

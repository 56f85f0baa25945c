//! What the calls of the legacy API mean, where that differs from those of `jockey.v1`: whole records where those have
//! names, pages with numbers, deploys and reconciles that refuse to run beside others, logs made of lines and events.

pub mod apps;
pub mod builds;
pub mod config_sets;
pub mod deploys;
mod embedded;
pub mod live;
pub mod logs;
pub mod nodes;
pub mod reconciles;
pub mod sanity;
pub mod workers;

pub use embedded::{BuildView, Embedded};

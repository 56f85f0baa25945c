//! The JSON API of the original Jockey, over HTTP, as its clients call it. One file a section of it, one test an endpoint
//! or an error.

mod apps;
mod builds;
mod client;
mod config_sets;
mod deploys;
mod environments;
mod logs;
mod reconciles;
mod rules;
mod system;
mod workers;

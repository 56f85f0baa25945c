//! One service, one file: reads the request, calls the use case, writes the answer.

mod access;
mod apps;
mod audit;
mod builds;
mod config_sets;
mod deploys;
mod environments;
mod events;
mod github;
pub(crate) mod health;
mod instances;
mod nodes;
mod reconciles;
mod releases;
mod runs;
mod sessions;
mod stacks;
mod system;
mod tokens;
mod users;
mod versions;
mod webhooks;
mod workers;

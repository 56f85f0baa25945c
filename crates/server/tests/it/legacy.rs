//! The JSON API of the original Jockey, over HTTP, as its clients call it. One file a section of it, one test an endpoint
//! or an error.

mod apps;
mod builds;
mod client;
mod config_sets;
mod deploys;
mod environments;
mod hooks;
mod logs;
mod old_client;
mod people;
mod plans;
mod reconciles;
mod rules;
mod system;
mod workers;

/// What is said of a callback to where clouds keep credentials.
const INSIDE: &str = "Validation failed: Callback url is invalid: 169.254.169.254 is not called: it is a link-local \
                      address, where cloud metadata is; whoever runs the server may allow it by --callback-allow";

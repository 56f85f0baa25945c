//! The Docker Engine of one node, as `Runtime` and as `Images`.
//!
//! Requests are made by pure functions (`body`, `labels`) and sent by `engine`; answers that differ between versions of
//! the Engine are read by the few fields that are needed. Nothing here decides anything, keeps a truth of its own, or
//! touches what does not bear the Installation's label.

mod body;
mod docker;
mod engine;
mod failure;
mod images;
mod instances;
mod labels;
mod moment;
mod passes;
mod query;
mod silence;
mod transport;

pub use docker::{Builder, Docker, Facts, Settings};
pub use instances::Singleton;
pub use passes::{AuthFile, NoPasses, PassProgram};
pub use transport::{
    Carried, Certificates, Shown, Wallet,
    address::{Address, BadAddress, Place, Remote},
};

//! The traits between the use cases and the outside world, in the words of `domain`, each with its contract.
//!
//! A port belongs to its caller: verbs that the controller says, types of the domain, nothing of bollard, diesel or
//! HTTP in a signature. Each has a `contract` of tests that the fake and the real adapter both pass. Nothing here
//! does anything by itself.

pub mod authority;
pub mod build_engine;
pub mod catalog;
pub mod clock;
pub mod code_host;
pub mod directory;
pub mod fleet;
pub mod images;
pub mod notifier;
#[cfg(feature = "contract")]
pub mod outage;
pub mod passes;
pub mod prober;
pub mod processes;
pub mod runtime;
pub mod sign_in;
pub mod source;
pub mod store;

pub use authority::Authority;
pub use build_engine::BuildEngine;
pub use catalog::Catalog;
pub use clock::{Clock, Ids};
pub use code_host::CodeHost;
pub use directory::Directory;
pub use fleet::Fleet;
pub use images::Images;
pub use notifier::Notifier;
pub use passes::Passes;
pub use prober::Prober;
pub use processes::Processes;
pub use runtime::Runtime;
pub use sign_in::SignIn;
pub use source::Source;
pub use store::Store;

/// What a call that may be repeated found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It made it so.
    Done,
    /// It was so already.
    WasSo,
}

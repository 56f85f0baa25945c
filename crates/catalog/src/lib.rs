//! Which hosts there are and which instances get traffic (`Catalog`), and whether an instance serves (`Prober`).
//!
//! Absent: any truth of its own. What is registered is what the server registered; after a start it registers again.

mod consul;
mod embedded;
mod listed;
mod probe;

pub use consul::{
    BadAddress, BadSettings, BadTls, Consul, HOST_WORD_COUNTS, Host, HostAgent, Own, OwnCheck,
    Settings, TlsFiles,
};
pub use embedded::{Embedded, Machine};
pub use listed::{BadList, Listed};
pub use probe::Probes;

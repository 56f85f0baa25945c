//! Which hosts there are and which instances get traffic (`Catalog`), and whether an instance serves (`Prober`).
//!
//! Absent: any truth of its own. What is registered is what the server registered; after a start it registers again.

mod embedded;
mod probe;

pub use embedded::{Embedded, Machine};
pub use probe::Probes;

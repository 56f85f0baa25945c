//! What people ask for: one file per entity. A use case resolves names, checks what cannot be, changes what is stored
//! in transactions, and answers with what it made and with the plan that follows. It never touches an instance: the
//! control loops see the change and act.

pub mod app_hooks;
pub mod apps;
pub mod audit;
pub mod builds;
pub mod callbacks;
pub mod configs;
pub mod ctx;
pub mod deploys;
pub mod environments;
pub mod error;
pub mod etag;
pub mod events;
mod find;

pub mod instances;
pub mod legacy;
pub mod names;
pub mod nodes;
pub mod outcome;
mod paging;
pub mod reconciles;
mod redeploy;
pub mod releases;
pub mod runs;
pub mod stacks;
pub mod system;
pub mod tokens;
pub mod users;
pub mod versions;
pub mod webhooks;
pub mod workers;

pub use crate::disk::Mode;
pub use ctx::Ctx;
pub use error::{Error, Kind, NameHolder, NotVouched};
pub use etag::Etag;
pub use outcome::{Done, EnvironmentPlan, Intended, Record, Verb};
use paging::{all, filtered};

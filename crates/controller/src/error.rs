//! What a use case can answer instead of its result.

use ports::{catalog, runtime, store};

/// What the control loop, or a look at the world, can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
    #[error(transparent)]
    UnknownNode(#[from] ports::fleet::UnknownNode),
    /// The plan would do what no plan may. A defect: it is not performed.
    #[error("the plan breaks a rule and is not performed: {0}")]
    BadPlan(String),
}

impl Error {
    /// Whether the lease under which this was tried is another server's by now.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        matches!(self, Self::Store(store::Error::Fenced { .. }))
    }

    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Catalog(error) => error.is_transient(),
            Self::Runtime(error) => error.is_transient(),
            Self::UnknownNode(_) | Self::BadPlan(_) => false,
        }
    }
}

//! One node's images.

#[cfg(feature = "contract")]
pub mod contract;

use crate::Effect;
use async_trait::async_trait;
use bytes::Bytes;
use domain::{ByteSize, ImageRef, Timestamp};
use futures_util::stream::BoxStream;
use secrecy::SecretString;
use std::{collections::BTreeMap, io};
use tokio::sync::mpsc;

/// What a node can answer instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no image {0}")]
    Missing(String),
    /// A step of the build failed. The lines have told how.
    #[error("{0}")]
    Failed(String),
    /// The build ended, and no step of it has failed. Worth a retry.
    #[error("the builder broke off: {0}")]
    Interrupted(String),
    /// The stream of the context ended with an error.
    #[error("the build context could not be read: {0}")]
    Context(String),
    #[error("there is no disk space left on the node: {0}")]
    DiskFull(String),
    #[error("the registry refused: {0}")]
    Registry(String),
    /// Worth a retry; meanwhile what has the image needs no registry.
    #[error("the registry does not answer: {0}")]
    RegistryDown(String),
    /// Worth a retry.
    #[error("the node does not answer: {0}")]
    Unreachable(String),
    #[error("the node refused: {0}")]
    Refused(String),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::RegistryDown(_) | Self::Interrupted(_)
        )
    }
}

/// One image to build. The context is a tar stream; the adapter sends it on as it comes.
pub struct ImageBuild {
    /// Uncompressed tar.
    pub context: BoxStream<'static, io::Result<Bytes>>,
    /// Path of the Dockerfile within the context.
    pub dockerfile: String,
    /// Put on the image; `jockey.installation` among them is added by the adapter.
    pub labels: BTreeMap<String, String>,
    /// What a Dockerfile may mount with `--mount=type=secret,id=…`. Never in a layer, a log or an error.
    pub secrets: BTreeMap<String, SecretString>,
    /// Where each line of the build's output goes. When nobody reads, the build waits.
    pub lines: mpsc::Sender<String>,
}

/// An image of this Installation on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedImage {
    pub image: ImageRef,
    /// Names and digests under which it is known besides its id.
    pub names: Vec<String>,
    /// What it takes alone and together with others.
    pub size: ByteSize,
    pub created_at: Timestamp,
    /// Its labels that begin with `jockey.`.
    pub labels: BTreeMap<String, String>,
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    pub id: ImageRef,
    /// By which a registry knows it; none before it was pushed.
    pub digests: Vec<String>,
    pub has_healthcheck: HasHealthcheck,
}

/// Whether an image brings a HEALTHCHECK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasHealthcheck {
    Yes,
    No,
}

/// What is held on the node's disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskUse {
    /// All images, whoever made them.
    pub images: ByteSize,
    /// Those of this Installation.
    pub own_images: ByteSize,
    /// Writable layers of this Installation's instances.
    pub own_instances: ByteSize,
    pub build_cache: ByteSize,
}

/// One node's images. Only this Installation's are ever removed: those that bear its label and a name that Jockey gave
/// them, and no other. The label alone says little: whatever is made `FROM` an image, or of one of its containers, has it
/// too. A name that somebody else gave keeps an image.
#[async_trait]
pub trait Images: Send + Sync {
    /// Builds an image and answers its id. It is this Installation's at once, so that one that nobody comes to name is
    /// found and removed. Dropping the future cancels the build.
    ///
    /// # Errors
    /// `Failed` when a step of it fails, `Interrupted`, `Context`, `DiskFull`, `Unreachable`.
    async fn build(&self, build: ImageBuild) -> Result<ImageRef, Error>;

    /// What an image says of itself, by id, digest or name.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`.
    async fn inspect(&self, image: &str) -> Result<ImageFacts, Error>;

    /// Gives the image a name, so that nobody takes it for dangling. That of its build
    /// ([`ImageRef::is_named_by_its_build`]) makes it this Installation's for good, and with it so is
    /// [`ImageRef::latest_beside`]; any other is somebody's own. A name is of one image: what had it has it no more.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`.
    async fn tag(&self, image: &ImageRef, name: &str) -> Result<Effect, Error>;

    /// Pushes a name, and answers the digest under which the registry knows it.
    ///
    /// # Errors
    /// `Missing`, `Registry`, `RegistryDown`, `Unreachable`.
    async fn push(&self, name: &str) -> Result<ImageRef, Error>;

    /// Fetches an image that is pinned in a registry. `WasSo` when it is there.
    ///
    /// # Errors
    /// `Missing` when no registry has it, `Registry`, `RegistryDown`, `DiskFull`, `Unreachable`.
    async fn pull(&self, image: &ImageRef) -> Result<Effect, Error>;

    /// The images of this Installation that nobody else has named, unlabelled layers of its own builds included. Each before what it stands on, so that
    /// in this order they can be removed.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn list(&self) -> Result<Vec<OwnedImage>, Error>;

    /// Takes an image of this Installation away, with all of its names. `WasSo` when it is not there.
    ///
    /// # Errors
    /// `Refused` when it is used, or is not this Installation's alone; `Unreachable`.
    async fn remove(&self, image: &ImageRef) -> Result<Effect, Error>;

    /// What is held on the node's disk.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn disk_use(&self) -> Result<DiskUse, Error>;

    /// Leaves this much of the node's build cache, what was used last, and takes the rest away, whoever it was made for:
    /// the cache does not say. What a build under way uses stays. Answers how much has gone.
    ///
    /// # Errors
    /// `Unreachable`.
    async fn trim_build_cache(&self, keep: ByteSize) -> Result<ByteSize, Error>;
}

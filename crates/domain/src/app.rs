//! An App: all of its code in one repository.

use crate::{AppId, AppName, Pushes, RepoName, StackId, Timestamp};

/// One application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub name: AppName,
    pub repo: RepoName,
    pub stack: StackId,
    /// How its commits become images.
    pub recipe: Recipe,
    /// Whether a push to the repository starts a Build. Default true.
    pub subscribe_to_github_webhook: bool,
    /// Which pushes, and what follows from them.
    pub pushes: Pushes,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a commit becomes an image. Two builds of one commit with equal recipes are one build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Recipe {
    /// Path of the Dockerfile in the repository, without a leading `/`. Default `Dockerfile`.
    pub dockerfile: Option<String>,
    /// What builds a commit that has no Dockerfile. Default: the server's.
    pub builder: Option<Builder>,
    /// Names of the build secrets that a Dockerfile may mount. Their values are not part of the recipe.
    pub secrets: Vec<String>,
}

impl Recipe {
    /// The Dockerfile's path, chosen or default.
    #[must_use]
    pub fn dockerfile(&self) -> &str {
        self.dockerfile.as_deref().unwrap_or("Dockerfile")
    }

    /// The same with a builder, if it has none of its own and a commit may need one: where a Dockerfile is named, none does.
    #[must_use]
    pub fn or_builder(mut self, builder: Option<&Builder>) -> Self {
        if self.builder.is_none() && self.dockerfile.is_none() {
            self.builder = builder.cloned();
        }
        self
    }
}

/// An image that turns source into an image by buildpacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Builder {
    /// The image's name, as the Docker Engine takes it.
    pub image: String,
    /// Where it wants the source, and which program compiles it.
    pub layout: BuilderLayout,
}

crate::words! {
    /// The conventions of a builder image. In both, `/start <name>` runs a process of the Procfile.
    BuilderLayout {
        /// Source in `/tmp/app`, compiled by `/build`.
        Herokuish => "herokuish",
        /// Source in `/app`, compiled by `/build/builder`.
        Buildstep => "buildstep",
    }
}

impl BuilderLayout {
    /// Where the source goes in the image.
    #[must_use]
    pub const fn source_dir(self) -> &'static str {
        match self {
            Self::Herokuish => "/tmp/app",
            Self::Buildstep => "/app",
        }
    }

    /// The program that compiles it.
    #[must_use]
    pub const fn compiler(self) -> &'static str {
        match self {
            Self::Herokuish => "/build",
            Self::Buildstep => "/build/builder",
        }
    }
}

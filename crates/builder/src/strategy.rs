//! How a commit becomes an image.

use bytes::Bytes;
use domain::{app::Builder, build};
use ports::build_engine::{BuildOrder, Error};

use crate::tree::Tree;

/// The Dockerfile that we add to a commit without one. It is taken out of the image again, so that an app whose tree
/// has a file of this name loses that one alone.
const GENERATED: &str = ".jockey.Dockerfile";

/// Runs a process of the Procfile, in every layout.
const START: &str = "/start";

/// How a commit becomes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// By a Dockerfile of its own.
    Dockerfile { path: String },
    /// By a builder image, which finds out by itself what the source is.
    Buildpacks { builder: Builder },
}

impl Strategy {
    /// Chooses: the Dockerfile, where there is one, else the App's builder, else the server's.
    ///
    /// # Errors
    /// `NoStrategy`; `NoDockerfile` when the App names one that is not there; `BadBuilder` for one that is no image name.
    pub(crate) fn choose(
        order: &BuildOrder,
        tree: &Tree,
        default_builder: Option<&Builder>,
    ) -> Result<Self, Error> {
        if let Some(path) = tree.dockerfile.clone() {
            return Ok(Self::Dockerfile { path });
        }
        let (repo, commit) = (order.repo.clone(), order.commit.short().to_owned());
        if let Some(dockerfile) = order.recipe.dockerfile.clone() {
            return Err(Error::NoDockerfile {
                repo,
                dockerfile,
                commit,
            });
        }
        match order.recipe.builder.as_ref().or(default_builder) {
            Some(builder) if is_image_name(&builder.image) => Ok(Self::Buildpacks {
                builder: builder.clone(),
            }),
            Some(builder) => Err(Error::BadBuilder(builder.image.clone())),
            None => Err(Error::NoStrategy {
                repo,
                dockerfile: order.recipe.dockerfile().to_owned(),
                commit,
            }),
        }
    }

    /// Path of the Dockerfile within the context.
    pub(crate) fn dockerfile(&self) -> &str {
        match self {
            Self::Dockerfile { path } => path,
            Self::Buildpacks { .. } => GENERATED,
        }
    }

    /// What is added to the context.
    pub(crate) fn added_files(&self) -> Vec<(String, Bytes)> {
        match self {
            Self::Dockerfile { .. } => Vec::new(),
            Self::Buildpacks { builder } => {
                vec![(GENERATED.to_owned(), generated(builder).into())]
            }
        }
    }

    /// As it goes on record.
    pub(crate) fn recorded(&self) -> build::Strategy {
        match self {
            Self::Dockerfile { .. } => build::Strategy::Dockerfile,
            Self::Buildpacks { builder } => build::Strategy::Buildpacks(builder.clone()),
        }
    }

    /// For people, behind "using ".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Dockerfile { path } => path.clone(),
            Self::Buildpacks { builder } => {
                format!("the builder {} ({})", builder.image, builder.layout)
            }
        }
    }
}

fn generated(builder: &Builder) -> String {
    let Builder { image, layout } = builder;
    let (source, compiler) = (layout.source_dir(), layout.compiler());
    format!(
        "FROM {image}\nADD . {source}\nRUN rm -f {source}/{GENERATED} && {compiler}\nCMD [\"{START}\", \"web\"]\n"
    )
}

/// How an image that a builder made runs a process.
pub(crate) fn start_command(process: &str) -> Vec<String> {
    vec![START.to_owned(), process.to_owned()]
}

fn is_image_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

//! How a commit becomes an image: what is asked for, and what was chosen.

use super::Stored;
use crate::fault::{Fault, parse};
use domain::{
    app::{Builder, Recipe},
    build::Strategy,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct RecipeJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dockerfile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    builder: Option<BuilderJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BuilderJson {
    image: String,
    layout: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StrategyJson {
    Dockerfile,
    Buildpacks(BuilderJson),
}

impl Stored for Builder {
    type Mirror = BuilderJson;

    fn mirror(&self) -> BuilderJson {
        let Self { image, layout } = self;
        BuilderJson {
            image: image.clone(),
            layout: layout.to_string(),
        }
    }

    fn restore(BuilderJson { image, layout }: BuilderJson) -> Result<Self, Fault> {
        Ok(Self {
            image,
            layout: parse(&layout)?,
        })
    }
}

impl Stored for Strategy {
    type Mirror = StrategyJson;

    fn mirror(&self) -> StrategyJson {
        match self {
            Self::Dockerfile => StrategyJson::Dockerfile,
            Self::Buildpacks(builder) => StrategyJson::Buildpacks(builder.mirror()),
        }
    }

    fn restore(mirror: StrategyJson) -> Result<Self, Fault> {
        Ok(match mirror {
            StrategyJson::Dockerfile => Self::Dockerfile,
            StrategyJson::Buildpacks(builder) => Self::Buildpacks(Builder::restore(builder)?),
        })
    }
}

/// Equal recipes have equal text, by which builds are shared: a default of a later version is left out.
impl Stored for Recipe {
    type Mirror = RecipeJson;

    fn mirror(&self) -> RecipeJson {
        let Self {
            dockerfile,
            builder,
            secrets,
        } = self;
        RecipeJson {
            dockerfile: dockerfile.clone(),
            builder: builder.as_ref().map(Builder::mirror),
            secrets: secrets.clone(),
        }
    }

    fn restore(mirror: RecipeJson) -> Result<Self, Fault> {
        Ok(Self {
            dockerfile: mirror.dockerfile,
            builder: mirror.builder.map(Builder::restore).transpose()?,
            secrets: mirror.secrets,
        })
    }
}

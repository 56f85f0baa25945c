//! How a commit becomes an image.

use super::Stored;
use crate::fault::{Fault, parse};
use domain::app::{Builder, Recipe};
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
struct BuilderJson {
    image: String,
    layout: String,
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
            builder: builder
                .as_ref()
                .map(|Builder { image, layout }| BuilderJson {
                    image: image.clone(),
                    layout: layout.to_string(),
                }),
            secrets: secrets.clone(),
        }
    }

    fn restore(mirror: RecipeJson) -> Result<Self, Fault> {
        let builder = mirror.builder.map(|BuilderJson { image, layout }| {
            Ok::<_, Fault>(Builder {
                image,
                layout: parse(&layout)?,
            })
        });
        Ok(Self {
            dockerfile: mirror.dockerfile,
            builder: builder.transpose()?,
            secrets: mirror.secrets,
        })
    }
}

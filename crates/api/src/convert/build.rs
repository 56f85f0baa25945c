//! Builds.

use super::{app, id, time, unknown_value};
use crate::status::Refusal;
use controller::usecases::builds::BuildView;
use domain::{BuildState, app::Recipe, build::Strategy};
use proto::v1;

pub(crate) fn wire(view: &BuildView) -> v1::Build {
    let build = &view.build;
    v1::Build {
        id: id(build.id, build.id.number()),
        app: view.app.clone(),
        r#ref: build.git_ref.to_string(),
        commit: build.commit.to_string(),
        state: state(build.state).into(),
        strategy: strategy(build.strategy.as_ref()).into(),
        image: build
            .image
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        reason: build.reason.clone().unwrap_or_default(),
        recipe: Some(recipe(&build.recipe)),
        create_time: Some(time::wire(build.created_at)),
        end_time: build.completed_at.map(time::wire),
        builder: match &build.strategy {
            Some(Strategy::Buildpacks(builder)) => Some(app::builder(builder)),
            Some(Strategy::Dockerfile) | None => None,
        },
    }
}

const fn strategy(chosen: Option<&Strategy>) -> v1::BuildStrategy {
    match chosen {
        None => v1::BuildStrategy::Unspecified,
        Some(Strategy::Dockerfile) => v1::BuildStrategy::Dockerfile,
        Some(Strategy::Buildpacks(_)) => v1::BuildStrategy::Buildpacks,
    }
}

fn recipe(recipe: &Recipe) -> v1::BuildRecipe {
    v1::BuildRecipe {
        dockerfile: recipe.dockerfile().to_owned(),
        builder: recipe.builder.as_ref().map(app::builder),
        secrets: recipe.secrets.clone(),
    }
}

const fn state(state: BuildState) -> v1::BuildState {
    match state {
        BuildState::InProgress => v1::BuildState::InProgress,
        BuildState::Completed => v1::BuildState::Completed,
        BuildState::Failed => v1::BuildState::Failed,
        BuildState::Cancelled => v1::BuildState::Cancelled,
    }
}

pub(crate) fn parse_state(number: i32) -> Result<Option<BuildState>, Refusal> {
    Ok(match v1::BuildState::try_from(number) {
        Ok(v1::BuildState::Unspecified) => None,
        Ok(v1::BuildState::InProgress) => Some(BuildState::InProgress),
        Ok(v1::BuildState::Completed) => Some(BuildState::Completed),
        Ok(v1::BuildState::Failed) => Some(BuildState::Failed),
        Ok(v1::BuildState::Cancelled) => Some(BuildState::Cancelled),
        Err(_) => return Err(unknown_value("state", number)),
    })
}

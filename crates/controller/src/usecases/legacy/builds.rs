//! Builds in numbered pages, with their Apps.

use super::{BuildView, Embedded};
use crate::usecases::{Ctx, Error, Kind, Mode, builds};
use domain::{BuildId, BuildState, CommitSha, GitRef};
use ports::store::{Counted, Numbered, builds::BuildChoice};

/// Which Builds are listed; an empty text is every App, no state every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub app: String,
    pub states: Vec<BuildState>,
    pub commit: Option<CommitSha>,
}

/// A page of Builds.
///
/// # Errors
/// `Unknown` (the App).
pub async fn list(ctx: &Ctx, filter: &Filter, page: Numbered) -> Result<Counted<BuildView>, Error> {
    let choice = BuildChoice {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        states: filter.states.clone(),
        commit: filter.commit.clone(),
    };
    let found = ctx.store().number_builds(&choice, page).await?;
    let mut embedded = Embedded::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for build in found.items {
        items.push(embedded.with_app(build).await?);
    }
    Ok(Counted {
        items,
        total: found.total,
    })
}

/// The Build of this id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, id: BuildId) -> Result<BuildView, Error> {
    let found = Embedded::new(ctx).build(id).await?;
    found.ok_or_else(|| Error::unknown(Kind::Build, id.number()))
}

/// Asks for a Build.
///
/// # Errors
/// `Unknown`, `Source`.
pub async fn create(ctx: &Ctx, app: &str, git_ref: GitRef) -> Result<BuildView, Error> {
    let asked = builds::create(ctx, app, git_ref, Mode::Run).await?;
    Embedded::new(ctx).with_app(asked.value.build).await
}

//! Releases.

use super::{Ctx, Error, names::Names};
use domain::{CommitSha, Release};
use ports::store::{Listed, Page};

/// A Release with the names of its App and Environment.
#[derive(Debug, Clone)]
pub struct ReleaseView {
    pub release: Release,
    pub app: String,
    pub environment: String,
    pub image: Image,
}

/// Whether the image of a Release is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    Kept,
    /// Its commit is built again when it is deployed.
    Gone,
}

/// One Release.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<ReleaseView, Error> {
    let release = ctx.release(which).await?;
    view(ctx, &mut Names::new(ctx), release).await
}

/// A page of Releases, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    commit: Option<&CommitSha>,
    page: Page,
) -> Result<Listed<ReleaseView>, Error> {
    let app = ctx.any_app(app).await?.map(|app| app.id);
    let environment = ctx.any_environment(environment).await?.map(|e| e.id);
    let found = super::filtered(
        page,
        |page| ctx.store().list_releases(app, environment, page),
        |release: &Release| commit.is_none_or(|commit| release.commit == *commit),
        |release| release.id.number(),
    )
    .await?;
    let mut names = Names::new(ctx);
    let (apps, environments) = (
        found.items.iter().map(|release| release.app),
        found.items.iter().map(|release| release.environment),
    );
    names.know(apps, environments).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for release in found.items {
        items.push(view(ctx, &mut names, release).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

async fn view(ctx: &Ctx, names: &mut Names<'_>, release: Release) -> Result<ReleaseView, Error> {
    let image = if ctx.store().image_is_kept(&release.image).await? {
        Image::Kept
    } else {
        Image::Gone
    };
    Ok(ReleaseView {
        app: names.app(release.app).await?,
        environment: names.environment(release.environment).await?,
        image,
        release,
    })
}

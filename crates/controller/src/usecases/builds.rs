//! Builds.

use super::{
    Ctx, Done, Error, Intended, Mode, Record, Verb,
    deploys::{commit_of, records_of_build},
    names::Names,
};
use domain::{App, Build, BuildId, BuildState, CommitSha, GitRef, build::Wanted};
use ports::{
    runtime::Follow,
    store::{
        self, Listed, Page,
        builds::{BuildFilter, BuildLine, BuildOutcome, NewBuild, Requested},
    },
};
use std::time::Duration;

/// How many lines are read at once.
const LINES: u32 = 500;
/// How often a build that is followed is looked at. Lines are written down at most ten times a second.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A Build with the name of its App.
#[derive(Debug, Clone)]
pub struct BuildView {
    pub build: Build,
    pub app: String,
}

/// Which Builds are listed; an empty text is every App.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub app: String,
    pub state: Option<BuildState>,
    pub commit: Option<CommitSha>,
}

/// Asks for a Build of a commit that somebody pushed.
pub(crate) async fn request(
    ctx: &Ctx,
    app: &App,
    git_ref: GitRef,
    commit: CommitSha,
) -> Result<Build, Error> {
    let message = format!("pushed {} of {} to {git_ref}", commit.short(), app.name);
    let new = NewBuild {
        app: app.id,
        git_ref,
        commit,
        recipe: ctx.deps.settings.recipe_of(app),
        wanted: Wanted::ByItself,
    };
    let requested = ctx.store().request_build(new, &ctx.change(message)).await?;
    Ok(requested.into_build())
}

/// Asks for a Build. The same App, commit and recipe share one.
///
/// # Errors
/// `Unknown`, `Source`.
pub async fn create(
    ctx: &Ctx,
    app: &str,
    git_ref: GitRef,
    mode: Mode,
) -> Result<Done<BuildView>, Error> {
    let app = ctx.app(app).await?;
    let commit = commit_of(ctx, &app, &git_ref).await?;
    let name = app.name.to_string();
    let new = NewBuild {
        app: app.id,
        git_ref,
        commit,
        recipe: ctx.deps.settings.recipe_of(&app),
        wanted: Wanted::ByItself,
    };
    let change = ctx.change(format!(
        "asked for {} of {name} to be built",
        new.commit.short()
    ));
    let mut requested = ctx.store_for(mode).request_build(new, &change).await?;
    if let (Mode::Preview, Requested::Fresh(build)) = (mode, &mut requested) {
        build.id = BuildId::new(0);
    }
    let plan = planned(&app, &requested);
    let value = BuildView {
        build: requested.into_build(),
        app: name,
    };
    Ok(Done { value, plan })
}

fn planned(app: &App, requested: &Requested) -> Intended {
    match requested {
        Requested::Fresh(build) => Intended {
            records: records_of_build(app, &build.commit).into(),
            instances: Vec::new(),
        },
        Requested::Shared(_) => Intended::default(),
    }
}

/// One Build.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<BuildView, Error> {
    let build = ctx.build(which).await?;
    let app = Names::new(ctx).app(build.app).await?;
    Ok(BuildView { build, app })
}

/// A page of Builds, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<BuildView>, Error> {
    let filter = BuildFilter {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        state: filter.state,
        commit: filter.commit.clone(),
    };
    let found = ctx.store().list_builds(&filter, page).await?;
    let mut names = Names::new(ctx);
    let apps = found.items.iter().map(|build| build.app);
    names.know(apps, []).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for build in found.items {
        items.push(BuildView {
            app: names.app(build.app).await?,
            build,
        });
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

/// Cancels a Build that is in progress. Deploys that wait for it fail.
///
/// # Errors
/// `Unknown`, `Invalid`, `BuildOver`.
pub async fn cancel(ctx: &Ctx, which: &str, mode: Mode) -> Result<Done<BuildView>, Error> {
    let mut view = get(ctx, which).await?;
    let id = view.build.id;
    let over = |state| Error::BuildOver { build: id, state };
    if view.build.state.is_final() {
        return Err(over(view.build.state));
    }
    let outcome = BuildOutcome::Cancelled {
        reason: format!("cancelled by {}", ctx.actor),
    };
    let change = ctx.change(format!("cancelled {id}"));
    let store = ctx.store_for(mode);
    view.build = match store.finish_build(id, outcome, None, &change).await {
        Ok(build) => build,
        Err(store::Error::Stale { .. }) => return Err(over(ctx.build(which).await?.state)),
        Err(error) => return Err(error.into()),
    };
    let record = Record::new(
        Verb::Cancel,
        format!("build {id}"),
        "deploys that wait for it fail",
    )
    .within(&view.app, "");
    Ok(Done::recorded(view, record))
}

/// Follows the lines of a Build, after one.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn follow(ctx: Ctx, which: &str, after: i64, follow: Follow) -> Result<Lines, Error> {
    let build = ctx.build(which).await?.id;
    Ok(Lines {
        ctx,
        build,
        after,
        follow,
    })
}

/// A reader's place in the lines of a Build. It reads at its own pace, always from the store.
pub struct Lines {
    ctx: Ctx,
    build: BuildId,
    after: i64,
    follow: Follow,
}

impl Lines {
    /// The next lines, at least one, in order. None: that was all.
    ///
    /// # Errors
    /// `Unknown` when the Build is gone, and those of the database.
    pub async fn next(&mut self) -> Option<Result<Vec<BuildLine>, Error>> {
        let mut newest = self.ctx.deps.store.newest_event();
        loop {
            newest.mark_unchanged();
            match self.read().await {
                Ok((lines, state)) if lines.is_empty() => {
                    if self.follow == Follow::No || state.is_final() {
                        return None;
                    }
                }
                Ok((lines, _)) => return Some(Ok(lines)),
                Err(error) => return Some(Err(error)),
            }
            // Both may be dropped: each is only a reason to look again. Lines come without events.
            tokio::select! {
                _ = newest.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn read(&mut self) -> Result<(Vec<BuildLine>, BuildState), Error> {
        // The state first: what was written before it was final is read after it.
        let build = self.ctx.build(&self.build.to_string()).await?;
        let store = self.ctx.store();
        let lines = store.build_lines(self.build, self.after, LINES).await?;
        self.after = lines.last().map_or(self.after, |line| line.number);
        Ok((lines, build.state))
    }
}

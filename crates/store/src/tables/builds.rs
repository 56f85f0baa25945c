//! Builds.

pub(super) mod images;
mod numbered;
mod waiting;

use super::{apps, build_lines, fit, listed, meta, rows, time};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, missing, parse, parse_some, stale},
    json,
    schema::builds,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    App, AppId, Build, BuildId, BuildState, CommitSha, GitRef, ImageRef, Timestamp,
    build::{Strategy, Wanted},
};
use ports::store::{
    Builds, Change, Counted, Error, Fence, Listed, Numbered, Page,
    builds::{BuildChoice, BuildFilter, BuildLine, BuildOutcome, NewBuild, Requested},
    deploys::KeptImage,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = builds)]
pub(super) struct BuildRow {
    id: i64,
    app: i64,
    git_ref: String,
    commit_sha: String,
    recipe: String,
    strategy: Option<String>,
    wanted: String,
    state: String,
    image: Option<String>,
    workers: String,
    reason: Option<String>,
    created_at: i64,
    completed_at: Option<i64>,
}

impl BuildRow {
    pub(super) fn build(self) -> Result<Build, Fault> {
        Ok(Build {
            id: BuildId::new(self.id),
            app: AppId::new(self.app),
            git_ref: parse(&self.git_ref)?,
            commit: parse(&self.commit_sha)?,
            recipe: json::read(&self.recipe)?,
            strategy: self.strategy.as_deref().map(json::read).transpose()?,
            wanted: parse(&self.wanted)?,
            state: parse(&self.state)?,
            image: parse_some(self.image.as_deref())?,
            workers: json::read(&self.workers)?,
            reason: self.reason,
            created_at: Timestamp::from_micros(self.created_at),
            completed_at: time(self.completed_at),
        })
    }
}

/// The Build of this id.
pub(super) fn load(conn: &mut Conn, id: BuildId) -> Result<Build, Fault> {
    find(conn, id)?.ok_or_else(|| missing("build", id))
}

pub(super) fn find(conn: &mut Conn, id: BuildId) -> Result<Option<Build>, Fault> {
    let row: Option<BuildRow> = builds::table
        .find(id.number())
        .select(BuildRow::as_select())
        .first(conn)
        .optional()?;
    row.map(BuildRow::build).transpose()
}

/// Those of these ids, in one query.
pub(super) fn load_all(conn: &mut Conn, ids: Vec<i64>) -> Result<Vec<Build>, Fault> {
    let found: Vec<BuildRow> = builds::table
        .filter(builds::id.eq_any(ids))
        .select(BuildRow::as_select())
        .load(conn)?;
    found.into_iter().map(BuildRow::build).collect()
}

fn about(build: &Build) -> About {
    About::of_app(build.id, build.app)
}

/// The newest Build that serves as well: in progress, or completed and its image not gone.
fn serving(conn: &mut Conn, new: &NewBuild) -> Result<Option<Build>, Fault> {
    let in_progress = builds::state.eq(BuildState::InProgress.as_str());
    let kept = builds::state
        .eq(BuildState::Completed.as_str())
        .and(builds::image_kept.eq(true));
    let rows: Vec<BuildRow> = builds::table
        .filter(builds::app.eq(new.app.number()))
        .filter(builds::commit_sha.eq(new.commit.as_str()))
        .filter(in_progress.or(kept))
        .order(builds::id.desc())
        .select(BuildRow::as_select())
        .load(conn)?;
    for row in rows {
        let build = row.build()?;
        if build.is_made_by(&new.recipe) {
            return Ok(Some(build));
        }
    }
    Ok(None)
}

fn request(tx: &mut Tx<'_>, new: &NewBuild, change: &Change) -> Result<Requested, Fault> {
    apps::load(tx.conn, new.app)?;
    if let Some(mut shared) = serving(tx.conn, new)? {
        tx.will_change(shared.id)?;
        tx.concerns(shared.id);
        if new.wanted == Wanted::ByItself && shared.wanted != Wanted::ByItself {
            shared.wanted = Wanted::ByItself;
            diesel::update(builds::table.find(shared.id.number()))
                .set(builds::wanted.eq(Wanted::ByItself.as_str()))
                .execute(tx.conn)?;
        }
        return Ok(Requested::Shared(shared));
    }
    let row: BuildRow = diesel::insert_into(builds::table)
        .values((
            builds::app.eq(new.app.number()),
            builds::git_ref.eq(new.git_ref.as_str()),
            builds::commit_sha.eq(new.commit.as_str()),
            builds::recipe.eq(json::write(&new.recipe)?),
            builds::wanted.eq(new.wanted.as_str()),
            builds::state.eq(BuildState::InProgress.as_str()),
            builds::image_kept.eq(true),
            builds::workers.eq("[]"),
            builds::created_at.eq(change.at.micros()),
        ))
        .returning(columns::<BuildRow>())
        .get_result(tx.conn)?;
    let build = row.build()?;
    tx.made(build.id);
    tx.tell("build.requested", about(&build), change)?;
    Ok(Requested::Fresh(build))
}

/// Writes one down whose image was found running. What its commit declares is not known, so that it serves no request:
/// the next Deploy of the commit builds it.
pub(super) fn add_completed(
    conn: &mut Conn,
    app: &App,
    commit: &CommitSha,
    image: &ImageRef,
    change: &Change,
) -> Result<BuildId, Fault> {
    let id: i64 = diesel::insert_into(builds::table)
        .values((
            builds::app.eq(app.id.number()),
            builds::git_ref.eq(GitRef::head().as_str()),
            builds::commit_sha.eq(commit.as_str()),
            builds::recipe.eq(json::write(&app.recipe)?),
            builds::wanted.eq(Wanted::ByDeploys.as_str()),
            builds::state.eq(BuildState::Completed.as_str()),
            builds::image.eq(image.as_str()),
            builds::image_kept.eq(false),
            builds::workers.eq("[]"),
            builds::created_at.eq(change.at.micros()),
            builds::completed_at.eq(change.at.micros()),
        ))
        .returning(builds::id)
        .get_result(conn)?;
    Ok(BuildId::new(id))
}

fn finish(
    tx: &mut Tx<'_>,
    id: BuildId,
    outcome: BuildOutcome,
    change: &Change,
) -> Result<Build, Fault> {
    tx.will_change(id)?;
    let mut build = load(tx.conn, id)?;
    let from = build.state;
    build.state = from
        .after(outcome.event())
        .map_err(|_| stale("build", id))?;
    build.completed_at = Some(change.at);
    let kind = match outcome {
        BuildOutcome::Completed { image, workers } => {
            build.image = Some(image);
            build.workers = workers;
            "build.completed"
        }
        BuildOutcome::Failed { reason } => {
            build.reason = Some(reason);
            "build.failed"
        }
        BuildOutcome::Cancelled { reason } => {
            build.reason = Some(reason);
            "build.cancelled"
        }
    };
    for declared in &build.workers {
        meta::expect_named_ports(tx.conn, &declared.spec)?;
    }
    let unmoved = builds::table
        .find(id.number())
        .filter(builds::state.eq(from.as_str()));
    let moved = diesel::update(unmoved)
        .set((
            builds::state.eq(build.state.as_str()),
            builds::image.eq(build.image.as_ref().map(ImageRef::as_str)),
            builds::workers.eq(json::write(&build.workers)?),
            builds::reason.eq(build.reason.as_deref().map(fit)),
            builds::completed_at.eq(change.at.micros()),
        ))
        .execute(tx.conn)?;
    if moved == 0 {
        return Err(stale("build", id));
    }
    tx.tell(kind, about(&build), change)?;
    Ok(build)
}

#[async_trait]
impl Builds for Store {
    async fn request_build(&self, new: NewBuild, change: &Change) -> Result<Requested, Error> {
        let act = move |tx: &mut Tx<'_>, change: &Change| request(tx, &new, change);
        self.begin(change, act, |asked| asked.build().id.to_string())
            .await
    }

    async fn find_build(&self, id: BuildId) -> Result<Option<Build>, Error> {
        self.read(move |conn| find(conn, id)).await
    }

    async fn list_builds(&self, filter: &BuildFilter, page: Page) -> Result<Listed<Build>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let mut query = builds::table
                .filter(builds::id.lt(page.after.unwrap_or(i64::MAX)))
                .select(BuildRow::as_select())
                .into_boxed::<Backend>();
            if let Some(app) = filter.app {
                query = query.filter(builds::app.eq(app.number()));
            }
            if let Some(state) = filter.state {
                query = query.filter(builds::state.eq(state.as_str()));
            }
            if let Some(commit) = &filter.commit {
                query = query.filter(builds::commit_sha.eq(commit.as_str()));
            }
            let found: Vec<BuildRow> = query
                .order(builds::id.desc())
                .limit(rows(page))
                .load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.build()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn number_builds(
        &self,
        choice: &BuildChoice,
        page: Numbered,
    ) -> Result<Counted<Build>, Error> {
        let choice = choice.clone();
        self.read(move |conn| numbered::page(conn, &choice, page))
            .await
    }

    async fn finish_build(
        &self,
        id: BuildId,
        outcome: BuildOutcome,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Build, Error> {
        let fence = fence.cloned();
        self.change(change, move |tx, change| {
            fence.iter().try_for_each(|fence| tx.guard(fence))?;
            finish(tx, id, outcome, change)
        })
        .await
    }

    async fn note_strategy(
        &self,
        id: BuildId,
        strategy: &Strategy,
        fence: &Fence,
    ) -> Result<(), Error> {
        let (strategy, fence) = (strategy.clone(), fence.clone());
        self.write(move |tx| {
            tx.guard(&fence)?;
            let noted = diesel::update(builds::table.find(id.number()))
                .set(builds::strategy.eq(json::write(&strategy)?))
                .execute(tx.conn)?;
            if noted == 0 {
                return Err(missing("build", id));
            }
            Ok(())
        })
        .await
    }

    async fn append_build_lines(
        &self,
        id: BuildId,
        lines: &[String],
        at: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error> {
        let (lines, fence) = (lines.to_vec(), fence.clone());
        self.write(move |tx| {
            tx.guard(&fence)?;
            load(tx.conn, id)?;
            build_lines::append(tx.conn, id, &lines, at)
        })
        .await
    }

    async fn build_lines(
        &self,
        id: BuildId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BuildLine>, Error> {
        self.read(move |conn| build_lines::after(conn, id, after, limit))
            .await
    }

    async fn last_build_lines(&self, id: BuildId, count: u32) -> Result<Vec<String>, Error> {
        self.read(move |conn| build_lines::last(conn, id, count))
            .await
    }

    async fn waiting_for_build(&self, id: BuildId) -> Result<u32, Error> {
        self.read(move |conn| waiting::count(conn, id)).await
    }

    async fn set_build_step(&self, id: BuildId, step: &str, fence: &Fence) -> Result<(), Error> {
        let (step, fence) = (step.to_owned(), fence.clone());
        self.write(move |tx| {
            tx.guard(&fence)?;
            waiting::tell(tx.conn, id, &step)
        })
        .await
    }

    async fn forget_image(&self, image: &ImageRef, change: &Change) -> Result<(), Error> {
        let image = image.clone();
        self.change(change, move |tx, _| Ok(images::forget(tx, &image)?))
            .await
    }

    async fn give_up_images(
        &self,
        given: &[ImageRef],
        retained: u32,
        recent: Timestamp,
        change: &Change,
    ) -> Result<Vec<KeptImage>, Error> {
        let given = given.to_vec();
        self.change(change, move |tx, _| {
            images::give_up(tx, &given, retained, recent)
        })
        .await
    }

    async fn image_is_kept(&self, image: &ImageRef) -> Result<bool, Error> {
        let image = image.clone();
        self.read(move |conn| Ok(images::is_kept(conn, &image)?))
            .await
    }
}

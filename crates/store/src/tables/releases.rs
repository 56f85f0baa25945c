//! Releases.

use super::{builds, configs, deploys, listed, rows, workers};
use crate::{
    conn::{Backend, Conn},
    fault::{Fault, missing, parse},
    json,
    schema::releases,
    tx::Tx,
};
use diesel::prelude::*;
use domain::{
    AppId, BuildId, ConfigVersionId, Deploy, EnvironmentId, ImageRef, Release, ReleaseId, Scale,
    Timestamp, WorkerSpec,
    build::{self, DeclaredWorker},
    config::ConfigVersions,
    worker::WorkerSource,
};
use ports::store::{Change, Listed, Page, deploys::NewRelease, workers::NewWorker};

#[derive(Queryable, Selectable)]
#[diesel(table_name = releases)]
pub(super) struct ReleaseRow {
    id: i64,
    app: i64,
    environment: i64,
    build: i64,
    commit_sha: String,
    image: String,
    config_environment: Option<i64>,
    config_stack: Option<i64>,
    config_app: Option<i64>,
    workers: String,
    created_at: i64,
}

impl ReleaseRow {
    fn release(self) -> Result<Release, Fault> {
        Ok(Release {
            id: ReleaseId::new(self.id),
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            build: BuildId::new(self.build),
            commit: parse(&self.commit_sha)?,
            image: parse(&self.image)?,
            config: ConfigVersions {
                environment: self.config_environment.map(ConfigVersionId::new),
                stack: self.config_stack.map(ConfigVersionId::new),
                app: self.config_app.map(ConfigVersionId::new),
            },
            workers: json::read(&self.workers)?,
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

pub(super) fn load(conn: &mut Conn, id: ReleaseId) -> Result<Release, Fault> {
    find(conn, id)?.ok_or_else(|| missing("release", id))
}

pub(super) fn find(conn: &mut Conn, id: ReleaseId) -> Result<Option<Release>, Fault> {
    let row: Option<ReleaseRow> = releases::table
        .find(id.number())
        .select(ReleaseRow::as_select())
        .first(conn)
        .optional()?;
    row.map(ReleaseRow::release).transpose()
}

/// Those of these ids, in one query.
pub(super) fn load_all(conn: &mut Conn, ids: Vec<i64>) -> Result<Vec<Release>, Fault> {
    let found: Vec<ReleaseRow> = releases::table
        .filter(releases::id.eq_any(ids))
        .select(ReleaseRow::as_select())
        .load(conn)?;
    found.into_iter().map(ReleaseRow::release).collect()
}

pub(super) fn list(
    conn: &mut Conn,
    app: Option<AppId>,
    environment: Option<EnvironmentId>,
    page: Page,
) -> Result<Listed<Release>, Fault> {
    let mut query = releases::table
        .filter(releases::id.lt(page.after.unwrap_or(i64::MAX)))
        .select(ReleaseRow::as_select())
        .into_boxed::<Backend>();
    if let Some(app) = app {
        query = query.filter(releases::app.eq(app.number()));
    }
    if let Some(environment) = environment {
        query = query.filter(releases::environment.eq(environment.number()));
    }
    let found: Vec<ReleaseRow> = query
        .order(releases::id.desc())
        .limit(rows(page))
        .load(conn)?;
    let found: Result<Vec<_>, Fault> = found
        .into_iter()
        .map(|row| Ok((row.id, row.release()?)))
        .collect();
    Ok(listed(found?, page))
}

/// Notes that it ran: its image is retained.
pub(super) fn note_deployed(conn: &mut Conn, id: ReleaseId) -> QueryResult<()> {
    diesel::update(releases::table.find(id.number()))
        .set(releases::was_deployed.eq(true))
        .execute(conn)
        .map(drop)
}

/// Makes the Release of a Deploy, or finds the equal one that is deployed now.
pub(super) fn make(
    tx: &mut Tx<'_>,
    deploy: &Deploy,
    new: NewRelease,
    change: &Change,
) -> Result<Release, Fault> {
    let wanted = match new {
        NewRelease::OfBuild {
            build,
            image,
            workers,
        } => Release {
            id: ReleaseId::new(0),
            app: deploy.app,
            environment: deploy.environment,
            build,
            commit: builds::load(tx.conn, build)?.commit,
            image,
            config: configs::newest(tx.conn, deploy.app, deploy.environment)?,
            workers: merge(tx, deploy, &workers, change)?,
            created_at: change.at,
        },
        NewRelease::Again { release, image } => again(tx, deploy, release, image, change)?,
    };
    match equal_deployed(tx.conn, &wanted)? {
        Some(there) => Ok(there),
        None => add(tx.conn, wanted),
    }
}

fn equal_deployed(conn: &mut Conn, wanted: &Release) -> Result<Option<Release>, Fault> {
    let deployed = deploys::deployed(conn, wanted.app, wanted.environment)?;
    let Some(there) = deployed.and_then(|deploy| deploy.release) else {
        return Ok(None);
    };
    let there = load(conn, there)?;
    Ok(there.is_as(wanted).then_some(there))
}

pub(super) fn add(conn: &mut Conn, release: Release) -> Result<Release, Fault> {
    let Release {
        id: _,
        app,
        environment,
        build,
        commit,
        image,
        config,
        workers,
        created_at,
    } = &release;
    let id: i64 = diesel::insert_into(releases::table)
        .values((
            releases::app.eq(app.number()),
            releases::environment.eq(environment.number()),
            releases::build.eq(build.number()),
            releases::commit_sha.eq(commit.as_str()),
            releases::image.eq(image.as_str()),
            releases::config_environment.eq(config.environment.map(ConfigVersionId::number)),
            releases::config_stack.eq(config.stack.map(ConfigVersionId::number)),
            releases::config_app.eq(config.app.map(ConfigVersionId::number)),
            releases::workers.eq(json::write(workers)?),
            releases::was_deployed.eq(false),
            releases::created_at.eq(created_at.micros()),
        ))
        .returning(releases::id)
        .get_result(conn)?;
    Ok(Release {
        id: ReleaseId::new(id),
        ..release
    })
}

/// An earlier Release again. Workers that were deleted since are met again: a scale has to live somewhere.
fn again(
    tx: &mut Tx<'_>,
    deploy: &Deploy,
    release: ReleaseId,
    image: ImageRef,
    change: &Change,
) -> Result<Release, Fault> {
    let earlier = load(tx.conn, release)?;
    let stored = workers::of(tx.conn, deploy.app, deploy.environment)?;
    for spec in &earlier.workers {
        if stored.iter().all(|worker| worker.spec.name != spec.name) {
            let scale = Scale::first_of(&spec.name);
            meet(tx, deploy, spec, scale, WorkerSource::Image, change)?;
        }
    }
    Ok(Release {
        image,
        created_at: change.at,
        ..earlier
    })
}

/// Stores the commit's Workers that count, and says what the Release has.
fn merge(
    tx: &mut Tx<'_>,
    deploy: &Deploy,
    declared: &[DeclaredWorker],
    change: &Change,
) -> Result<Vec<WorkerSpec>, Fault> {
    let stored = workers::of(tx.conn, deploy.app, deploy.environment)?;
    for worker in build::that_count(declared, &stored) {
        let name = &worker.spec.name;
        match stored.iter().find(|known| known.spec.name == *name) {
            None => meet(
                tx,
                deploy,
                &worker.spec,
                worker.first_scale,
                worker.source,
                change,
            )?,
            Some(known) if known.spec == worker.spec && known.source == worker.source => {}
            Some(known) => {
                workers::define(tx, known, &worker.spec, worker.source, change)?;
            }
        }
    }
    Ok(build::definitions(declared, &stored))
}

fn meet(
    tx: &mut Tx<'_>,
    deploy: &Deploy,
    spec: &WorkerSpec,
    scale: Scale,
    source: WorkerSource,
    change: &Change,
) -> Result<(), Fault> {
    let new = NewWorker {
        app: deploy.app,
        environment: deploy.environment,
        spec: spec.clone(),
        scale,
    };
    workers::add(tx, &new, source, change).map(drop)
}

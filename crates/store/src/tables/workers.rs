//! Workers: definitions for the next Release, and scales.

mod rename;

use super::{apps, environments, listed, meta, rows, service_names, touched};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, corrupt, exists, is_taken, missing, parse, stale},
    json,
    schema::workers,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, EnvironmentId, Scale, Timestamp, Worker, WorkerId, WorkerName, WorkerSpec,
    build::DeclaredWorker, worker::WorkerSource,
};
use ports::store::{
    Change, Error, Fence, Listed, Page, Workers,
    workers::{NewWorker, Restart, WorkerFilter},
};
use scheduler::input::RestartOnly;

#[derive(Queryable, Selectable)]
#[diesel(table_name = workers)]
pub(super) struct WorkerRow {
    id: i64,
    app: i64,
    environment: i64,
    spec: String,
    scale: i64,
    source: String,
    restart_before: Option<i64>,
    restart_only: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl WorkerRow {
    pub(super) fn worker(&self) -> Result<Worker, Fault> {
        Ok(Worker {
            id: WorkerId::new(self.id),
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            spec: json::read(&self.spec)?,
            scale: json::worker::scale(self.scale)?,
            source: parse(&self.source)?,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }

    pub(super) fn restart(&self) -> Result<Option<Restart>, Fault> {
        let (Some(before), Some(only)) = (self.restart_before, &self.restart_only) else {
            return Ok(None);
        };
        Ok(Some(Restart {
            before: Timestamp::from_micros(before),
            only: match only.as_str() {
                "all" => RestartOnly::All,
                "unhealthy" => RestartOnly::Unhealthy,
                "healthy" => RestartOnly::Healthy,
                other => return Err(corrupt(format!("a restart of `{other}`"))),
            },
        }))
    }
}

const fn word(only: RestartOnly) -> &'static str {
    match only {
        RestartOnly::All => "all",
        RestartOnly::Unhealthy => "unhealthy",
        RestartOnly::Healthy => "healthy",
    }
}

fn about(worker: &Worker) -> About {
    About::within(worker.id, worker.app, worker.environment)
}

fn load(conn: &mut Conn, id: WorkerId) -> Result<Worker, Fault> {
    by_id(conn, id)?.ok_or_else(|| missing("worker", id))
}

pub(super) fn by_id(conn: &mut Conn, id: WorkerId) -> Result<Option<Worker>, Fault> {
    let row: Option<WorkerRow> = workers::table
        .find(id.number())
        .select(WorkerRow::as_select())
        .first(conn)
        .optional()?;
    row.as_ref().map(WorkerRow::worker).transpose()
}

fn by_name(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
    name: &WorkerName,
) -> Result<Option<Worker>, Fault> {
    let row: Option<WorkerRow> = workers::table
        .filter(workers::app.eq(app.number()))
        .filter(workers::environment.eq(environment.number()))
        .filter(workers::name.eq(name.as_str()))
        .select(WorkerRow::as_select())
        .first(conn)
        .optional()?;
    row.as_ref().map(WorkerRow::worker).transpose()
}

/// Those of an App in an Environment, in order of name.
pub(super) fn of(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
) -> Result<Vec<Worker>, Fault> {
    let found: Vec<WorkerRow> = workers::table
        .filter(workers::app.eq(app.number()))
        .filter(workers::environment.eq(environment.number()))
        .order(workers::name)
        .select(WorkerRow::as_select())
        .load(conn)?;
    found.iter().map(WorkerRow::worker).collect()
}

/// All of an Environment, in order of name.
pub(super) fn within(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<Vec<WorkerRow>> {
    workers::table
        .filter(workers::environment.eq(environment.number()))
        .order(workers::name)
        .select(WorkerRow::as_select())
        .load(conn)
}

/// Stores one that is not there yet, and takes its service name.
pub(super) fn add(
    tx: &mut Tx<'_>,
    new: &NewWorker,
    source: WorkerSource,
    change: &Change,
) -> Result<Worker, Fault> {
    let app = apps::load(tx.conn, new.app)?;
    let environment = environments::load(tx.conn, new.environment)?;
    service_names::take_for_worker(tx.conn, &app, &new.spec.name, &environment)?;
    meta::expect_named_ports(tx.conn, &new.spec)?;
    let row: WorkerRow = diesel::insert_into(workers::table)
        .values((
            workers::app.eq(new.app.number()),
            workers::environment.eq(new.environment.number()),
            workers::name.eq(new.spec.name.as_str()),
            workers::spec.eq(json::write(&new.spec)?),
            workers::scale.eq(i64::from(new.scale.get())),
            workers::source.eq(source.as_str()),
            workers::created_at.eq(change.at.micros()),
            workers::updated_at.eq(change.at.micros()),
        ))
        .returning(columns::<WorkerRow>())
        .get_result(tx.conn)?;
    let worker = row.worker()?;
    tx.made(worker.id);
    tx.tell("worker.created", about(&worker), change)?;
    Ok(worker)
}

/// Stores a definition. Whoever gives another name has made sure that it may change.
pub(super) fn define(
    tx: &mut Tx<'_>,
    stored: &Worker,
    spec: &WorkerSpec,
    source: WorkerSource,
    change: &Change,
) -> Result<Worker, Fault> {
    tx.will_change(stored.id)?;
    meta::expect_named_ports(tx.conn, spec)?;
    let row: WorkerRow = diesel::update(workers::table.find(stored.id.number()))
        .set((
            workers::name.eq(spec.name.as_str()),
            workers::spec.eq(json::write(spec)?),
            workers::source.eq(source.as_str()),
            workers::updated_at.eq(touched(stored.updated_at.micros(), change)),
        ))
        .returning(columns::<WorkerRow>())
        .get_result(tx.conn)
        .map_err(|error| match is_taken(&error) {
            // Only where several servers write: another's was committed since the look.
            true => exists("a worker", &spec.name),
            false => error.into(),
        })?;
    let worker = row.worker()?;
    tx.tell("worker.updated", about(&worker), change)?;
    Ok(worker)
}

fn rescale(tx: &mut Tx<'_>, id: WorkerId, scale: Scale, change: &Change) -> Result<Worker, Fault> {
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    if stored.scale == scale {
        tx.concerns(id);
        return Ok(stored);
    }
    let row: WorkerRow = diesel::update(workers::table.find(id.number()))
        .set((
            workers::scale.eq(i64::from(scale.get())),
            workers::updated_at.eq(touched(stored.updated_at.micros(), change)),
        ))
        .returning(columns::<WorkerRow>())
        .get_result(tx.conn)?;
    let worker = row.worker()?;
    tx.tell("worker.rescaled", about(&worker), change)?;
    Ok(worker)
}

fn restart(tx: &mut Tx<'_>, id: WorkerId, restart: Restart, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    diesel::update(workers::table.find(id.number()))
        .set((
            workers::restart_before.eq(restart.before.micros()),
            workers::restart_only.eq(word(restart.only)),
            workers::updated_at.eq(touched(stored.updated_at.micros(), change)),
        ))
        .execute(tx.conn)?;
    tx.tell("worker.restarted", about(&stored), change)
}

fn delete(tx: &mut Tx<'_>, id: WorkerId, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    let stored = load(tx.conn, id)?;
    service_names::free_worker(tx.conn, stored.app, stored.environment, &stored.spec.name)?;
    diesel::delete(workers::table.find(id.number())).execute(tx.conn)?;
    tx.tell("worker.deleted", about(&stored), change)
}

pub(super) fn delete_of_app(conn: &mut Conn, app: AppId) -> QueryResult<()> {
    let of_app = workers::table.filter(workers::app.eq(app.number()));
    diesel::delete(of_app).execute(conn).map(drop)
}

pub(super) fn delete_of_environment(conn: &mut Conn, id: EnvironmentId) -> QueryResult<()> {
    let within = workers::table.filter(workers::environment.eq(id.number()));
    diesel::delete(within).execute(conn).map(drop)
}

#[async_trait]
impl Workers for Store {
    async fn create_worker(&self, new: NewWorker, change: &Change) -> Result<Worker, Error> {
        self.change(change, move |tx, change| {
            if by_name(tx.conn, new.app, new.environment, &new.spec.name)?.is_some() {
                return Err(exists("a worker", &new.spec.name));
            }
            add(tx, &new, WorkerSource::Api, change)
        })
        .await
    }

    async fn find_worker(
        &self,
        app: AppId,
        environment: EnvironmentId,
        name: &WorkerName,
    ) -> Result<Option<Worker>, Error> {
        let name = name.clone();
        self.read(move |conn| by_name(conn, app, environment, &name))
            .await
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<Worker>, Error> {
        self.read(move |conn| by_id(conn, id)).await
    }

    async fn list_workers(
        &self,
        filter: &WorkerFilter,
        page: Page,
    ) -> Result<Listed<Worker>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let mut query = workers::table
                .filter(workers::id.gt(page.after.unwrap_or(0)))
                .select(WorkerRow::as_select())
                .into_boxed::<Backend>();
            if let Some(app) = filter.app {
                query = query.filter(workers::app.eq(app.number()));
            }
            if let Some(environment) = filter.environment {
                query = query.filter(workers::environment.eq(environment.number()));
            }
            if let Some(name) = &filter.name {
                query = query.filter(workers::name.eq(name.as_str()));
            }
            let found: Vec<WorkerRow> = query
                .order(workers::id.asc())
                .limit(rows(page))
                .load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .iter()
                .map(|row| Ok((row.id, row.worker()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn update_worker(
        &self,
        id: WorkerId,
        spec: &WorkerSpec,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error> {
        let spec = spec.clone();
        self.change(change, move |tx, change| {
            let stored = load(tx.conn, id)?;
            if stored.updated_at != read_at {
                return Err(stale("worker", &stored.spec.name));
            }
            if stored.spec.name != spec.name {
                rename::rename(tx, &stored, &spec.name)?;
            }
            define(tx, &stored, &spec, WorkerSource::Api, change)
        })
        .await
    }

    async fn hand_back_worker(
        &self,
        id: WorkerId,
        declared: &DeclaredWorker,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error> {
        let declared = declared.clone();
        self.change(change, move |tx, change| {
            let stored = load(tx.conn, id)?;
            if stored.updated_at != read_at {
                return Err(stale("worker", &stored.spec.name));
            }
            define(tx, &stored, &declared.spec, declared.source, change)
        })
        .await
    }

    async fn rescale(
        &self,
        scales: &[(WorkerId, Scale)],
        change: &Change,
    ) -> Result<Vec<Worker>, Error> {
        let scales = scales.to_vec();
        self.change(change, move |tx, change| {
            let each = scales.into_iter();
            each.map(|(id, scale)| rescale(tx, id, scale, change))
                .collect()
        })
        .await
    }

    async fn restart_workers(
        &self,
        workers: &[WorkerId],
        wanted: Restart,
        change: &Change,
    ) -> Result<(), Error> {
        let workers = workers.to_vec();
        self.change(change, move |tx, change| {
            workers
                .into_iter()
                .try_for_each(|id| restart(tx, id, wanted, change))
        })
        .await
    }

    async fn forget_restart(
        &self,
        id: WorkerId,
        before: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error> {
        let fence = fence.clone();
        self.write(move |tx| {
            tx.guard(&fence)?;
            let done = workers::table
                .find(id.number())
                .filter(workers::restart_before.eq(before.micros()));
            let nothing = (
                workers::restart_before.eq(None::<i64>),
                workers::restart_only.eq(None::<String>),
            );
            diesel::update(done).set(nothing).execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn delete_worker(&self, id: WorkerId, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| delete(tx, id, change))
            .await
    }
}

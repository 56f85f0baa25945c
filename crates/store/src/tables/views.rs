//! What a control loop reads of one Environment: one transaction, and as many queries however many Apps there are.

use super::{
    apps::AppRow, builds, deploys, environments, fences, instance_ends, intents, node_leases,
    nodes, reconciles, releases, stacks, workers,
};
use crate::{Store, conn::Conn, fault::Fault, schema};
use async_trait::async_trait;
use diesel::{dsl::exists, prelude::*};
use domain::{
    App, AppId, Build, BuildId, Deploy, DeployId, DeployState, EnvironmentId, Intent, Release,
    ReleaseId, Timestamp,
};
use ports::store::{
    Error, Views,
    view::{ActiveDeploy, AppView, EnvironmentView, WorkerView},
};
use std::collections::BTreeMap;

fn view(
    conn: &mut Conn,
    id: EnvironmentId,
    ends_since: Timestamp,
) -> Result<Option<EnvironmentView>, Fault> {
    let Some(environment) = environments::by_id(conn, id)? else {
        return Ok(None);
    };
    let unfinished = deploys::unfinished_within(conn, id)?;
    let numbers = unfinished.iter().map(|deploy| deploy.id.number()).collect();
    let intents = intents::standing(conn)?;
    Ok(Some(EnvironmentView {
        environment,
        stacks: stacks::all(conn)?,
        apps: app_views(conn, id, unfinished)?,
        releases: releases_of(conn, id, &intents)?,
        intents,
        ends: instance_ends::of_deploys(conn, numbers, ends_since)?,
        duties: nodes::all(conn)?,
        leases: node_leases::all(conn)?,
        fences: fences::within(conn, id)?,
        reconciles: reconciles::in_progress(conn, id)?,
    }))
}

/// Apps that have, or had, a Deploy here; deleted ones while instances of them may stand here.
fn apps_within(conn: &mut Conn, environment: EnvironmentId) -> Result<Vec<App>, Fault> {
    use schema::{apps, deploys, intents};
    let deployed = deploys::table
        .filter(deploys::app.eq(apps::id))
        .filter(deploys::environment.eq(environment.number()));
    let standing = intents::table
        .filter(intents::standing)
        .filter(intents::app.eq(apps::id))
        .filter(intents::environment.eq(environment.number()));
    let there = apps::deleted_at.is_null().and(exists(deployed));
    let gone = apps::deleted_at.is_not_null().and(exists(standing));
    let found: Vec<AppRow> = apps::table
        .filter(there.or(gone))
        .order(apps::id)
        .select(AppRow::as_select())
        .load(conn)?;
    found.into_iter().map(AppRow::app).collect()
}

fn app_views(
    conn: &mut Conn,
    environment: EnvironmentId,
    unfinished: Vec<Deploy>,
) -> Result<Vec<AppView>, Fault> {
    let mut workers = workers_by_app(conn, environment)?;
    let releases = releases_by_id(conn, &unfinished)?;
    let builds = builds_by_id(conn, &unfinished)?;
    let release_of = |deploy: &Deploy| deploy.release.and_then(|id| releases.get(&id)).cloned();
    let mut deployed = BTreeMap::new();
    let mut active: BTreeMap<AppId, Vec<ActiveDeploy>> = BTreeMap::new();
    for deploy in unfinished {
        let (app, release) = (deploy.app, release_of(&deploy));
        if deploy.state == DeployState::Deployed {
            deployed.insert(app, release.map(|release| (deploy, release)));
        } else {
            active.entry(app).or_default().push(ActiveDeploy {
                build: deploy.build.and_then(|id| builds.get(&id)).cloned(),
                deploy,
                release,
            });
        }
    }
    let views = apps_within(conn, environment)?
        .into_iter()
        .map(|app| AppView {
            workers: workers.remove(&app.id).unwrap_or_default(),
            deployed: deployed.remove(&app.id).flatten(),
            active: active.remove(&app.id).unwrap_or_default(),
            app,
        });
    Ok(views.collect())
}

fn workers_by_app(
    conn: &mut Conn,
    environment: EnvironmentId,
) -> Result<BTreeMap<AppId, Vec<WorkerView>>, Fault> {
    let mut by_app: BTreeMap<AppId, Vec<WorkerView>> = BTreeMap::new();
    for row in workers::within(conn, environment)? {
        let worker = row.worker()?;
        by_app.entry(worker.app).or_default().push(WorkerView {
            worker,
            restart: row.restart()?,
        });
    }
    Ok(by_app)
}

fn releases_by_id(
    conn: &mut Conn,
    deploys: &[Deploy],
) -> Result<BTreeMap<ReleaseId, Release>, Fault> {
    let ids = deploys.iter().filter_map(|deploy| deploy.release);
    let found = releases::load_all(conn, ids.map(ReleaseId::number).collect())?;
    Ok(found
        .into_iter()
        .map(|release| (release.id, release))
        .collect())
}

/// The Builds of those that are not done.
fn builds_by_id(conn: &mut Conn, deploys: &[Deploy]) -> Result<BTreeMap<BuildId, Build>, Fault> {
    let active = deploys.iter().filter(|deploy| deploy.state.is_active());
    let ids = active.filter_map(|deploy| deploy.build);
    let found = builds::load_all(conn, ids.map(BuildId::number).collect())?;
    Ok(found.into_iter().map(|build| (build.id, build)).collect())
}

fn releases_of(
    conn: &mut Conn,
    environment: EnvironmentId,
    intents: &[Intent],
) -> Result<BTreeMap<DeployId, ReleaseId>, Fault> {
    use schema::deploys;
    let within = intents
        .iter()
        .filter(|intent| intent.environment == environment);
    let named: std::collections::BTreeSet<i64> =
        within.map(|intent| intent.deploy.number()).collect();
    let found: Vec<(i64, Option<i64>)> = deploys::table
        .filter(deploys::id.eq_any(named))
        .select((deploys::id, deploys::release))
        .load(conn)?;
    let pair = |(deploy, release): (i64, Option<i64>)| {
        Some((DeployId::new(deploy), ReleaseId::new(release?)))
    };
    Ok(found.into_iter().filter_map(pair).collect())
}

#[async_trait]
impl Views for Store {
    async fn view(
        &self,
        environment: EnvironmentId,
        ends_since: Timestamp,
    ) -> Result<Option<EnvironmentView>, Error> {
        self.read(move |conn| view(conn, environment, ends_since))
            .await
    }
}

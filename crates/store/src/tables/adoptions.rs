//! Deploys that were found running, written down after the fact.

use super::{apps, builds, deploys, environments, intents, releases, workers};
use crate::{
    Store,
    conn::Conn,
    fault::{Fault, corrupt, exists},
    tx::Tx,
};
use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::{
    AppId, Deploy, DeployId, EnvironmentId, Release, ReleaseId, Scale,
    worker::{Resources, WorkerSource},
};
use ports::store::{Adoptions, Change, Error, adoptions::Adoption, workers::NewWorker};

/// Lets the numbers of a table go on above this one.
fn reserve(conn: &mut Conn, table: &'static str, up_to: i64) -> Result<(), Fault> {
    match conn {
        Conn::Sqlite(conn) => {
            let raised = sql_query("UPDATE sqlite_sequence SET seq = max(seq, $1) WHERE name = $2")
                .bind::<BigInt, _>(up_to)
                .bind::<Text, _>(table)
                .execute(conn)?;
            if raised == 0 {
                sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
                    .bind::<Text, _>(table)
                    .bind::<BigInt, _>(up_to)
                    .execute(conn)?;
            }
        }
        Conn::Postgres(conn) => {
            sql_query(format!(
                "SELECT setval('{table}_id_seq', greatest($1, (SELECT last_value FROM {table}_id_seq)))",
            ))
            .bind::<BigInt, _>(up_to)
            .execute(conn)?;
        }
    }
    Ok(())
}

fn adopt(tx: &mut Tx<'_>, found: &Adoption, change: &Change) -> Result<Deploy, Fault> {
    let app = apps::load(tx.conn, found.app)?;
    environments::load(tx.conn, found.environment)?;
    if deploys::find(tx.conn, found.deploy)?.is_some() {
        return Err(exists("a deploy", found.deploy));
    }
    let build = builds::add_completed(tx.conn, &app, &found.commit, &found.image, change)?;
    let release = Release {
        id: ReleaseId::new(0),
        app: found.app,
        environment: found.environment,
        build,
        commit: found.commit.clone(),
        image: found.image.clone(),
        config: found.config,
        workers: found.workers.clone(),
        created_at: change.at,
    };
    let release = releases::add(tx.conn, release)?;
    releases::note_deployed(tx.conn, release.id)?;
    meet_workers(tx, found, change)?;
    let deploy = deploys::add_deployed(tx, found.deploy, &release, change)?;
    reserve(tx.conn, "deploys", found.deploy.number())?;
    for start in &found.starts {
        intents::open(tx.conn, start, Resources::default())?;
    }
    Ok(deploy)
}

/// Stores the Workers that are not known, at the scale that was found running: a scale of nothing would stop what is
/// adopted, and one that counts the dead would start instances that nobody asked for.
fn meet_workers(tx: &mut Tx<'_>, found: &Adoption, change: &Change) -> Result<(), Fault> {
    let stored = workers::of(tx.conn, found.app, found.environment)?;
    let unknown = found
        .workers
        .iter()
        .filter(|spec| stored.iter().all(|worker| worker.spec.name != spec.name));
    for spec in unknown {
        let running = found
            .starts
            .iter()
            .filter(|start| start.worker == spec.name && found.running.contains(&start.instance));
        let count = i64::try_from(running.count()).map_err(corrupt)?;
        let new = NewWorker {
            app: found.app,
            environment: found.environment,
            spec: spec.clone(),
            scale: Scale::new(count, u16::MAX).map_err(corrupt)?,
        };
        workers::add(tx, &new, WorkerSource::Image, change)?;
    }
    Ok(())
}

#[async_trait]
impl Adoptions for Store {
    async fn reserve_deploys(&self, up_to: DeployId) -> Result<(), Error> {
        self.write(move |tx| reserve(tx.conn, "deploys", up_to.number()))
            .await
    }

    async fn reserve_apps(&self, up_to: AppId) -> Result<(), Error> {
        self.write(move |tx| reserve(tx.conn, "apps", up_to.number()))
            .await
    }

    async fn reserve_environments(&self, up_to: EnvironmentId) -> Result<(), Error> {
        self.write(move |tx| reserve(tx.conn, "environments", up_to.number()))
            .await
    }

    async fn adopt(&self, adoption: Adoption, change: &Change) -> Result<Deploy, Error> {
        self.change(change, move |tx, change| adopt(tx, &adoption, change))
            .await
    }
}

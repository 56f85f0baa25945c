//! What is forgotten when it is old.
//!
//! What stands for itself is taken by one statement. What others name is chosen by a reader first, for that takes a look
//! at every Release, and is then taken by its numbers: whatever came to name it meanwhile keeps it.

use super::PAGE_MAX;
use crate::{Store, fault::Fault, schema, tx::Tx};
use async_trait::async_trait;
use diesel::{
    dsl::{exists, not},
    prelude::*,
    sql_query,
    sql_types::BigInt,
};
use domain::{BuildId, BuildState, DeployState};
use ports::store::{
    Error, Retention,
    retention::{Keep, Old},
};

/// The most records that one call takes away: some 20 ms of the one writer.
const BATCH_MAX: u32 = PAGE_MAX;

/// The words of the states in which a Deploy has ended.
const ENDED: [&str; 3] = [
    DeployState::Stopped.as_str(),
    DeployState::Failed.as_str(),
    DeployState::Cancelled.as_str(),
];

const REQUESTS: &str = "
DELETE FROM requests WHERE (actor, id) IN
    (SELECT actor, id FROM requests WHERE at < $1 ORDER BY at LIMIT $2)";
const EVENTS: &str = "
DELETE FROM events WHERE id IN
    (SELECT id FROM events
      WHERE at < $1 AND id <= (SELECT cursor FROM outbox WHERE name = 'jobs') ORDER BY at LIMIT $2)";
const JOBS: &str = "
DELETE FROM jobs WHERE id IN
    (SELECT id FROM jobs WHERE state IN ('done', 'dead') AND updated_at < $1 ORDER BY updated_at LIMIT $2)";
const CALLBACKS: &str = "
DELETE FROM callbacks WHERE id IN (SELECT id FROM callbacks WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
const ENDS: &str = "
DELETE FROM instance_ends WHERE id IN (SELECT id FROM instance_ends WHERE at < $1 ORDER BY at LIMIT $2)";
const INTENTS: &str = "
DELETE FROM intents WHERE (instance, kind) IN
    (SELECT instance, kind FROM intents WHERE NOT standing AND closed_at < $1 ORDER BY closed_at LIMIT $2)";
const TOKENS: &str = "
DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE revoked_at < $1 ORDER BY id LIMIT $2)";
const RECONCILES: &str = "
DELETE FROM reconciles WHERE id IN
    (SELECT id FROM reconciles WHERE state <> 'in_progress' AND created_at < $1 ORDER BY id LIMIT $2)";
const RUNS: &str = "
DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";
const DELIVERIES: &str = "
DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
const BUILD_LINES: &str = "
DELETE FROM build_lines WHERE (build, number) IN
    (SELECT build_lines.build, build_lines.number
       FROM builds JOIN build_lines ON build_lines.build = builds.id
      WHERE builds.completed_at < $1 LIMIT $2)";

/// The Releases that stay however old they are: those whose images do. SQLite numbers parameters as it meets them, so
/// this one comes before the others.
const KEPT: &str = "
WITH kept AS
    (SELECT id
       FROM (SELECT releases.id AS id,
                    row_number() OVER (PARTITION BY releases.app, releases.environment ORDER BY releases.id DESC) AS age
               FROM releases
               JOIN apps ON apps.id = releases.app AND apps.deleted_at IS NULL
               JOIN environments ON environments.id = releases.environment AND environments.deleted_at IS NULL
              WHERE releases.was_deployed) AS deployed
      WHERE age <= $1)";
const DEPLOYS: &str = "
SELECT id FROM deploys
 WHERE state IN ('stopped', 'failed', 'cancelled') AND updated_at < $2
   AND id NOT IN (SELECT deploy FROM intents WHERE standing)
   AND id NOT IN (SELECT max(id) FROM deploys
                   WHERE state = 'stopped' AND release IN (SELECT id FROM kept) GROUP BY release)
 ORDER BY id LIMIT $3";
const RELEASES: &str = "
SELECT id FROM releases
 WHERE created_at < $2 AND id NOT IN (SELECT id FROM kept)
   AND NOT EXISTS (SELECT 1 FROM deploys WHERE deploys.release = releases.id)
 ORDER BY id LIMIT $3";
const BUILDS: &str = "
SELECT id FROM builds
 WHERE completed_at < $1 AND (state <> 'completed' OR NOT image_kept)
   AND NOT EXISTS (SELECT 1 FROM releases WHERE releases.build = builds.id)
   AND NOT EXISTS (SELECT 1 FROM deploys WHERE deploys.build = builds.id)
   AND NOT EXISTS (SELECT 1 FROM build_lines WHERE build_lines.build = builds.id)
 ORDER BY id LIMIT $2";
/// Replaced before that time, and not only made before it: who has just read it as the newest may still name it.
const CONFIG_VERSIONS: &str = "
SELECT id FROM config_versions
 WHERE (EXISTS (SELECT 1 FROM config_versions AS newer
                 WHERE newer.config_set = config_versions.config_set AND newer.number > config_versions.number
                   AND newer.created_at < $1)
     OR config_set IN (SELECT id FROM config_sets WHERE deleted_at < $1))
   AND NOT EXISTS (SELECT 1 FROM releases WHERE config_environment = config_versions.id)
   AND NOT EXISTS (SELECT 1 FROM releases WHERE config_stack = config_versions.id)
   AND NOT EXISTS (SELECT 1 FROM releases WHERE config_app = config_versions.id)
 ORDER BY id LIMIT $2";

/// Takes records by their numbers, but for those that are named by now, and says how many.
type Take = fn(&mut Tx<'_>, &[i64]) -> Result<usize, Fault>;

/// How records of one kind are taken.
enum Way {
    /// By one statement.
    AtOnce(&'static str),
    /// Chosen by a reader first.
    Chosen(&'static str, Take),
    /// In their own order, with what has to stay of them.
    Chain,
    /// The same as `Chosen`, of those that do not belong to a Release that is kept.
    Unkept(&'static str, Take),
}

const fn way(what: Old) -> Way {
    match what {
        Old::Requests => Way::AtOnce(REQUESTS),
        Old::Events => Way::AtOnce(EVENTS),
        Old::Jobs => Way::AtOnce(JOBS),
        Old::Callbacks => Way::AtOnce(CALLBACKS),
        Old::Ends => Way::AtOnce(ENDS),
        Old::Intents => Way::AtOnce(INTENTS),
        Old::Tokens => Way::AtOnce(TOKENS),
        Old::Reconciles => Way::AtOnce(RECONCILES),
        Old::BuildLines => Way::AtOnce(BUILD_LINES),
        Old::Runs => Way::AtOnce(RUNS),
        Old::Deliveries => Way::AtOnce(DELIVERIES),
        Old::Deploys => Way::Unkept(DEPLOYS, take_deploys),
        Old::Releases => Way::Unkept(RELEASES, take_releases),
        Old::Builds => Way::Chosen(BUILDS, take_builds),
        Old::ConfigVersions => Way::Chosen(CONFIG_VERSIONS, take_config_versions),
        Old::Audit => Way::Chain,
    }
}

#[derive(QueryableByName)]
struct Chosen {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn numbers(chosen: Vec<Chosen>) -> Vec<i64> {
    chosen.into_iter().map(|chosen| chosen.id).collect()
}

fn take_deploys(tx: &mut Tx<'_>, ids: &[i64]) -> Result<usize, Fault> {
    use schema::{deploys, intents};
    let standing = intents::table
        .filter(intents::standing)
        .select(intents::deploy);
    let ended = deploys::table
        .filter(deploys::id.eq_any(ids))
        .filter(deploys::state.eq_any(ENDED))
        .filter(deploys::id.ne_all(standing));
    Ok(diesel::delete(ended).execute(tx.conn)?)
}

fn take_releases(tx: &mut Tx<'_>, ids: &[i64]) -> Result<usize, Fault> {
    use schema::{deploys, releases};
    let named = deploys::table.filter(deploys::release.eq(releases::id.nullable()));
    let unnamed = releases::table
        .filter(releases::id.eq_any(ids))
        .filter(not(exists(named)));
    Ok(diesel::delete(unnamed).execute(tx.conn)?)
}

/// With the lease of each, which nobody asks for any more.
fn take_builds(tx: &mut Tx<'_>, ids: &[i64]) -> Result<usize, Fault> {
    use schema::{builds, deploys, leases, releases};
    let of_release = releases::table.filter(releases::build.eq(builds::id));
    let of_deploy = deploys::table.filter(deploys::build.eq(builds::id.nullable()));
    let gone = builds::state
        .ne(BuildState::Completed.as_str())
        .or(builds::image_kept.eq(false));
    let unnamed = builds::table
        .filter(builds::id.eq_any(ids))
        .filter(gone)
        .filter(not(exists(of_release)))
        .filter(not(exists(of_deploy)));
    let taken: Vec<i64> = unnamed.select(builds::id).load(tx.conn)?;
    let names = taken
        .iter()
        .map(|id| format!("build/{}", BuildId::new(*id)));
    diesel::delete(leases::table.filter(leases::name.eq_any(names))).execute(tx.conn)?;
    Ok(diesel::delete(builds::table.filter(builds::id.eq_any(taken))).execute(tx.conn)?)
}

/// With the deleted sets that have no version any more.
fn take_config_versions(tx: &mut Tx<'_>, ids: &[i64]) -> Result<usize, Fault> {
    use schema::{config_sets, config_versions, releases};
    let id = || config_versions::id.nullable();
    let unnamed = config_versions::table
        .filter(config_versions::id.eq_any(ids))
        .filter(not(exists(
            releases::table.filter(releases::config_environment.eq(id())),
        )))
        .filter(not(exists(
            releases::table.filter(releases::config_stack.eq(id())),
        )))
        .filter(not(exists(
            releases::table.filter(releases::config_app.eq(id())),
        )));
    let taken = diesel::delete(unnamed).execute(tx.conn)?;
    let versions = config_versions::table.filter(config_versions::config_set.eq(config_sets::id));
    let empty = config_sets::table
        .filter(config_sets::deleted_at.is_not_null())
        .filter(not(exists(versions)));
    diesel::delete(empty).execute(tx.conn)?;
    Ok(taken)
}

impl Store {
    /// Takes what a reader chose.
    async fn take(&self, chosen: Vec<i64>, take: Take) -> Result<usize, Error> {
        if chosen.is_empty() {
            return Ok(0);
        }
        self.write(move |tx| take(tx, &chosen)).await
    }
}

#[async_trait]
impl Retention for Store {
    async fn forget(&self, what: Old, keep: Keep, limit: u32) -> Result<u32, Error> {
        let limit = i64::from(limit.clamp(1, BATCH_MAX));
        let since = keep.since.micros();
        let taken = match way(what) {
            Way::AtOnce(statement) => {
                self.write(move |tx| {
                    let statement = sql_query(statement)
                        .bind::<BigInt, _>(since)
                        .bind::<BigInt, _>(limit);
                    Ok(statement.execute(tx.conn)?)
                })
                .await?
            }
            Way::Chain => {
                self.write(move |tx| super::audit::prune(tx, since, limit))
                    .await?
            }
            Way::Chosen(query, take) => {
                let choose = sql_query(query)
                    .bind::<BigInt, _>(since)
                    .bind::<BigInt, _>(limit);
                let chosen = self.read(move |conn| Ok(numbers(choose.load(conn)?)));
                self.take(chosen.await?, take).await?
            }
            Way::Unkept(query, take) => {
                let choose = sql_query(format!("{KEPT}{query}"))
                    .bind::<BigInt, _>(i64::from(keep.releases))
                    .bind::<BigInt, _>(since)
                    .bind::<BigInt, _>(limit);
                let chosen = self.read(move |conn| Ok(numbers(choose.load(conn)?)));
                self.take(chosen.await?, take).await?
            }
        };
        Ok(u32::try_from(taken).unwrap_or(u32::MAX))
    }
}

//! The images that must stay, and what needs them.

use crate::{
    conn::Conn,
    fault::{Fault, parse},
};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::Timestamp;
use ports::store::deploys::KeptImage;

#[derive(QueryableByName)]
struct KeptRow {
    #[diesel(sql_type = Text)]
    image: String,
    #[diesel(sql_type = Text)]
    needed_by: String,
}

/// One statement, the same for both dialects. Every part of it adds images: none takes any away.
const KEPT: &str = "
SELECT image, 'release rel-' || id || ' of ' || app || ' in ' || environment AS needed_by
  FROM (SELECT releases.id AS id, releases.image AS image, apps.name AS app, environments.name AS environment,
               row_number() OVER (PARTITION BY releases.app, releases.environment ORDER BY releases.id DESC) AS age
          FROM releases
          JOIN apps ON apps.id = releases.app AND apps.deleted_at IS NULL
          JOIN environments ON environments.id = releases.environment AND environments.deleted_at IS NULL
         WHERE releases.was_deployed) AS deployed
 WHERE age <= $1
UNION ALL
SELECT releases.image, 'deploy dep-' || deploys.id
  FROM deploys JOIN releases ON releases.id = deploys.release
 WHERE deploys.state IN ('created', 'building', 'deploying', 'deployed')
UNION ALL
SELECT builds.image, 'deploy dep-' || deploys.id
  FROM deploys JOIN builds ON builds.id = deploys.build
 WHERE deploys.state IN ('created', 'building', 'deploying', 'deployed') AND builds.image IS NOT NULL
UNION ALL
SELECT image, 'build bld-' || id
  FROM builds
 WHERE state = 'completed' AND image IS NOT NULL AND completed_at > $2
UNION ALL
SELECT releases.image, 'instance ' || intents.instance
  FROM intents
  JOIN deploys ON deploys.id = intents.deploy
  JOIN releases ON releases.id = deploys.release
 WHERE intents.standing";

pub(super) fn all(
    conn: &mut Conn,
    retained: u32,
    recent: Timestamp,
) -> Result<Vec<KeptImage>, Fault> {
    let found: Vec<KeptRow> = sql_query(KEPT)
        .bind::<BigInt, _>(i64::from(retained))
        .bind::<BigInt, _>(recent.micros())
        .load(conn)?;
    let kept = |row: KeptRow| {
        Ok(KeptImage {
            image: parse(&row.image)?,
            needed_by: row.needed_by,
        })
    };
    found.into_iter().map(kept).collect()
}

//! What ids stand for, several at once.

use super::deploys;
use crate::{
    Store,
    conn::Conn,
    fault::{Fault, parse},
    schema::{apps, builds, environments, releases, stacks},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, AppName, BuildId, Deploy, EnvironmentId, EnvironmentName, ReleaseId, StackId, StackName,
};
use ports::store::{Error, Lookups, lookups::Commits};
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// Texts by number, parsed.
fn parsed<I: Ord, T>(
    rows: Vec<(i64, String)>,
    id: impl Fn(i64) -> I,
) -> Result<BTreeMap<I, T>, Fault>
where
    T: FromStr<Err: Display>,
{
    rows.into_iter()
        .map(|(number, text)| Ok((id(number), parse(&text)?)))
        .collect()
}

fn commits(conn: &mut Conn, of_releases: &[i64], of_builds: &[i64]) -> Result<Commits, Fault> {
    let mut found = Commits::default();
    if !of_releases.is_empty() {
        let rows = releases::table
            .filter(releases::id.eq_any(of_releases))
            .select((releases::id, releases::commit_sha))
            .load(conn)?;
        found.releases = parsed(rows, ReleaseId::new)?;
    }
    if !of_builds.is_empty() {
        let rows = builds::table
            .filter(builds::id.eq_any(of_builds))
            .select((builds::id, builds::commit_sha))
            .load(conn)?;
        found.builds = parsed(rows, BuildId::new)?;
    }
    Ok(found)
}

#[async_trait]
impl Lookups for Store {
    async fn app_names(&self, of: &[AppId]) -> Result<BTreeMap<AppId, AppName>, Error> {
        let of: Vec<i64> = of.iter().map(|id| id.number()).collect();
        self.read(move |conn| {
            let rows = apps::table
                .filter(apps::id.eq_any(&of))
                .filter(apps::deleted_at.is_null())
                .select((apps::id, apps::name))
                .load(conn)?;
            parsed(rows, AppId::new)
        })
        .await
    }

    async fn environment_names(
        &self,
        of: &[EnvironmentId],
    ) -> Result<BTreeMap<EnvironmentId, EnvironmentName>, Error> {
        let of: Vec<i64> = of.iter().map(|id| id.number()).collect();
        self.read(move |conn| {
            let rows = environments::table
                .filter(environments::id.eq_any(&of))
                .filter(environments::deleted_at.is_null())
                .select((environments::id, environments::name))
                .load(conn)?;
            parsed(rows, EnvironmentId::new)
        })
        .await
    }

    async fn stack_names(&self, of: &[StackId]) -> Result<BTreeMap<StackId, StackName>, Error> {
        let of: Vec<i64> = of.iter().map(|id| id.number()).collect();
        self.read(move |conn| {
            let rows = stacks::table
                .filter(stacks::id.eq_any(&of))
                .filter(stacks::deleted_at.is_null())
                .select((stacks::id, stacks::name))
                .load(conn)?;
            parsed(rows, StackId::new)
        })
        .await
    }

    async fn commits(&self, releases: &[ReleaseId], builds: &[BuildId]) -> Result<Commits, Error> {
        let of_releases: Vec<i64> = releases.iter().map(|id| id.number()).collect();
        let of_builds: Vec<i64> = builds.iter().map(|id| id.number()).collect();
        self.read(move |conn| commits(conn, &of_releases, &of_builds))
            .await
    }

    async fn active_among(
        &self,
        apps: &[AppId],
        environments: &[EnvironmentId],
    ) -> Result<Vec<Deploy>, Error> {
        let apps: Vec<i64> = apps.iter().map(|id| id.number()).collect();
        let environments: Vec<i64> = environments.iter().map(|id| id.number()).collect();
        self.read(move |conn| deploys::active_among(conn, &apps, &environments))
            .await
    }
}

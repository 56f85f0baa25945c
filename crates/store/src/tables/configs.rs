//! Config Sets and their versions. What the database holds of a value is sealed.

mod plain;

use super::{apps, environments, listed, rows};
use crate::{
    Store,
    conn::{Conn, columns},
    fault::{Fault, corrupt, missing, number, stale},
    keys::{KeyId, Keyring},
    schema::{config_sets, config_versions},
    tables::meta,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, ConfigSetId, ConfigVersionId, EnvironmentId, StackId, Timestamp,
    config::{ConfigScope, ConfigSet, ConfigVersions, Variables},
};
use ports::store::{Change, Configs, Error, Listed, Page, configs::ConfigVersion};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Queryable, Selectable)]
#[diesel(table_name = config_sets)]
struct SetRow {
    id: i64,
    scope: String,
    newest: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = config_versions)]
struct VersionRow {
    id: i64,
    config_set: i64,
    number: i64,
    sealed: Vec<u8>,
    created_at: i64,
    created_by: String,
    summary: String,
}

impl VersionRow {
    fn variables(&self, keys: &Keyring) -> Result<Variables, Fault> {
        let plain = keys.open(&identity(self.config_set, self.number), &self.sealed)?;
        plain::decode(&plain)
    }

    fn set(&self, scope: ConfigScope, keys: &Keyring) -> Result<ConfigSet, Fault> {
        Ok(ConfigSet {
            id: ConfigSetId::new(self.config_set),
            scope,
            version: ConfigVersionId::new(self.id),
            number: number(self.number)?,
            variables: self.variables(keys)?,
            updated_at: Timestamp::from_micros(self.created_at),
            updated_by: self.created_by.clone(),
        })
    }
}

/// What a sealed value is bound to: moved to another row, it does not open.
fn identity(set: i64, number: i64) -> String {
    format!("config/{set}/{number}")
}

fn word(scope: ConfigScope) -> String {
    match scope {
        ConfigScope::Environment(environment) => environment.to_string(),
        ConfigScope::Stack(stack, environment) => format!("{stack}/{environment}"),
        ConfigScope::App(app, environment) => format!("{app}/{environment}"),
    }
}

fn scope(word: &str) -> Result<ConfigScope, Fault> {
    let Some((owner, environment)) = word.split_once('/') else {
        return Ok(ConfigScope::Environment(word.parse().map_err(corrupt)?));
    };
    let environment = environment.parse().map_err(corrupt)?;
    if let Ok(app) = owner.parse::<AppId>() {
        return Ok(ConfigScope::App(app, environment));
    }
    let stack: StackId = owner.parse().map_err(corrupt)?;
    Ok(ConfigScope::Stack(stack, environment))
}

fn find_set(conn: &mut Conn, scope: ConfigScope) -> QueryResult<Option<SetRow>> {
    config_sets::table
        .filter(config_sets::scope.eq(word(scope)))
        .filter(config_sets::deleted_at.is_null())
        .select(SetRow::as_select())
        .first(conn)
        .optional()
}

/// The newest versions of the layers of an App in an Environment.
pub(super) fn newest(
    conn: &mut Conn,
    app: AppId,
    environment: EnvironmentId,
) -> Result<ConfigVersions, Fault> {
    let stack = apps::load(conn, app)?.stack;
    let mut newest = |scope| -> QueryResult<Option<ConfigVersionId>> {
        Ok(find_set(conn, scope)?.map(|set| ConfigVersionId::new(set.newest)))
    };
    Ok(ConfigVersions {
        environment: newest(ConfigScope::Environment(environment))?,
        stack: newest(ConfigScope::Stack(stack, environment))?,
        app: newest(ConfigScope::App(app, environment))?,
    })
}

pub(super) fn by_id(
    conn: &mut Conn,
    keys: &Keyring,
    id: ConfigSetId,
) -> Result<Option<ConfigSet>, Fault> {
    let set: Option<SetRow> = config_sets::table
        .find(id.number())
        .filter(config_sets::deleted_at.is_null())
        .select(SetRow::as_select())
        .first(conn)
        .optional()?;
    let newest = |set: SetRow| find_version(conn, set.newest)?.set(scope(&set.scope)?, keys);
    set.map(newest).transpose()
}

fn find_version(conn: &mut Conn, id: i64) -> Result<VersionRow, Fault> {
    let row: Option<VersionRow> = config_versions::table
        .find(id)
        .select(VersionRow::as_select())
        .first(conn)
        .optional()?;
    row.ok_or_else(|| missing("config version", ConfigVersionId::new(id)))
}

fn about(set: &ConfigSet) -> About {
    let environment = set.scope.environment();
    match set.scope {
        ConfigScope::App(app, _) => About::within(set.id, app, environment),
        ConfigScope::Environment(_) | ConfigScope::Stack(..) => {
            About::of_environment(set.id, environment)
        }
    }
}

/// The set of a scope, made where there is none, and the number of its newest version.
fn load_or_make_set(conn: &mut Conn, wanted: ConfigScope) -> Result<(i64, i64), Fault> {
    if let Some(set) = find_set(conn, wanted)? {
        return Ok((set.id, find_version(conn, set.newest)?.number));
    }
    let app = match wanted {
        ConfigScope::App(app, _) => Some(app.number()),
        ConfigScope::Environment(_) | ConfigScope::Stack(..) => None,
    };
    let id: i64 = diesel::insert_into(config_sets::table)
        .values((
            config_sets::scope.eq(word(wanted)),
            config_sets::environment.eq(wanted.environment().number()),
            config_sets::app.eq(app),
            config_sets::newest.eq(0_i64),
        ))
        .returning(config_sets::id)
        .get_result(conn)?;
    Ok((id, 0))
}

pub(super) fn write(
    tx: &mut Tx<'_>,
    wanted: ConfigScope,
    base: Option<ConfigVersionId>,
    variables: &Variables,
    change: &Change,
) -> Result<ConfigSet, Fault> {
    environments::load(tx.conn, wanted.environment())?;
    let newest = find_set(tx.conn, wanted)?.map(|set| ConfigVersionId::new(set.newest));
    if newest != base {
        return Err(stale("config set", word(wanted)));
    }
    let (set, before) = load_or_make_set(tx.conn, wanted)?;
    match newest {
        Some(_) => tx.will_change(ConfigSetId::new(set))?,
        None => tx.made(ConfigSetId::new(set)),
    }
    let number = before + 1;
    let key = meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
    let plain = plain::encode(variables)?;
    let sealed = tx.keys.seal(key, &identity(set, number), &plain)?;
    let row: VersionRow = diesel::insert_into(config_versions::table)
        .values((
            config_versions::config_set.eq(set),
            config_versions::number.eq(number),
            config_versions::sealed.eq(sealed),
            config_versions::created_at.eq(change.at.micros()),
            config_versions::created_by.eq(&change.actor),
            config_versions::summary.eq(&change.message),
        ))
        .returning(columns::<VersionRow>())
        .get_result(tx.conn)?;
    diesel::update(config_sets::table.find(set))
        .set(config_sets::newest.eq(row.id))
        .execute(tx.conn)?;
    let written = row.set(wanted, tx.keys)?;
    tx.tell("config.changed", about(&written), change)?;
    Ok(written)
}

/// Encrypts every version again, under this key, and says how many there are.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<usize, Fault> {
    let ids: Vec<i64> = config_versions::table
        .order(config_versions::id)
        .select(config_versions::id)
        .load(tx.conn)?;
    for id in &ids {
        let row = find_version(tx.conn, *id)?;
        let row_identity = identity(row.config_set, row.number);
        let plain = tx.keys.open(&row_identity, &row.sealed)?;
        let sealed = tx.keys.seal(key, &row_identity, &plain)?;
        diesel::update(config_versions::table.find(*id))
            .set(config_versions::sealed.eq(sealed))
            .execute(tx.conn)?;
    }
    Ok(ids.len())
}

/// The sets go; their versions stay, for Releases go on naming them.
pub(super) fn delete_of_app(conn: &mut Conn, app: AppId, change: &Change) -> QueryResult<()> {
    let of_app = config_sets::table
        .filter(config_sets::app.eq(app.number()))
        .filter(config_sets::deleted_at.is_null());
    diesel::update(of_app)
        .set(config_sets::deleted_at.eq(change.at.micros()))
        .execute(conn)
        .map(drop)
}

pub(super) fn delete_of_environment(
    conn: &mut Conn,
    environment: EnvironmentId,
    change: &Change,
) -> QueryResult<()> {
    let within = config_sets::table
        .filter(config_sets::environment.eq(environment.number()))
        .filter(config_sets::deleted_at.is_null());
    diesel::update(within)
        .set(config_sets::deleted_at.eq(change.at.micros()))
        .execute(conn)
        .map(drop)
}

/// A page of the sets that are there, in order of id, without their versions.
fn page_of_sets(
    conn: &mut Conn,
    environment: Option<EnvironmentId>,
    page: Page,
) -> QueryResult<Vec<SetRow>> {
    let sets = config_sets::table
        .filter(config_sets::deleted_at.is_null())
        .filter(config_sets::id.gt(page.after.unwrap_or(0)))
        .order(config_sets::id)
        .limit(rows(page))
        .select(SetRow::as_select());
    match environment {
        Some(id) => sets
            .filter(config_sets::environment.eq(id.number()))
            .load(conn),
        None => sets.load(conn),
    }
}

#[async_trait]
impl Configs for Store {
    async fn find_config(&self, scope: ConfigScope) -> Result<Option<ConfigSet>, Error> {
        let keys = Arc::clone(&self.keys);
        self.read(move |conn| match find_set(conn, scope)? {
            Some(set) => find_version(conn, set.newest)?.set(scope, &keys).map(Some),
            None => Ok(None),
        })
        .await
    }

    async fn config_set(&self, id: ConfigSetId) -> Result<Option<ConfigSet>, Error> {
        let keys = Arc::clone(&self.keys);
        self.read(move |conn| by_id(conn, &keys, id)).await
    }

    async fn list_configs(
        &self,
        environment: Option<EnvironmentId>,
        page: Page,
    ) -> Result<Listed<ConfigSet>, Error> {
        let keys = Arc::clone(&self.keys);
        self.read(move |conn| {
            let sets = page_of_sets(conn, environment, page)?;
            let newest = sets.iter().map(|set| set.newest);
            let versions: Vec<VersionRow> = config_versions::table
                .filter(config_versions::id.eq_any(newest))
                .select(VersionRow::as_select())
                .load(conn)?;
            let versions: BTreeMap<i64, VersionRow> =
                versions.into_iter().map(|row| (row.id, row)).collect();
            let found: Result<Vec<_>, Fault> = sets
                .iter()
                .map(|set| {
                    let version = versions.get(&set.newest);
                    let version = version.ok_or_else(|| corrupt("a set without a version"))?;
                    Ok((set.id, version.set(scope(&set.scope)?, &keys)?))
                })
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn write_config(
        &self,
        scope: ConfigScope,
        base: Option<ConfigVersionId>,
        variables: &Variables,
        change: &Change,
    ) -> Result<ConfigSet, Error> {
        let variables = variables.clone();
        self.change(change, move |tx, change| {
            write(tx, scope, base, &variables, change)
        })
        .await
    }

    async fn list_config_versions(
        &self,
        scope: ConfigScope,
        page: Page,
    ) -> Result<Listed<ConfigVersion>, Error> {
        self.read(move |conn| {
            let Some(set) = find_set(conn, scope)? else {
                return Ok(listed(Vec::new(), page));
            };
            let found: Vec<VersionRow> = config_versions::table
                .filter(config_versions::config_set.eq(set.id))
                .filter(config_versions::id.lt(page.after.unwrap_or(i64::MAX)))
                .order(config_versions::number.desc())
                .limit(rows(page))
                .select(VersionRow::as_select())
                .load(conn)?;
            let version = |row: VersionRow| {
                let version = ConfigVersion {
                    id: ConfigVersionId::new(row.id),
                    scope,
                    number: number(row.number)?,
                    created_at: Timestamp::from_micros(row.created_at),
                    created_by: row.created_by,
                    summary: row.summary,
                };
                Ok((row.id, version))
            };
            let found: Result<Vec<_>, Fault> = found.into_iter().map(version).collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn config_at(&self, versions: ConfigVersions) -> Result<Variables, Error> {
        let keys = Arc::clone(&self.keys);
        self.read(move |conn| {
            let ConfigVersions {
                environment,
                stack,
                app,
            } = versions;
            let layers: Result<Vec<Variables>, Fault> = [environment, stack, app]
                .into_iter()
                .flatten()
                .map(|id| find_version(conn, id.number())?.variables(&keys))
                .collect();
            Ok(Variables::layered(&layers?))
        })
        .await
    }
}

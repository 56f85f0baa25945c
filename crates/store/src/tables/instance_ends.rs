//! How instances ended.

use super::{fit, listed, rows};
use crate::{
    conn::{Backend, Conn},
    fault::{Fault, parse},
    json,
    schema::instance_ends,
};
use diesel::prelude::*;
use domain::{AppId, DeployId, EnvironmentId, InstanceEnd, Timestamp};
use ports::store::{Listed, Page, intents::EndFilter};

/// The most ends that a view holds: the newest of them decide.
const VIEW_MAX: i64 = 1000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = instance_ends)]
struct EndRow {
    id: i64,
    instance: String,
    app: i64,
    environment: i64,
    deploy: i64,
    worker: String,
    node: String,
    manner: String,
    exit_code: Option<i64>,
    what: String,
    log_tail: String,
    at: i64,
}

impl EndRow {
    fn end(self) -> Result<InstanceEnd, Fault> {
        Ok(InstanceEnd {
            instance: parse(&self.instance)?,
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            deploy: DeployId::new(self.deploy),
            worker: parse(&self.worker)?,
            node: parse(&self.node)?,
            manner: parse(&self.manner)?,
            exit_code: self.exit_code,
            what: self.what,
            log_tail: json::unplain(&self.log_tail)?,
            at: Timestamp::from_micros(self.at),
        })
    }
}

/// Keeps one. A second end of the same instance changes nothing.
pub(super) fn add(conn: &mut Conn, end: &InstanceEnd) -> Result<(), Fault> {
    let instance = end.instance.to_string();
    let known: i64 = instance_ends::table
        .filter(instance_ends::instance.eq(&instance))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(());
    }
    diesel::insert_into(instance_ends::table)
        .values((
            instance_ends::instance.eq(&instance),
            instance_ends::app.eq(end.app.number()),
            instance_ends::environment.eq(end.environment.number()),
            instance_ends::deploy.eq(end.deploy.number()),
            instance_ends::worker.eq(end.worker.as_str()),
            instance_ends::node.eq(end.node.as_str()),
            instance_ends::manner.eq(end.manner.as_str()),
            instance_ends::exit_code.eq(end.exit_code),
            instance_ends::what.eq(fit(&end.what)),
            instance_ends::log_tail.eq(json::plain(&end.log_tail)?),
            instance_ends::at.eq(end.at.micros()),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn list(
    conn: &mut Conn,
    filter: &EndFilter,
    page: Page,
) -> Result<Listed<InstanceEnd>, Fault> {
    let mut query = instance_ends::table
        .filter(instance_ends::id.lt(page.after.unwrap_or(i64::MAX)))
        .select(EndRow::as_select())
        .into_boxed::<Backend>();
    let EndFilter {
        app,
        environment,
        deploy,
        worker,
        instance,
        node,
    } = filter;
    if let Some(app) = app {
        query = query.filter(instance_ends::app.eq(app.number()));
    }
    if let Some(environment) = environment {
        query = query.filter(instance_ends::environment.eq(environment.number()));
    }
    if let Some(deploy) = deploy {
        query = query.filter(instance_ends::deploy.eq(deploy.number()));
    }
    if let Some(worker) = worker {
        query = query.filter(instance_ends::worker.eq(worker.as_str()));
    }
    if let Some(instance) = instance {
        query = query.filter(instance_ends::instance.eq(instance.to_string()));
    }
    if let Some(node) = node {
        query = query.filter(instance_ends::node.eq(node.as_str()));
    }
    let found: Vec<EndRow> = query
        .order(instance_ends::id.desc())
        .limit(rows(page))
        .load(conn)?;
    let found: Result<Vec<_>, Fault> = found
        .into_iter()
        .map(|row| Ok((row.id, row.end()?)))
        .collect();
    Ok(listed(found?, page))
}

/// Those of these Deploys since a time, oldest first; of more than a view holds, the newest.
pub(super) fn of_deploys(
    conn: &mut Conn,
    deploys: Vec<i64>,
    since: Timestamp,
) -> Result<Vec<InstanceEnd>, Fault> {
    let mut found: Vec<EndRow> = instance_ends::table
        .filter(instance_ends::deploy.eq_any(deploys))
        .filter(instance_ends::at.ge(since.micros()))
        .order(instance_ends::id.desc())
        .limit(VIEW_MAX)
        .select(EndRow::as_select())
        .load(conn)?;
    found.reverse();
    found.into_iter().map(EndRow::end).collect()
}

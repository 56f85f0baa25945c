//! Apps.

use super::{
    app_hooks, configs, deploys, intents, listed, rows, service_names, stacks, touched, webhooks,
    workers,
};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, exists, is_taken, missing, parse, stale},
    json,
    schema::apps,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    App, AppId, AppName, DeployEvent, StackId, Timestamp, config::ConfigScope, worker::WorkerSource,
};
use ports::store::{
    Apps, Change, Error, Listed, Page,
    entities::{AppFilter, Beginning, NewApp},
    workers::NewWorker,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = apps)]
pub(super) struct AppRow {
    id: i64,
    name: String,
    repo: String,
    stack: i64,
    recipe: String,
    webhook: bool,
    created_at: i64,
    updated_at: i64,
    pushes: String,
}

impl AppRow {
    pub(super) fn app(self) -> Result<App, Fault> {
        Ok(App {
            id: AppId::new(self.id),
            name: parse(&self.name)?,
            repo: parse(&self.repo)?,
            stack: StackId::new(self.stack),
            recipe: json::read(&self.recipe)?,
            subscribe_to_github_webhook: self.webhook,
            pushes: json::read(&self.pushes)?,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// One that is there, by its id.
pub(super) fn load(conn: &mut Conn, id: AppId) -> Result<App, Fault> {
    by_id(conn, id)?.ok_or_else(|| missing("app", id))
}

pub(super) fn by_id(conn: &mut Conn, id: AppId) -> Result<Option<App>, Fault> {
    let row: Option<AppRow> = apps::table
        .find(id.number())
        .filter(apps::deleted_at.is_null())
        .select(AppRow::as_select())
        .first(conn)
        .optional()?;
    row.map(AppRow::app).transpose()
}

fn by_name(conn: &mut Conn, name: &str) -> Result<Option<App>, Fault> {
    let row: Option<AppRow> = apps::table
        .filter(apps::name.eq(name).and(apps::deleted_at.is_null()))
        .select(AppRow::as_select())
        .first(conn)
        .optional()?;
    row.map(AppRow::app).transpose()
}

/// The name of one, deleted or not.
pub(super) fn name(conn: &mut Conn, id: i64) -> QueryResult<String> {
    apps::table.find(id).select(apps::name).first(conn)
}

/// Those that are there, in order of id.
pub(super) fn names(conn: &mut Conn) -> Result<Vec<(AppId, AppName)>, Fault> {
    let all: Vec<(i64, String)> = apps::table
        .filter(apps::deleted_at.is_null())
        .order(apps::id)
        .select((apps::id, apps::name))
        .load(conn)?;
    all.into_iter()
        .map(|(id, name)| Ok((AppId::new(id), parse(&name)?)))
        .collect()
}

/// Refuses a name or a repository that another App has.
fn refuse_twins(conn: &mut Conn, id: i64, name: &AppName, repo: &str) -> Result<(), Fault> {
    let others = || {
        apps::table
            .filter(apps::deleted_at.is_null())
            .filter(apps::id.ne(id))
            .select(apps::id)
    };
    let named: Option<i64> = others()
        .filter(apps::name.eq(name.as_str()))
        .first(conn)
        .optional()?;
    if named.is_some() {
        return Err(exists("an app", name));
    }
    let of_repo: Option<i64> = others()
        .filter(apps::repo.eq(repo))
        .first(conn)
        .optional()?;
    match of_repo {
        Some(_) => Err(exists("an app of the repository", repo)),
        None => Ok(()),
    }
}

fn create(tx: &mut Tx<'_>, new: &NewApp, change: &Change) -> Result<App, Fault> {
    refuse_twins(tx.conn, 0, &new.name, new.repo.as_str())?;
    stacks::load(tx.conn, new.stack)?;
    let at = change.at.micros();
    let row: AppRow = diesel::insert_into(apps::table)
        .values((
            apps::name.eq(new.name.as_str()),
            apps::repo.eq(new.repo.as_str()),
            apps::stack.eq(new.stack.number()),
            apps::recipe.eq(json::write(&new.recipe)?),
            apps::webhook.eq(new.subscribe_to_github_webhook),
            apps::pushes.eq(json::write(&new.pushes)?),
            apps::created_at.eq(at),
            apps::updated_at.eq(at),
        ))
        .returning(columns::<AppRow>())
        .get_result(tx.conn)
        .map_err(|error| twin(error, &new.name))?;
    let app = row.app()?;
    service_names::take_for_app(tx.conn, &app)?;
    tx.made(app.id);
    tx.tell("app.created", About::of_app(app.id, app.id), change)?;
    Ok(app)
}

/// What an App begins with in one Environment.
fn begin(tx: &mut Tx<'_>, app: AppId, beginning: Beginning, change: &Change) -> Result<(), Fault> {
    let Beginning {
        environment,
        variables,
        summary,
        worker,
        scale,
    } = beginning;
    let change = Change {
        message: summary,
        ..change.clone()
    };
    let scope = ConfigScope::App(app, environment);
    configs::write(tx, scope, None, &variables, &change)?;
    let change = Change {
        message: format!("created worker {}", worker.name),
        ..change
    };
    let worker = NewWorker {
        app,
        environment,
        spec: worker,
        scale,
    };
    workers::add(tx, &worker, WorkerSource::Api, &change)?;
    Ok(())
}

/// Only where several servers write: another's was committed since the look.
fn twin(error: diesel::result::Error, name: &AppName) -> Fault {
    if is_taken(&error) {
        exists("an app", name)
    } else {
        error.into()
    }
}

fn update(tx: &mut Tx<'_>, app: &App, read_at: Timestamp, change: &Change) -> Result<App, Fault> {
    tx.will_change(app.id)?;
    let stored = load(tx.conn, app.id)?;
    if stored.updated_at != read_at {
        return Err(stale("app", &app.name));
    }
    refuse_twins(tx.conn, app.id.number(), &app.name, app.repo.as_str())?;
    stacks::load(tx.conn, app.stack)?;
    let renamed = stored.name != app.name;
    let standing = if renamed {
        intents::standing_of(tx.conn, app.id)?
    } else {
        0
    };
    if standing > 0 {
        return Err(Fault(Error::InUse {
            what: "app",
            which: stored.name.to_string(),
            by: format!("{standing} instances"),
        }));
    }
    let row: AppRow = diesel::update(apps::table.find(app.id.number()))
        .set((
            apps::name.eq(app.name.as_str()),
            apps::repo.eq(app.repo.as_str()),
            apps::stack.eq(app.stack.number()),
            apps::recipe.eq(json::write(&app.recipe)?),
            apps::webhook.eq(app.subscribe_to_github_webhook),
            apps::pushes.eq(json::write(&app.pushes)?),
            apps::updated_at.eq(touched(read_at.micros(), change)),
        ))
        .returning(columns::<AppRow>())
        .get_result(tx.conn)
        .map_err(|error| twin(error, &app.name))?;
    let updated = row.app()?;
    if renamed {
        service_names::free_app(tx.conn, app.id)?;
        service_names::take_for_app(tx.conn, &updated)?;
    }
    tx.tell("app.updated", About::of_app(app.id, app.id), change)?;
    Ok(updated)
}

fn delete(tx: &mut Tx<'_>, id: AppId, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    load(tx.conn, id)?;
    service_names::free_app(tx.conn, id)?;
    workers::delete_of_app(tx.conn, id)?;
    configs::delete_of_app(tx.conn, id, change)?;
    webhooks::delete_of_app(tx.conn, id)?;
    app_hooks::close_all_of(tx.conn, id)?;
    for deploy in deploys::unfinished_of(tx.conn, id)? {
        let event = if deploy.state.is_active() {
            DeployEvent::Cancelled
        } else {
            DeployEvent::Superseded
        };
        deploys::end(tx, &deploy, event, "the app was deleted", change)?;
    }
    diesel::update(apps::table.find(id.number()))
        .set(apps::deleted_at.eq(change.at.micros()))
        .execute(tx.conn)?;
    tx.tell("app.deleted", About::of_app(id, id), change)
}

#[async_trait]
impl Apps for Store {
    async fn create_app(&self, new: NewApp, change: &Change) -> Result<App, Error> {
        self.change(change, move |tx, change| create(tx, &new, change))
            .await
    }

    async fn create_app_with(
        &self,
        new: NewApp,
        beginnings: Vec<Beginning>,
        change: &Change,
    ) -> Result<App, Error> {
        self.change(change, move |tx, change| {
            let app = create(tx, &new, change)?;
            for beginning in beginnings {
                begin(tx, app.id, beginning, change)?;
            }
            tx.concerns(app.id);
            Ok(app)
        })
        .await
    }

    async fn find_app(&self, name_or_id: &str) -> Result<Option<App>, Error> {
        let wanted = name_or_id.to_owned();
        self.read(
            move |conn| match (by_name(conn, &wanted)?, wanted.parse()) {
                (None, Ok(id)) => by_id(conn, id),
                (found, _) => Ok(found),
            },
        )
        .await
    }

    async fn list_apps(&self, filter: &AppFilter, page: Page) -> Result<Listed<App>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let mut query = apps::table
                .filter(apps::deleted_at.is_null())
                .filter(apps::id.gt(page.after.unwrap_or(0)))
                .select(AppRow::as_select())
                .into_boxed::<Backend>();
            if let Some(name) = &filter.name {
                query = query.filter(apps::name.eq(name.as_str()));
            }
            if let Some(repo) = &filter.repo {
                query = query.filter(apps::repo.eq(repo.as_str()));
            }
            if let Some(stack) = filter.stack {
                query = query.filter(apps::stack.eq(stack.number()));
            }
            let found: Vec<AppRow> = query.order(apps::id.asc()).limit(rows(page)).load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.app()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn update_app(
        &self,
        app: &App,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<App, Error> {
        let app = app.clone();
        self.change(change, move |tx, change| update(tx, &app, read_at, change))
            .await
    }

    async fn delete_app(&self, id: AppId, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| delete(tx, id, change))
            .await
    }
}

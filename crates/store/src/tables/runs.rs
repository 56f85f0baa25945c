//! Runs that people have started.

use super::{fit, listed, rows, time};
use crate::{
    Store,
    conn::{Backend, Conn, columns},
    fault::{Fault, exists, is_taken, missing, parse, parse_some},
    json,
    schema::{environments, runs},
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, EnvironmentId, Run, RunId, Timestamp,
    run::{Place, RunEnd},
};
use ports::store::{
    Change, Error, Listed, Page, Runs,
    runs::{Ended, NewRun, RunFilter},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = runs)]
struct RunRow {
    id: i64,
    run: String,
    app: i64,
    environment: i64,
    worker: Option<String>,
    image: Option<String>,
    instance: Option<String>,
    node: String,
    git_commit: Option<String>,
    command: String,
    attendance: String,
    actor: String,
    begun_at: i64,
    until: i64,
    ended_at: Option<i64>,
    exit_code: Option<i64>,
    what: Option<String>,
    log_tail: Option<String>,
}

impl RunRow {
    fn run(self) -> Result<Run, Fault> {
        let end = match time(self.ended_at) {
            Some(at) => Some(RunEnd {
                at,
                exit_code: self.exit_code,
                what: self.what.unwrap_or_default(),
                log_tail: match &self.log_tail {
                    Some(text) => json::unplain(text)?,
                    None => Vec::new(),
                },
            }),
            None => None,
        };
        let place = match (parse_some(self.image.as_deref())?, &self.instance) {
            (_, Some(instance)) => Place::Inside(parse(instance)?),
            (Some(image), None) => Place::Own(image),
            (None, None) => return Err(crate::fault::corrupt("a run is nowhere")),
        };
        Ok(Run {
            id: parse(&self.run)?,
            number: self.id,
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            worker: parse_some(self.worker.as_deref())?,
            place,
            node: parse(&self.node)?,
            commit: parse_some(self.git_commit.as_deref())?,
            command: json::unplain(&self.command)?,
            attendance: parse(&self.attendance)?,
            actor: self.actor,
            begun_at: Timestamp::from_micros(self.begun_at),
            until: Timestamp::from_micros(self.until),
            end,
        })
    }
}

pub(super) fn by_id(conn: &mut Conn, id: RunId) -> Result<Option<Run>, Fault> {
    let row: Option<RunRow> = runs::table
        .filter(runs::run.eq(id.to_string()))
        .select(RunRow::as_select())
        .first(conn)
        .optional()?;
    row.map(RunRow::run).transpose()
}

/// What an event of a run is about, and its word.
fn told(run: &Run, verb: &str) -> (String, About) {
    let kind = match run.place {
        Place::Own(_) => "run",
        Place::Inside(_) => "exec",
    };
    let about = About::within(run.id, run.app, run.environment);
    (format!("{kind}.{verb}"), about)
}

/// How many of an Environment have not ended.
pub(super) fn standing_in(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<i64> {
    runs::table
        .filter(
            runs::environment
                .eq(environment.number())
                .and(runs::ended_at.is_null()),
        )
        .count()
        .get_result(conn)
}

fn begin(tx: &mut Tx<'_>, new: &NewRun, most: u32, change: &Change) -> Result<Run, Fault> {
    let environment = new.environment.number();
    let standing = standing_in(tx.conn, new.environment)?;
    if standing >= i64::from(most) {
        let name: Option<String> = environments::table
            .find(environment)
            .select(environments::name)
            .first(tx.conn)
            .optional()?;
        let name = name.ok_or_else(|| missing("environment", new.environment))?;
        return Err(Error::TooManyRuns {
            environment: parse(&name)?,
            most,
        }
        .into());
    }
    let (image, instance) = match &new.place {
        Place::Own(image) => (Some(image.to_string()), None),
        Place::Inside(instance) => (None, Some(instance.to_string())),
    };
    let inserted = diesel::insert_into(runs::table)
        .values((
            runs::run.eq(new.id.to_string()),
            runs::app.eq(new.app.number()),
            runs::environment.eq(environment),
            runs::worker.eq(new.worker.as_ref().map(ToString::to_string)),
            runs::image.eq(image),
            runs::instance.eq(instance),
            runs::node.eq(new.node.as_str()),
            runs::git_commit.eq(new.commit.as_ref().map(ToString::to_string)),
            runs::command.eq(json::plain(&new.command)?),
            runs::attendance.eq(new.attendance.as_str()),
            runs::actor.eq(&change.actor),
            runs::begun_at.eq(change.at.micros()),
            runs::until.eq(new.until.micros()),
        ))
        .returning(columns::<RunRow>())
        .get_result::<RunRow>(tx.conn);
    let run = match inserted {
        Err(error) if is_taken(&error) => return Err(exists("a run", new.id)),
        other => other?.run()?,
    };
    let (kind, about) = told(&run, "started");
    tx.made(run.id);
    tx.tell(&kind, about, change)?;
    Ok(run)
}

fn end(tx: &mut Tx<'_>, id: RunId, end: &RunEnd, change: &Change) -> Result<Run, Fault> {
    tx.will_change(id)?;
    let standing = runs::table.filter(runs::run.eq(id.to_string()).and(runs::ended_at.is_null()));
    let ended = diesel::update(standing)
        .set((
            runs::ended_at.eq(end.at.micros()),
            runs::exit_code.eq(end.exit_code),
            runs::what.eq(fit(&end.what)),
            runs::log_tail.eq(json::plain(&end.log_tail)?),
        ))
        .execute(tx.conn)?;
    let run = by_id(tx.conn, id)?.ok_or_else(|| missing("run", id))?;
    if ended == 0 {
        tx.concerns(id);
    } else {
        let (kind, about) = told(&run, "ended");
        tx.tell(&kind, about, change)?;
    }
    Ok(run)
}

#[async_trait]
impl Runs for Store {
    async fn begin_run(&self, new: NewRun, most: u32, change: &Change) -> Result<Run, Error> {
        self.change(change, move |tx, change| begin(tx, &new, most, change))
            .await
    }

    async fn end_run(&self, id: RunId, how: RunEnd, change: &Change) -> Result<Run, Error> {
        self.change(change, move |tx, change| end(tx, id, &how, change))
            .await
    }

    async fn find_run(&self, id: RunId) -> Result<Option<Run>, Error> {
        self.read(move |conn| by_id(conn, id)).await
    }

    async fn list_runs(&self, filter: &RunFilter, page: Page) -> Result<Listed<Run>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let mut query = runs::table
                .select(RunRow::as_select())
                .order(runs::id.desc())
                .limit(rows(page))
                .into_boxed::<Backend>();
            if let Some(app) = filter.app {
                query = query.filter(runs::app.eq(app.number()));
            }
            if let Some(environment) = filter.environment {
                query = query.filter(runs::environment.eq(environment.number()));
            }
            if filter.ended == Ended::LeftOut {
                query = query.filter(runs::ended_at.is_null());
            }
            if let Some(after) = page.after {
                query = query.filter(runs::id.lt(after));
            }
            let found: Vec<RunRow> = query.load(conn)?;
            let found = found.into_iter().map(|row| Ok((row.id, row.run()?)));
            Ok(listed(found.collect::<Result<_, Fault>>()?, page))
        })
        .await
    }

    async fn standing_runs(&self) -> Result<Vec<Run>, Error> {
        self.read(|conn| {
            let rows: Vec<RunRow> = runs::table
                .filter(runs::ended_at.is_null())
                .order(runs::id)
                .select(RunRow::as_select())
                .load(conn)?;
            rows.into_iter().map(RunRow::run).collect()
        })
        .await
    }
}

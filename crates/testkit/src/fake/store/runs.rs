//! Runs that people have started.

use super::{
    Store,
    state::{About, State, falling, missing, page},
};
use async_trait::async_trait;
use domain::{
    EnvironmentId, Run, RunId,
    run::{Place, RunEnd},
};
use ports::store::{
    Change, Error, Listed, Page, Runs,
    runs::{Ended, NewRun, RunFilter},
};

/// Tells of a run: `run.started`, `exec.ended`.
fn tell(state: &mut State, run: &Run, verb: &str, change: &Change) {
    let kind = match run.place {
        Place::Own(_) => "run",
        Place::Inside(_) => "exec",
    };
    let about = About::within(run.id, run.app, run.environment);
    state.tell(&format!("{kind}.{verb}"), about, change);
}

impl State {
    /// How many of an Environment have not ended.
    pub(super) fn standing_runs(&self, environment: EnvironmentId) -> usize {
        let all = self.runs.values();
        all.filter(|run| run.environment == environment && run.end.is_none())
            .count()
    }
}

#[async_trait]
impl Runs for Store {
    async fn begin_run(&self, new: NewRun, most: u32, change: &Change) -> Result<Run, Error> {
        self.write(|state| {
            state.admit(change)?;
            if state.standing_runs(new.environment) >= usize::try_from(most).unwrap_or(usize::MAX) {
                let environment = state.environments.get(&new.environment);
                let environment =
                    environment.ok_or_else(|| missing("environment", new.environment))?;
                return Err(Error::TooManyRuns {
                    environment: environment.name.clone(),
                    most,
                });
            }
            if state.runs.values().any(|run| run.id == new.id) {
                return Err(Error::Exists {
                    what: "a run",
                    which: new.id.to_string(),
                });
            }
            let number = state.number("run");
            let run = Run {
                id: new.id,
                number,
                app: new.app,
                environment: new.environment,
                worker: new.worker,
                place: new.place,
                node: new.node,
                commit: new.commit,
                command: new.command,
                attendance: new.attendance,
                actor: change.actor.clone(),
                begun_at: change.at,
                until: new.until,
                end: None,
            };
            state.runs.insert(number, run.clone());
            tell(state, &run, "started", change);
            Ok(run)
        })
    }

    async fn end_run(&self, id: RunId, end: RunEnd, change: &Change) -> Result<Run, Error> {
        self.write(|state| {
            state.admit(change)?;
            let found = state.runs.values_mut().find(|run| run.id == id);
            let run = found.ok_or_else(|| missing("run", id))?;
            if run.end.is_some() {
                let run = run.clone();
                state.note_request(&id.to_string(), change);
                return Ok(run);
            }
            run.end = Some(end);
            let run = run.clone();
            tell(state, &run, "ended", change);
            Ok(run)
        })
    }

    async fn find_run(&self, id: RunId) -> Result<Option<Run>, Error> {
        Ok(self.read(|state| state.runs.values().find(|run| run.id == id).cloned()))
    }

    async fn list_runs(&self, filter: &RunFilter, wanted: Page) -> Result<Listed<Run>, Error> {
        Ok(self.read(|state| {
            let all = state.runs.iter().rev();
            let matching = all.filter(|(number, run)| {
                falling(wanted, **number)
                    && filter.app.is_none_or(|app| run.app == app)
                    && filter.environment.is_none_or(|of| run.environment == of)
                    && (filter.ended == Ended::Included || run.end.is_none())
            });
            page(matching.map(|(number, run)| (*number, run.clone())), wanted)
        }))
    }

    async fn standing_runs(&self) -> Result<Vec<Run>, Error> {
        let standing = |run: &&Run| run.end.is_none();
        Ok(self.read(|state| state.runs.values().filter(standing).cloned().collect()))
    }
}

//! Workers.

use super::{
    Store,
    entities::{exists, touched},
    environments::refuse_used,
    state::{About, State, missing, page, rising, stale},
};
use async_trait::async_trait;
use domain::{
    AppId, EnvironmentId, Scale, Timestamp, Worker, WorkerId, WorkerName, WorkerSpec,
    build::DeclaredWorker, worker::WorkerSource,
};
use ports::store::{
    Change, Error, Fence, Listed, Page, Workers,
    leases::of_environment,
    workers::{NewWorker, Restart, WorkerFilter},
};

/// A Worker, with the restart that was last asked for.
#[derive(Debug, Clone)]
pub(super) struct WorkerRow {
    pub(super) worker: Worker,
    pub(super) restart: Option<Restart>,
}

impl State {
    pub(super) fn find_worker(
        &self,
        app: AppId,
        environment: EnvironmentId,
        name: &WorkerName,
    ) -> Option<WorkerId> {
        let rows = self.workers.values().map(|row| &row.worker);
        rows.into_iter()
            .find(|worker| {
                worker.app == app && worker.environment == environment && worker.spec.name == *name
            })
            .map(|worker| worker.id)
    }

    /// Stores a Worker that was looked at: no other has its name.
    pub(super) fn add_worker(
        &mut self,
        new: NewWorker,
        source: WorkerSource,
        change: &Change,
    ) -> Worker {
        let worker = Worker {
            id: WorkerId::new(self.number("worker")),
            app: new.app,
            environment: new.environment,
            spec: new.spec,
            scale: new.scale,
            source,
            created_at: change.at,
            updated_at: change.at,
        };
        let row = WorkerRow {
            worker: worker.clone(),
            restart: None,
        };
        self.workers.insert(worker.id, row);
        self.tell("worker.created", about(&worker), change);
        worker
    }

    fn worker(&self, id: WorkerId) -> Result<&WorkerRow, Error> {
        self.workers.get(&id).ok_or_else(|| missing("worker", id))
    }

    /// Refuses a name that another has, and any other one while something bears the one that it has.
    fn refuse_rename_of_worker(&self, stored: &Worker, name: &WorkerName) -> Result<(), Error> {
        let (app, environment) = (stored.app, stored.environment);
        if self.find_worker(app, environment, name).is_some() {
            return Err(exists("a worker", name));
        }
        let deploys = self.deploys.values().filter(|deploy| {
            let is_of_it = deploy.app == app && deploy.environment == environment;
            is_of_it && deploy.state.is_active()
        });
        let instances = self.ledger.standing_of_worker(stored);
        refuse_used(
            ("worker", &stored.spec.name),
            [(deploys.count(), "deploys"), (instances, "instances")],
        )?;
        self.worker_fits(self.app(app)?, name, self.environment(environment)?)
    }

    /// Changes a Worker that is there, and tells of it.
    pub(super) fn change_worker(
        &mut self,
        id: WorkerId,
        kind: &str,
        change: &Change,
        act: impl FnOnce(&mut WorkerRow),
    ) -> Result<Worker, Error> {
        let found = self.workers.get_mut(&id);
        let row = found.ok_or_else(|| missing("worker", id))?;
        act(row);
        row.worker.updated_at = touched(row.worker.updated_at, change);
        let worker = row.worker.clone();
        self.tell(kind, about(&worker), change);
        Ok(worker)
    }
}

fn about(worker: &Worker) -> About {
    About::within(worker.id, worker.app, worker.environment)
}

#[async_trait]
impl Workers for Store {
    async fn create_worker(&self, new: NewWorker, change: &Change) -> Result<Worker, Error> {
        self.write(|state| {
            state.admit(change)?;
            let environment = state.environment(new.environment)?;
            let app = state.app(new.app)?;
            if state
                .find_worker(new.app, new.environment, &new.spec.name)
                .is_some()
            {
                return Err(exists("a worker", &new.spec.name));
            }
            state.worker_fits(app, &new.spec.name, environment)?;
            Ok(state.add_worker(new, WorkerSource::Api, change))
        })
    }

    async fn find_worker(
        &self,
        app: AppId,
        environment: EnvironmentId,
        name: &WorkerName,
    ) -> Result<Option<Worker>, Error> {
        Ok(self.read(|state| {
            let id = state.find_worker(app, environment, name)?;
            state.workers.get(&id).map(|row| row.worker.clone())
        }))
    }

    async fn worker(&self, id: WorkerId) -> Result<Option<Worker>, Error> {
        Ok(self.read(|state| state.workers.get(&id).map(|row| row.worker.clone())))
    }

    async fn list_workers(
        &self,
        filter: &WorkerFilter,
        wanted: Page,
    ) -> Result<Listed<Worker>, Error> {
        Ok(self.read(|state| {
            let chosen = state
                .workers
                .values()
                .map(|row| &row.worker)
                .filter(|worker| {
                    filter.app.is_none_or(|app| worker.app == app)
                        && filter
                            .environment
                            .is_none_or(|env| worker.environment == env)
                        && filter
                            .name
                            .as_ref()
                            .is_none_or(|name| worker.spec.name == *name)
                });
            let numbered = chosen.map(|worker| (worker.id.number(), worker.clone()));
            page(
                numbered.filter(|(number, _)| rising(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn update_worker(
        &self,
        id: WorkerId,
        spec: &WorkerSpec,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error> {
        self.write(|state| {
            state.admit(change)?;
            let stored = &state.worker(id)?.worker;
            if stored.updated_at != read_at {
                return Err(stale("worker", &stored.spec.name));
            }
            if stored.spec.name != spec.name {
                state.refuse_rename_of_worker(stored, &spec.name)?;
                let stored = stored.clone();
                state.ledger.carry_fence(&stored, &spec.name);
                state.end_lease(&of_environment(stored.environment));
            }
            state.change_worker(id, "worker.updated", change, |row| {
                row.worker.spec = spec.clone();
                row.worker.source = WorkerSource::Api;
            })
        })
    }

    async fn hand_back_worker(
        &self,
        id: WorkerId,
        declared: &DeclaredWorker,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Worker, Error> {
        self.write(|state| {
            state.admit(change)?;
            let stored = &state.worker(id)?.worker;
            if stored.updated_at != read_at {
                return Err(stale("worker", &stored.spec.name));
            }
            state.change_worker(id, "worker.updated", change, |row| {
                row.worker.spec = declared.spec.clone();
                row.worker.source = declared.source;
            })
        })
    }

    async fn rescale(
        &self,
        scales: &[(WorkerId, Scale)],
        change: &Change,
    ) -> Result<Vec<Worker>, Error> {
        self.write(|state| {
            state.admit(change)?;
            for (id, _) in scales {
                state.worker(*id)?;
            }
            let set = |(id, scale): &(WorkerId, Scale)| {
                let stored = &state.worker(*id)?.worker;
                if stored.scale == *scale {
                    return Ok(stored.clone());
                }
                state.change_worker(*id, "worker.rescaled", change, |row| {
                    row.worker.scale = *scale;
                })
            };
            scales.iter().map(set).collect()
        })
    }

    async fn restart_workers(
        &self,
        workers: &[WorkerId],
        restart: Restart,
        change: &Change,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            for id in workers {
                state.worker(*id)?;
            }
            for id in workers {
                state.change_worker(*id, "worker.restarted", change, |row| {
                    row.restart = Some(restart);
                })?;
            }
            Ok(())
        })
    }

    async fn forget_restart(
        &self,
        id: WorkerId,
        before: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            if let Some(row) = state.workers.get_mut(&id) {
                row.restart = row.restart.filter(|restart| restart.before != before);
            }
            Ok(())
        })
    }

    async fn delete_worker(&self, id: WorkerId, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let about = about(&state.worker(id)?.worker);
            state.workers.remove(&id);
            state.tell("worker.deleted", about, change);
            Ok(())
        })
    }
}

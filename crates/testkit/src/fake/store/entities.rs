//! Apps.

use super::{
    Store,
    state::{About, State, missing, page, rising, stale},
};
use async_trait::async_trait;
use domain::{App, AppId, DeployEvent, Timestamp, config::ConfigScope, worker::WorkerSource};
use ports::store::{
    Apps, Change, Error, Listed, Page,
    entities::{AppFilter, Beginning, NewApp},
    workers::NewWorker,
};
use std::time::Duration;

/// When a record was changed: later than it was changed before, whatever the clock says, so that a change is seen.
pub(super) fn touched(before: Timestamp, change: &Change) -> Timestamp {
    change.at.max(before + Duration::from_micros(1))
}

pub(super) fn exists(what: &'static str, which: impl ToString) -> Error {
    Error::Exists {
        what,
        which: which.to_string(),
    }
}

impl State {
    pub(super) fn app(&self, id: AppId) -> Result<&App, Error> {
        self.apps.get(&id).ok_or_else(|| missing("app", id))
    }

    fn repo_and_name_free(&self, app: &NewApp, but: Option<AppId>) -> Result<(), Error> {
        let others = || self.apps.values().filter(|other| Some(other.id) != but);
        if others().any(|other| other.name == app.name) {
            return Err(exists("an app", &app.name));
        }
        if others().any(|other| other.repo == app.repo) {
            return Err(exists("an app of the repository", &app.repo));
        }
        Ok(())
    }

    fn create_app(&mut self, new: NewApp, change: &Change) -> Result<App, Error> {
        self.repo_and_name_free(&new, None)?;
        if !self.stacks.contains_key(&new.stack) {
            return Err(missing("stack", new.stack));
        }
        self.app_fits(&new.name)?;
        let app = App {
            id: AppId::new(self.number("app")),
            name: new.name,
            repo: new.repo,
            stack: new.stack,
            recipe: new.recipe,
            subscribe_to_github_webhook: new.subscribe_to_github_webhook,
            pushes: new.pushes,
            created_at: change.at,
            updated_at: change.at,
        };
        self.apps.insert(app.id, app.clone());
        self.tell("app.created", About::of_app(app.id, app.id), change);
        Ok(app)
    }

    fn create_app_with(
        &mut self,
        new: NewApp,
        beginnings: Vec<Beginning>,
        change: &Change,
    ) -> Result<App, Error> {
        // All or none: what could be refused is looked at first.
        for beginning in &beginnings {
            self.environment(beginning.environment)?;
        }
        let app = self.create_app(new, change)?;
        for beginning in beginnings {
            let scope = ConfigScope::App(app.id, beginning.environment);
            self.write_config(scope, None, &beginning.variables, change)?;
            let worker = NewWorker {
                app: app.id,
                environment: beginning.environment,
                spec: beginning.worker,
                scale: beginning.scale,
            };
            self.add_worker(worker, WorkerSource::Api, change);
        }
        Ok(app)
    }

    fn update_app(&mut self, app: &App, read_at: Timestamp, change: &Change) -> Result<App, Error> {
        let stored = self.app(app.id)?;
        if stored.updated_at != read_at {
            return Err(stale("app", &app.name));
        }
        let as_new = NewApp {
            name: app.name.clone(),
            repo: app.repo.clone(),
            stack: app.stack,
            recipe: app.recipe.clone(),
            subscribe_to_github_webhook: app.subscribe_to_github_webhook,
            pushes: app.pushes.clone(),
        };
        let updated = App {
            created_at: stored.created_at,
            updated_at: touched(stored.updated_at, change),
            ..app.clone()
        };
        self.repo_and_name_free(&as_new, Some(app.id))?;
        if stored.name != app.name && self.ledger.standing_of(app.id) > 0 {
            return Err(Error::InUse {
                what: "app",
                which: stored.name.to_string(),
                by: format!("{} instances", self.ledger.standing_of(app.id)),
            });
        }
        if stored.name != app.name {
            self.renamed_app_fits(stored, &app.name)?;
        }
        self.apps.insert(app.id, updated.clone());
        self.tell("app.updated", About::of_app(app.id, app.id), change);
        Ok(updated)
    }

    fn delete_app(&mut self, id: AppId, change: &Change) -> Result<(), Error> {
        let app = self.apps.remove(&id).ok_or_else(|| missing("app", id))?;
        self.former_apps.insert(id, app);
        self.workers.retain(|_, row| row.worker.app != id);
        self.webhooks.retain(|_, one| one.hook.app != Some(id));
        self.configs.forget(
            |scope| matches!(scope, domain::config::ConfigScope::App(app, _) if app == id),
            change.at,
        );
        let of_app = self.deploys.values().filter(|deploy| deploy.app == id);
        let over: Vec<_> = of_app.map(|deploy| deploy.id).collect();
        for deploy in over {
            for event in [DeployEvent::Cancelled, DeployEvent::Superseded] {
                self.end_deploy(deploy, event, "the app was deleted", change);
            }
        }
        self.pull_requests.retain(|(of, _), _| *of != id);
        self.tell("app.deleted", About::of_app(id, id), change);
        Ok(())
    }
}

#[async_trait]
impl Apps for Store {
    async fn create_app(&self, new: NewApp, change: &Change) -> Result<App, Error> {
        self.write(|state| {
            state
                .admit(change)
                .and_then(|()| state.create_app(new, change))
        })
    }

    async fn create_app_with(
        &self,
        new: NewApp,
        beginnings: Vec<Beginning>,
        change: &Change,
    ) -> Result<App, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.create_app_with(new, beginnings, change)
        })
    }

    async fn find_app(&self, name_or_id: &str) -> Result<Option<App>, Error> {
        Ok(self.read(|state| {
            let named = state
                .apps
                .values()
                .find(|app| app.name.as_str() == name_or_id);
            let id = || name_or_id.parse().ok().and_then(|id| state.apps.get(&id));
            named.or_else(id).cloned()
        }))
    }

    async fn list_apps(&self, filter: &AppFilter, wanted: Page) -> Result<Listed<App>, Error> {
        Ok(self.read(|state| {
            let chosen = state.apps.values().filter(|app| {
                filter.name.as_ref().is_none_or(|name| app.name == *name)
                    && filter.repo.as_ref().is_none_or(|repo| app.repo == *repo)
                    && filter.stack.is_none_or(|stack| app.stack == stack)
            });
            let numbered = chosen.map(|app| (app.id.number(), app.clone()));
            page(
                numbered.filter(|(number, _)| rising(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn update_app(
        &self,
        app: &App,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<App, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.update_app(app, read_at, change)
        })
    }

    async fn delete_app(&self, id: AppId, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state
                .admit(change)
                .and_then(|()| state.delete_app(id, change))
        })
    }
}

//! Service names: one owner each in a datacenter, pools' own names included.

use super::state::State;
use domain::{App, AppId, AppName, Environment, EnvironmentName, StackName, WorkerName};
use ports::store::Error;
use std::collections::{BTreeMap, BTreeSet};

/// Who has each service name. An App has the name of its `web` in every Environment from the start, for that is what
/// its first Deploy would make.
pub(super) struct ServiceNames(BTreeMap<String, String>);

impl State {
    pub(super) fn service_names(&self) -> ServiceNames {
        let mut names = ServiceNames(BTreeMap::new());
        for environment in self.environments.values() {
            for stack in self.stacks.values() {
                let (name, holder) = pool(&stack.name, environment);
                names.0.insert(name, holder);
            }
            for app in self.apps.values() {
                for worker in self.worker_names(app.id, environment) {
                    if let Some((name, holder)) = service(&app.name, &worker, environment) {
                        names.0.entry(name).or_insert(holder);
                    }
                }
            }
        }
        names
    }

    fn worker_names(&self, app: AppId, environment: &Environment) -> BTreeSet<WorkerName> {
        let stored = self.workers.values().map(|row| &row.worker);
        stored
            .filter(|worker| worker.app == app && worker.environment == environment.id)
            .map(|worker| worker.spec.name.clone())
            .chain("web".parse().ok())
            .collect()
    }

    /// Refuses an App whose Workers' names are another's.
    pub(super) fn app_fits(&self, app: &AppName) -> Result<(), Error> {
        let names = self.service_names();
        let web: Option<WorkerName> = "web".parse().ok();
        self.environments
            .values()
            .flat_map(|environment| web.iter().map(move |web| (web, environment)))
            .try_for_each(|(web, environment)| names.free(app, web, environment))
    }

    /// Refuses another name for an App under which one of its Workers' names would be another's.
    pub(super) fn renamed_app_fits(&self, app: &App, name: &AppName) -> Result<(), Error> {
        let mut names = self.service_names();
        let own = format!(" of {} in ", app.name);
        names.0.retain(|_, holder| !holder.contains(&own));
        for environment in self.environments.values() {
            for worker in self.worker_names(app.id, environment) {
                names.free(name, &worker, environment)?;
            }
        }
        Ok(())
    }

    /// Refuses a Worker whose name is another's.
    pub(super) fn worker_fits(
        &self,
        app: &App,
        worker: &WorkerName,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.service_names().free(&app.name, worker, environment)
    }

    /// Refuses an Environment in which a Worker or a pool would have another's name. It may be one that is stored by a
    /// name that it had.
    pub(super) fn environment_fits(
        &self,
        environment: &Environment,
        had: &EnvironmentName,
    ) -> Result<(), Error> {
        let mut names = self.service_names();
        names
            .0
            .retain(|_, holder| !holder.ends_with(&format!(" in {had}")));
        for stack in self.stacks.values() {
            let (name, holder) = pool(&stack.name, environment);
            names.take(name, holder)?;
        }
        for app in self.apps.values() {
            for worker in self.worker_names(app.id, environment) {
                if let Some((name, holder)) = service(&app.name, &worker, environment) {
                    names.take(name, holder)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses a Stack whose pools' names are a Worker's.
    pub(super) fn stack_fits(&self, stack: &StackName) -> Result<(), Error> {
        let mut names = self.service_names();
        self.environments
            .values()
            .map(|environment| pool(stack, environment))
            .try_for_each(|(name, holder)| names.take(name, holder))
    }
}

impl ServiceNames {
    fn free(
        &self,
        app: &AppName,
        worker: &WorkerName,
        environment: &Environment,
    ) -> Result<(), Error> {
        let Some((name, wanted_by)) = service(app, worker, environment) else {
            return Ok(());
        };
        match self.0.get(&name) {
            Some(holder) if *holder != wanted_by => Err(Error::ServiceNameTaken {
                name,
                holder: holder.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn take(&mut self, name: String, wanted_by: String) -> Result<(), Error> {
        match self.0.insert(name.clone(), wanted_by) {
            Some(holder) => Err(Error::ServiceNameTaken { name, holder }),
            None => Ok(()),
        }
    }
}

fn pool(stack: &StackName, environment: &Environment) -> (String, String) {
    let name = format!("jockey-{stack}-{}", environment.name).replace('_', "-");
    (name, format!("the pool of {stack} in {}", environment.name))
}

/// None where the name is too long for a service: the use case has refused that.
fn service(
    app: &AppName,
    worker: &WorkerName,
    environment: &Environment,
) -> Option<(String, String)> {
    let template = &environment.service_template;
    let name = template.service_name(app, worker, &environment.name).ok()?;
    Some((
        name.to_string(),
        format!("{worker} of {app} in {}", environment.name),
    ))
}

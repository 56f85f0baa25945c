//! Environments.

use super::{
    Store,
    entities::{exists, touched},
    state::{About, State, missing, page, rising, stale},
};
use async_trait::async_trait;
use domain::{
    Environment, EnvironmentId, EnvironmentName, Timestamp, environment::ServiceTemplate,
};
use ports::store::{Change, Environments, Error, Listed, Page, leases::of_environment};

/// Refuses while something uses it: the first of what is counted.
pub(super) fn refuse_used(
    (what, which): (&'static str, &impl ToString),
    users: impl IntoIterator<Item = (usize, &'static str)>,
) -> Result<(), Error> {
    let mut users = users.into_iter();
    match users.find(|(count, _)| *count > 0) {
        Some((count, users)) => Err(Error::InUse {
            what,
            which: which.to_string(),
            by: format!("{count} {users}"),
        }),
        None => Ok(()),
    }
}

impl State {
    pub(super) fn environment(&self, id: EnvironmentId) -> Result<&Environment, Error> {
        let found = self.environments.get(&id);
        found.ok_or_else(|| missing("environment", id))
    }

    fn create_environment(
        &mut self,
        name: EnvironmentName,
        template: Option<ServiceTemplate>,
        change: &Change,
    ) -> Result<Environment, Error> {
        if self.environments.values().any(|other| other.name == name) {
            return Err(exists("an environment", name));
        }
        let default = if self.environments.is_empty() {
            ServiceTemplate::first
        } else {
            ServiceTemplate::next
        };
        let mut environment = Environment {
            id: EnvironmentId::new(0),
            name,
            service_template: template.unwrap_or_else(default),
            created_at: change.at,
            updated_at: change.at,
        };
        self.environment_fits(&environment, &environment.name)?;
        environment.id = EnvironmentId::new(self.number("environment"));
        self.environments
            .insert(environment.id, environment.clone());
        let about = About {
            environment: Some(environment.id),
            ..About::thing(environment.id)
        };
        self.tell("environment.created", about, change);
        Ok(environment)
    }

    fn update_environment(
        &mut self,
        wanted: &Environment,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Environment, Error> {
        let id = wanted.id;
        let stored = self.environment(id)?.clone();
        if stored.updated_at != read_at {
            return Err(stale("environment", &stored.name));
        }
        let renamed = stored.name != wanted.name;
        if renamed {
            self.refuse_rename(&stored, &wanted.name)?;
        }
        let updated = Environment {
            name: wanted.name.clone(),
            service_template: wanted.service_template.clone(),
            updated_at: touched(stored.updated_at, change),
            ..stored.clone()
        };
        self.environment_fits(&updated, &stored.name)?;
        if renamed {
            self.end_lease(&of_environment(id));
        }
        self.environments.insert(id, updated.clone());
        let about = About {
            environment: Some(id),
            ..About::thing(id)
        };
        self.tell("environment.updated", about, change);
        Ok(updated)
    }

    /// Refuses a name that another has, and any other one while something bears the one that it has.
    fn refuse_rename(&self, stored: &Environment, name: &EnvironmentName) -> Result<(), Error> {
        if self.environments.values().any(|other| other.name == *name) {
            return Err(exists("an environment", name));
        }
        let id = stored.id;
        let deploys = self.deploys.values();
        let deploys = deploys.filter(|deploy| deploy.environment == id && deploy.state.is_active());
        refuse_used(
            ("environment", &stored.name),
            [
                (deploys.count(), "deploys"),
                (self.reconciles_in_progress(id), "reconciles"),
                (self.ledger.standing_within(id), "instances"),
                (self.standing_runs(id), "runs"),
            ],
        )
    }

    fn delete_environment(&mut self, id: EnvironmentId, change: &Change) -> Result<(), Error> {
        let name = &self.environment(id)?.name;
        let held = |deploy: &&domain::Deploy| {
            deploy.environment == id
                && (deploy.state.is_active() || deploy.state == domain::DeployState::Deployed)
        };
        let deploys = self.deploys.values().filter(held).count();
        let instances = self.ledger.standing_within(id);
        refuse_used(
            ("environment", name),
            [(deploys, "deploys"), (instances, "instances")],
        )?;
        self.environments.remove(&id);
        self.workers.retain(|_, row| row.worker.environment != id);
        self.configs
            .forget(|scope| scope.environment() == id, change.at);
        self.end_reconciles(id, change);
        self.end_lease(&of_environment(id));
        let about = About {
            environment: Some(id),
            ..About::thing(id)
        };
        self.tell("environment.deleted", about, change);
        Ok(())
    }
}

#[async_trait]
impl Environments for Store {
    async fn create_environment(
        &self,
        name: EnvironmentName,
        template: Option<ServiceTemplate>,
        change: &Change,
    ) -> Result<Environment, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.create_environment(name, template, change)
        })
    }

    async fn find_environment(&self, name_or_id: &str) -> Result<Option<Environment>, Error> {
        Ok(self.read(|state| {
            let mut all = state.environments.values();
            let named = all.find(|environment| environment.name.as_str() == name_or_id);
            let id = || {
                name_or_id
                    .parse()
                    .ok()
                    .and_then(|id| state.environments.get(&id))
            };
            named.or_else(id).cloned()
        }))
    }

    async fn list_environments(
        &self,
        prefix: &str,
        wanted: Page,
    ) -> Result<Listed<Environment>, Error> {
        Ok(self.read(|state| {
            let all = state.environments.values();
            let numbered = all.map(|environment| (environment.id.number(), environment.clone()));
            let numbered = numbered.filter(|(number, _)| rising(wanted, *number));
            page(
                numbered.filter(|(_, it)| it.name.as_str().starts_with(prefix)),
                wanted,
            )
        }))
    }

    async fn update_environment(
        &self,
        environment: &Environment,
        read_at: Timestamp,
        change: &Change,
    ) -> Result<Environment, Error> {
        self.write(|state| {
            state.admit(change)?;
            state.update_environment(environment, read_at, change)
        })
    }

    async fn delete_environment(&self, id: EnvironmentId, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.delete_environment(id, change)
        })
    }
}

//! What people change and take away, by the use cases that the API calls.

use crate::world::{World, at_once};
use controller::usecases::{
    Ctx, Error, Mode,
    apps::{self, Force},
    configs, environments,
    workers::{self, Edit, Which},
};
use domain::{
    AppId, EnvironmentId, WorkerSpec,
    worker::{Command, Order},
};
use ports::store;
use std::time::Duration;

/// What the API may be asked to define: one that commits declare as well, and one that they do not.
const DEFINED: [&str; 3] = ["web", "clock", "extra"];

impl World {
    /// Sets a variable, which makes a Deploy of what runs.
    pub(crate) async fn configure(&mut self, app: AppId, environment: EnvironmentId) {
        let mut which = configs::Which {
            environment: environment.to_string(),
            stack: String::new(),
            app: String::new(),
        };
        match self.random.below(10) {
            0..6 => which.app = app.to_string(),
            6..8 => which.stack = "api".to_owned(),
            _ => {}
        }
        let value = self.random.below(1000).to_string();
        self.fate
            .note(format_args!("somebody configures {which:?}"));
        let edit = configs::Edit::Change {
            set: [("GREETING".parse().unwrap(), value.into())].into(),
            unset: Vec::new(),
        };
        let ask = |ctx: Ctx| {
            let (which, edit) = (which.clone(), edit.clone());
            async move { configs::update(&ctx, &which, edit, None, Mode::Run).await }
        };
        self.insist(ask).await.unwrap();
    }

    /// Defines a Worker, or changes or deletes one.
    pub(crate) async fn edit_worker(&mut self, app: AppId, environment: EnvironmentId) {
        let known = self.workers(app, environment);
        let name = match self
            .random
            .pick(&known)
            .filter(|_| self.random.in_thousand(700))
        {
            Some(worker) => worker.spec.name.to_string(),
            None => return self.define_worker(app, environment).await,
        };
        let which = Which {
            worker: name.clone(),
            app: app.to_string(),
            environment: environment.to_string(),
        };
        if self.random.in_thousand(300) {
            self.fate.note(format_args!(
                "somebody deletes {name} of {app} in {environment}"
            ));
            let ask = |ctx: Ctx| {
                let which = which.clone();
                async move { workers::delete(&ctx, &which, None, Mode::Run).await }
            };
            match self.insist(ask).await {
                // Whoever asks again may find that it was done.
                Ok(()) | Err(Error::UnknownWorker { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
        let (choice, number) = (self.random.below(4), self.random.below(5));
        self.fate.note(format_args!(
            "somebody changes {name} of {app} in {environment}: {choice} {number}"
        ));
        let spec = move |spec: &mut WorkerSpec| match choice {
            0 => spec.command = Some(Command::Shell(format!("serve {number}"))),
            1 => spec.timing.drain = Duration::from_secs(number),
            2 if spec.port.is_some() => {
                let named = format!("metrics={}", 9100 + number);
                spec.ports = named.parse().unwrap();
            }
            _ if number == 0 => spec.rollout.order = Order::StopFirst,
            _ => spec.rollout.order = Order::StartFirst,
        };
        let ask = |ctx: Ctx| {
            let which = which.clone();
            let edit = Edit { spec, scale: None };
            async move { workers::update(&ctx, &which, edit, None, Mode::Run).await }
        };
        self.insist(ask).await.unwrap();
    }

    async fn define_worker(&mut self, app: AppId, environment: EnvironmentId) {
        let Some(name) = self.random.pick(&DEFINED) else {
            return;
        };
        let spec = WorkerSpec::named(name.parse().unwrap());
        let scale = i64::try_from(self.random.below(3)).unwrap();
        self.fate.note(format_args!(
            "somebody defines {scale} of {name} of {app} in {environment}"
        ));
        let (app, environment) = (app.to_string(), environment.to_string());
        let ask = |ctx: Ctx| {
            let (app, environment) = (app.clone(), environment.clone());
            let new = (spec.clone(), Some(scale));
            async move { workers::create(&ctx, &app, &environment, new, Mode::Run).await }
        };
        match self.insist(ask).await {
            Ok(()) | Err(Error::Store(store::Error::Exists { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Deletes an App with all that stands of it, and makes another one.
    pub(crate) fn delete_app(&mut self, app: AppId) {
        self.fate.note(format_args!("somebody deletes {app}"));
        let force = if self.random.in_thousand(800) {
            Force::Yes
        } else {
            Force::No
        };
        match at_once(apps::delete(
            &self.somebody(),
            &app.to_string(),
            None,
            force,
            Mode::Run,
        )) {
            Ok(_) => {}
            Err(Error::HasInstances { .. }) if force == Force::No => return,
            Err(error) => panic!("{error}"),
        }
        self.apps.retain(|(known, _)| *known != app);
        self.make_app();
    }

    /// Deletes every App, and then an Environment, where nothing is left in it by then; and makes another one.
    pub(crate) async fn retire(&mut self, environment: EnvironmentId) {
        if self.random.in_thousand(700) {
            for (app, _) in self.apps.clone() {
                self.delete_app(app);
            }
        }
        let pause = Duration::from_millis(self.random.below(60_000));
        self.pass(pause).await;
        let which = environment.to_string();
        let ctx = self.somebody();
        let done = match at_once(environments::delete(&ctx, &which, None, Mode::Run)) {
            Ok(_) => true,
            Err(Error::Store(store::Error::InUse { .. })) => false,
            Err(error) => panic!("{error}"),
        };
        self.fate
            .note(format_args!("somebody deletes {environment}: {done}"));
        if done {
            self.environments.retain(|known| *known != environment);
            self.make_environment();
        }
    }
}

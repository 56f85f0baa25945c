//! What a use case answers: what it made or changed, and the plan that follows.

use super::{Ctx, Error};
use crate::observe;
use domain::{AppId, DeployId, Environment};
use scheduler::{Plan, PlanInput};
use std::collections::BTreeMap;

/// The Deploy that a preview speaks of before there is one.
pub const PREVIEWED: DeployId = DeployId::new(i64::MAX);

/// What a use case made, changed or would have, and what follows from it.
#[derive(Debug, Clone)]
pub struct Done<T> {
    pub value: T,
    pub plan: Intended,
}

/// What a call has set out to do, or would do. Empty when nothing changes.
///
/// The control loops plan what happens to instances from what they see then, so only a preview shows such steps.
#[derive(Debug, Clone, Default)]
pub struct Intended {
    pub records: Vec<Record>,
    pub instances: Vec<EnvironmentPlan>,
}

/// Something done to what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub verb: Verb,
    /// Kind and name: `app sample`.
    pub subject: String,
    /// Name of the App that it concerns; empty where none.
    pub app: String,
    /// Name of the Environment that it concerns; empty where none.
    pub environment: String,
    /// Why, or what of it, for people.
    pub why: String,
}

/// What is done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Fetch,
    Build,
    Create,
    Update,
    Delete,
    Cancel,
    Collect,
}

/// What would happen to the instances of one Environment.
#[derive(Debug, Clone)]
pub struct EnvironmentPlan {
    pub environment: String,
    /// The names of the Apps that the plan may speak of.
    pub apps: BTreeMap<AppId, String>,
    pub plan: Plan,
}

impl<T> Done<T> {
    /// Nothing had to change.
    pub(super) fn unchanged(value: T) -> Self {
        Self {
            value,
            plan: Intended::default(),
        }
    }

    /// One record changes, and nothing happens to instances.
    pub(super) fn recorded(value: T, record: Record) -> Self {
        Self {
            value,
            plan: Intended::of(record),
        }
    }
}

impl Intended {
    pub(super) fn of(record: Record) -> Self {
        Self {
            records: vec![record],
            instances: Vec::new(),
        }
    }
}

impl Record {
    pub(super) fn new(verb: Verb, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            verb,
            subject: subject.into(),
            app: String::new(),
            environment: String::new(),
            why: why.into(),
        }
    }

    pub(super) fn within(mut self, app: impl ToString, environment: impl ToString) -> Self {
        self.app = app.to_string();
        self.environment = environment.to_string();
        self
    }
}

impl Ctx {
    /// What would happen to the instances of an Environment, with what is wanted edited first.
    pub(super) async fn preview(
        &self,
        environment: &Environment,
        edit: impl FnOnce(&mut PlanInput),
    ) -> Result<EnvironmentPlan, Error> {
        let mut apps = BTreeMap::new();
        let plan = observe::preview(&self.deps, environment.id, |input| {
            edit(input);
            apps = input
                .apps
                .iter()
                .map(|app| (app.app, app.name.to_string()))
                .collect();
        })
        .await?;
        Ok(EnvironmentPlan {
            environment: environment.name.to_string(),
            apps,
            plan,
        })
    }
}

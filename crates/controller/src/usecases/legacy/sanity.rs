//! Whether all is as it should be: what waits to be done, what is stuck, and which pools have no node.

use super::reconciles;
use crate::usecases::{Ctx, Error, all};
use domain::{
    BuildState, DeployState, Environment, Timestamp,
    node::{Duty, NodeState},
    reconcile::{PlannedStep, ReconcileState},
};
use ports::{
    catalog::Pool,
    store::{Page, builds::BuildFilter, deploys::DeployFilter},
};
use std::{collections::BTreeMap, time::Duration};

/// What is not done by then is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(3600);

/// How the Installation stands.
#[derive(Debug, Clone, Default)]
pub struct Sanity {
    /// By name.
    pub environments: BTreeMap<String, EnvironmentSanity>,
    /// Numbers of Builds.
    pub stuck_builds: Vec<i64>,
}

/// How one Environment stands.
#[derive(Debug, Clone)]
pub struct EnvironmentSanity {
    /// What waits to be done, but for Apps that are being deployed.
    pub steps: Vec<PlannedStep>,
    /// Numbers of Deploys.
    pub stuck_deploys: Vec<i64>,
    /// Numbers of Reconciles.
    pub stuck_reconciles: Vec<i64>,
    /// Whether there is a node for each Stack, by its name.
    pub stacks: BTreeMap<String, Staffed>,
    pub is: Standing,
}

/// Whether a pool has a node that answers and takes instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staffed {
    Yes,
    No,
}

/// Whether all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Well,
    Unwell,
}

impl Sanity {
    /// Whether all is well everywhere.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut environments = self.environments.values();
        let well = environments.all(|environment| environment.is == Standing::Well);
        match well && self.stuck_builds.is_empty() {
            true => Standing::Well,
            false => Standing::Unwell,
        }
    }
}

/// Looks at everything.
///
/// # Errors
/// Those of the database and of the catalog.
pub async fn look(ctx: &Ctx) -> Result<Sanity, Error> {
    let store = ctx.store();
    let before = ctx.deps.clock.now() - STUCK_AFTER;
    let mut sanity = Sanity::default();
    for environment in all(|page| store.list_environments("", page)).await? {
        let found = look_at(ctx, &environment, before).await?;
        sanity
            .environments
            .insert(environment.name.to_string(), found);
    }
    let in_progress = BuildFilter {
        state: Some(BuildState::InProgress),
        ..BuildFilter::default()
    };
    let builds = all(|page| store.list_builds(&in_progress, page)).await?;
    let stuck = builds.iter().rev().filter(|b| b.created_at < before);
    sanity.stuck_builds = stuck.map(|build| build.id.number()).collect();
    Ok(sanity)
}

async fn look_at(
    ctx: &Ctx,
    environment: &Environment,
    before: Timestamp,
) -> Result<EnvironmentSanity, Error> {
    let store = ctx.store();
    let mut active = Vec::new();
    for state in DeployState::ALL.iter().filter(|state| state.is_active()) {
        let filter = DeployFilter {
            app: None,
            environment: Some(environment.id),
            state: Some(*state),
        };
        active.extend(all(|page| store.list_deploys(&filter, page)).await?);
    }
    active.sort_by_key(|deploy| deploy.id);
    let mut steps = reconciles::steps(ctx, environment).await?;
    steps.retain(|step| active.iter().all(|deploy| deploy.app != step.app));
    let in_progress = Some(ReconcileState::InProgress);
    let of = Some(environment.id);
    let running = all(|page: Page| store.list_reconciles(of, in_progress, page)).await?;
    let stuck_reconciles: Vec<i64> = running
        .iter()
        .rev()
        // Evening a pool out takes as long as it takes.
        .filter(|reconcile| reconcile.rebalance.is_none() && reconcile.created_at < before)
        .map(|reconcile| reconcile.id.number())
        .collect();
    let stuck_deploys: Vec<i64> = active
        .iter()
        .filter(|deploy| deploy.created_at < before)
        .map(|deploy| deploy.id.number())
        .collect();
    let stacks = stacks(ctx, environment).await?;
    let well = steps.is_empty()
        && stuck_deploys.is_empty()
        && stuck_reconciles.is_empty()
        && stacks.values().all(|staffed| *staffed == Staffed::Yes);
    Ok(EnvironmentSanity {
        steps,
        stuck_deploys,
        stuck_reconciles,
        stacks,
        is: match well {
            true => Standing::Well,
            false => Standing::Unwell,
        },
    })
}

async fn stacks(ctx: &Ctx, environment: &Environment) -> Result<BTreeMap<String, Staffed>, Error> {
    let duties = ctx.store().duties().await?;
    let mut staffed = BTreeMap::new();
    for stack in all(|page| ctx.store().list_stacks("", page)).await? {
        let pool = Pool {
            environment: environment.id,
            environment_name: environment.name.clone(),
            stack: stack.id,
            stack_name: stack.name.clone(),
        };
        let nodes = ctx.deps.catalog.nodes(&pool).await;
        let nodes = nodes.map_err(|error| Error::from(crate::Error::Catalog(error)))?;
        let serves = nodes.iter().any(|node| {
            let duty = duties.get(&node.name).copied().unwrap_or(node.duty);
            node.state == NodeState::Alive && duty == Duty::Serving
        });
        let serves = match serves {
            true => Staffed::Yes,
            false => Staffed::No,
        };
        staffed.insert(stack.name.to_string(), serves);
    }
    Ok(staffed)
}

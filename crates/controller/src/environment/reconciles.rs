//! Ends Reconciles.

use super::Keeper;
use crate::Error;
use domain::{AppId, InstanceId, reconcile::ReconcileEvent};
use ports::store::{self, view::EnvironmentView};
use scheduler::{
    Plan, PlanInput,
    plan::{Held, Why},
};
use std::time::Duration;
use tokio::time::Instant;

/// How long a Reconcile may take.
const PATIENCE: Duration = Duration::from_secs(600);

impl Keeper {
    /// A Reconcile ends when nothing is to be done in its scope, or when it has taken too long. That is counted by a clock
    /// that does not jump, from when this server first saw it. One that evens a pool out ends when that is even: it takes
    /// as long as it takes, and whoever asked for it may cancel it.
    pub(super) async fn settle_reconciles(
        &mut self,
        view: &EnvironmentView,
        plan: &Plan,
        input: &PlanInput,
    ) -> Result<(), Error> {
        self.reconciling
            .retain(|id, _| view.reconciles.iter().any(|known| known.id == *id));
        for reconcile in &view.reconciles {
            let since = self.reconciling.entry(reconcile.id);
            let took = since.or_insert_with(Instant::now).elapsed();
            let mine = |app| reconcile.app.is_none_or(|wanted| wanted == app);
            let evens = reconcile.rebalance.map(|of| plan.even.contains(&of.stack));
            let (event, reason) = if let Some(is_even) = evens {
                match is_even {
                    true => (ReconcileEvent::Matched, None),
                    false => continue,
                }
            } else if !self.is_at_work(plan, input, mine) {
                (ReconcileEvent::Matched, None)
            } else if took > PATIENCE {
                let held = plan
                    .held
                    .iter()
                    .find(|held| mine(held.app))
                    .map(|held| held.why.to_string());
                (
                    ReconcileEvent::GaveUp,
                    Some(held.unwrap_or_else(|| "it did not come to match in 10 min".to_owned())),
                )
            } else {
                continue;
            };
            let change = self.change(format!(
                "{}: {}",
                reconcile.id,
                reason.as_deref().unwrap_or(match reconcile.rebalance {
                    Some(_) => "the pool is even",
                    None => "the world matches",
                })
            ));
            match self
                .deps
                .store
                .move_reconcile(reconcile.id, event, reason, &change)
                .await
            {
                Ok(_) | Err(store::Error::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether something is planned, under way, or waits for its next try, of these Apps.
    fn is_at_work(&self, plan: &Plan, input: &PlanInput, mine: impl Fn(AppId) -> bool) -> bool {
        let planned = plan.steps.iter().any(|step| mine(step.app));
        let held = |held: &Held| mine(held.app) && !waits_for_a_person(&held.why);
        // What waits for its next try is in no plan.
        let waiting = self.retries.iter().filter(|(_, retry)| !retry.is_due());
        let mut engaged = waiting.map(|(instance, _)| instance).chain(&self.busy);
        planned
            || plan.held.iter().any(held)
            || engaged.any(|instance| app_of(*instance, input).is_none_or(&mine))
    }
}

/// Whose an instance is, as far as it is on record or seen.
fn app_of(instance: InstanceId, input: &PlanInput) -> Option<AppId> {
    let mut intents = input.intents.iter();
    let on_record = intents.find(|intent| intent.instance == instance);
    let mut observed = input.observed.iter();
    let mut seen = || observed.find(|sighting| sighting.seen.instance == instance);
    on_record
        .map(|intent| intent.app)
        .or_else(|| seen().map(|sighting| sighting.seen.app))
}

/// What is held until somebody says what to do is not what a Reconcile brings about.
fn waits_for_a_person(why: &Why) -> bool {
    matches!(why, Why::UnknownDeploy)
}

//! One round of the loop.

use super::{Acquainted, Keeper, Next, Retry, STRANGER_PORT};
use crate::{
    Error, ledger,
    observe::{self, Scene, Sight, assemble},
    perform::{TAIL, tail},
};
use domain::{DeployId, Timestamp, observed::Authenticity};
use ports::store::{self, intents::Entry, view::EnvironmentView};
use scheduler::{Plan, PlanInput, input::Sighting, plan::Why, settle};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

impl Keeper {
    /// Observes, closes what evidence closes, moves Deploys, plans, writes down, and starts the steps.
    ///
    /// **Invariant:** a step is started only after its intent is on record, and the intents of a plan and the closures
    /// of the one before share one commit.
    pub(super) async fn turn(&mut self) -> Result<Next, Error> {
        let began = Instant::now();
        self.write_learned().await?;
        let Some(view) = observe::view(&self.deps, self.environment).await? else {
            return Ok(Next::Gone);
        };
        self.advance(&view);
        let sight = observe::look(&self.deps, &view).await?;
        self.deregister_vanished(&sight).await;
        self.watch_nodes(&sight);
        self.watch_health(&view, &sight);
        self.spend_patience().await?;
        let scene = self.scene(&view, &sight).await?;
        let mut input = assemble(&self.deps, &view, &sight, &scene);
        self.note_restarts(&input);
        let mut entries = self.note_loops(&view, &input);
        entries.extend(self.note_health(&input));
        let closures = settle(&input);
        entries.extend(ledger::closed(&closures, &input));
        self.forget(&closures);
        ledger::apply(&mut input, &closures);
        let plan = (self.deps.settings.planner)(&input);
        let deploying = self.judge(&view, &input, &plan).await?;
        if deploying.moved {
            self.write(&entries).await?;
            return Ok(Next::Again);
        }
        if let Some(violation) = (self.deps.settings.check)(&plan, &input).first() {
            return Err(Error::BadPlan(violation.to_string()));
        }
        entries.extend(self.deaths(&plan, &input).await);
        entries.extend(ledger::intents(&plan, &input, &sight));
        self.carry_out(&view, &sight, &input, &plan, &entries)
            .await?;
        self.tell(&deploying.steps).await?;
        self.settle_reconciles(&view, &plan, input.now).await?;
        figures(&view, &input, began);
        Ok(Next::Wait(plan.wake_at))
    }

    /// Lets the catalog forget what its node has no more. What fails is seen again in the next turn.
    async fn deregister_vanished(&self, sight: &Sight) {
        for (name, node) in &sight.nodes {
            for instance in node.vanished() {
                if let Err(error) = self.deps.catalog.deregister(name, instance).await {
                    tracing::debug!(%instance, node = %name, %error, "still in the catalog");
                }
            }
        }
    }

    /// Writes the ledger, then starts the steps; the other way round only for the test that proves the order.
    async fn carry_out(
        &mut self,
        view: &EnvironmentView,
        sight: &Sight,
        input: &PlanInput,
        plan: &Plan,
        entries: &[Entry],
    ) -> Result<(), Error> {
        match self.deps.settings.record {
            crate::deps::RecordOrder::BeforeEffect => {
                self.write(entries).await?;
                self.start_steps(view, sight, input, plan).await
            }
            crate::deps::RecordOrder::AfterEffect => {
                self.start_steps(view, sight, input, plan).await?;
                while let Some(finished) = self.work.join_next().await {
                    self.take(finished);
                }
                self.write(entries).await
            }
        }
    }

    async fn write(&self, entries: &[Entry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        match self.deps.store.record(entries, &self.fence).await {
            // Another Environment was faster to take the port or the room: its intents are in the next view.
            Err(error @ (store::Error::PortTaken { .. } | store::Error::Overbooked { .. })) => {
                tracing::debug!(%error, "planning again in a moment");
                Err(error.into())
            }
            written => Ok(written?),
        }
    }

    /// Writes down what steps that failed have taught.
    pub(super) async fn write_learned(&mut self) -> Result<(), Error> {
        self.write(&self.learned).await?;
        self.learned.clear();
        Ok(())
    }

    /// Puts on record what Deploys have spent of their patience, some seconds at a time.
    async fn spend_patience(&mut self) -> Result<(), Error> {
        for (deploy, spent) in self.patience.unrecorded() {
            let store = &self.deps.store;
            store.spend_patience(deploy, spent, &self.fence).await?;
            self.patience.recorded(deploy, spent);
        }
        Ok(())
    }

    async fn scene(&mut self, view: &EnvironmentView, sight: &Sight) -> Result<Scene, Error> {
        self.planned = (Instant::now(), self.deps.clock.now());
        self.strangers_ports
            .retain(|_, since| since.elapsed() < STRANGER_PORT);
        let mut strangers_ports: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
        for (node, port) in self.strangers_ports.keys() {
            strangers_ports
                .entry(node.clone())
                .or_default()
                .insert(*port);
        }
        let mut known_deploys = observe::known_deploys(&self.deps, view, sight).await?;
        let unknown = self.guard_ids(sight, &known_deploys).await?;
        self.hold_adopted(view, &mut known_deploys);
        self.strangers = unknown;
        let paused = self
            .retries
            .iter()
            .filter(|(_, retry)| !retry.is_due())
            .map(|(instance, _)| *instance);
        Ok(Scene {
            seed: self.deps.ids.bits(),
            spent: self.patience.count(view),
            busy: self.busy.iter().copied().chain(paused).collect(),
            known_deploys,
            strangers_ports,
        })
    }

    /// No new Deploy may bear an id that an instance bears which the database does not know. Answers which these are.
    async fn guard_ids(
        &self,
        sight: &Sight,
        known: &BTreeSet<DeployId>,
    ) -> Result<BTreeSet<DeployId>, Error> {
        let seen = sight.nodes.values().flat_map(|node| &node.instances);
        let unknown: BTreeSet<_> = seen
            .filter(|seen| seen.environment == self.environment && !known.contains(&seen.deploy))
            .map(|seen| seen.deploy)
            .collect();
        if let Some(newest) = unknown.last() {
            self.deps.store.reserve_deploys(*newest).await?;
        }
        Ok(unknown)
    }

    /// A Deploy that was adopted after the view was read stays unknown until the next turn: this view has none of the
    /// intents that the adoption wrote, and its instances would be swept as strays.
    fn hold_adopted(&self, view: &EnvironmentView, known: &mut BTreeSet<DeployId>) {
        let named = observe::named_deploys(view);
        let adopted =
            |deploy: &DeployId| self.strangers.contains(deploy) && !named.contains(deploy);
        let before = known.len();
        known.retain(|deploy| !adopted(deploy));
        if known.len() < before {
            self.wake.notify_one();
        }
    }

    /// Puts on the board what nodes have started again.
    fn note_restarts(&self, input: &PlanInput) {
        for Sighting { seen, .. } in &input.observed {
            if seen.authenticity == Authenticity::Genuine {
                let board = &self.deps.board;
                board.note_restarts(seen.instance, &seen.phase, input.now);
            }
        }
    }

    /// Puts the health that is seen now on the board, and tells of those that turned. A loop that has just begun tells
    /// of nothing: what it sees for the first time may have been so for days.
    fn note_health(&mut self, input: &PlanInput) -> Vec<Entry> {
        let mut turned = Vec::new();
        let genuine = input
            .observed
            .iter()
            .filter(|s| s.seen.authenticity == Authenticity::Genuine);
        for sighting in genuine {
            let before = self
                .deps
                .board
                .note(sighting.seen.instance, sighting.health.clone());
            turned.extend(ledger::turned(
                &sighting.seen,
                &before,
                &sighting.health,
                input.now,
            ));
        }
        match std::mem::replace(&mut self.acquainted, Acquainted::Yes) {
            Acquainted::Yes => turned,
            Acquainted::No => Vec::new(),
        }
    }

    fn forget(&mut self, closures: &[scheduler::Closure]) {
        for closure in closures {
            match closure {
                scheduler::Closure::Gone { instance }
                | scheduler::Closure::Vanished { instance } => {
                    self.deps.board.forget(*instance);
                    self.retries.remove(instance);
                }
                scheduler::Closure::Started { instance } => {
                    self.retries.remove(instance);
                }
            }
        }
    }

    /// How instances ended that the plan gives up, with their last lines.
    async fn deaths(&self, plan: &Plan, input: &PlanInput) -> Vec<Entry> {
        let ends = ledger::deaths(plan, input)
            .into_iter()
            .map(|(mut end, handle)| async move {
                if let Ok(runtime) = self.deps.fleet.runtime(&end.node) {
                    end.log_tail = tail(&*runtime, &handle, TAIL).await;
                }
                Entry::End(end)
            });
        futures_util::future::join_all(ends).await
    }

    /// A Reconcile ends when nothing is to be done in its scope, or when it has taken too long.
    async fn settle_reconciles(
        &self,
        view: &EnvironmentView,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<(), Error> {
        use domain::reconcile::ReconcileEvent;
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);
        for reconcile in &view.reconciles {
            let mine = |app| reconcile.app.is_none_or(|wanted| wanted == app);
            let busy = plan.steps.iter().any(|s| mine(s.app))
                || plan
                    .held
                    .iter()
                    .any(|h| mine(h.app) && !waits_for_a_person(&h.why));
            // What waits for its next try is in no plan.
            let tries = self.retries.values().all(Retry::is_due);
            let (event, reason) = if !busy && tries && self.busy.is_empty() {
                (ReconcileEvent::Matched, None)
            } else if reconcile.created_at > now || now.since(reconcile.created_at) > PATIENCE {
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
                reason.as_deref().unwrap_or("the world matches")
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

    /// A change that the loop makes by itself.
    pub(super) fn change(&self, message: String) -> store::Change {
        store::Change {
            actor: "jockey".to_owned(),
            at: self.deps.clock.now(),
            message,
            request: None,
        }
    }
}

/// What a turn saw, for whoever watches the server.
fn figures(view: &EnvironmentView, input: &PlanInput, began: Instant) {
    metrics::histogram!("jockey_turn_seconds").record(began.elapsed().as_secs_f64());
    let mut counts = BTreeMap::from([("healthy", 0_u32), ("unhealthy", 0), ("unknown", 0)]);
    for sighting in &input.observed {
        *counts.entry(sighting.health.as_str()).or_default() += 1;
    }
    for (health, count) in counts {
        let environment = view.environment.name.to_string();
        metrics::gauge!("jockey_instances", "environment" => environment, "health" => health)
            .set(count);
    }
}

/// What is held until somebody says what to do is not what a Reconcile brings about.
fn waits_for_a_person(why: &Why) -> bool {
    matches!(why, Why::UnknownDeploy)
}

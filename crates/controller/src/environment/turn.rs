//! One round of the loop.

use super::{Acquainted, Keeper, Next, STRANGER_PORT, Wakes, prepare::Preparation};
use crate::{
    Error, ledger,
    observe::{self, Scene, Sight, assemble},
    perform::{TAIL, tail},
};
use domain::{DeployId, observed::Authenticity};
use futures_util::future::join_all;
use ports::store::{self, intents::Entry, view::EnvironmentView};
use scheduler::{Plan, PlanInput, input::Sighting, plan::Why, settle};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::time::Instant;

impl Keeper {
    /// Observes, closes what evidence closes, moves Deploys, plans, writes down, and starts the steps.
    ///
    /// **Invariant:** a step is started only after its intent is on record, and the intents of a plan and the closures
    /// of the one before share one commit.
    pub(super) async fn turn(&mut self) -> Result<Next, Error> {
        let began = Instant::now();
        self.write_learned().await?;
        let Some(view) = self.view().await? else {
            return Ok(Next::Gone);
        };
        let Some((view, sight)) = self.look(view).await? else {
            return Ok(Next::Again);
        };
        let sight = Arc::new(sight);
        self.deps
            .board
            .note_sight(self.environment, Arc::clone(&sight));
        self.deregister_vanished(&sight).await;
        self.watch_nodes(&sight);
        self.watch_health(&view, &sight);
        self.spend_patience().await?;
        self.forget_restarts(&view).await?;
        let next = self.decide(view, &sight).await;
        metrics::histogram!("jockey_turn_seconds").record(began.elapsed().as_secs_f64());
        next
    }

    /// The Environment as the database has it. What is written from here on wakes the loop.
    async fn view(&mut self) -> Result<Option<EnvironmentView>, Error> {
        self.newest.mark_unchanged();
        self.newest_of_all.mark_unchanged();
        Ok(observe::view(&self.deps, self.environment).await?)
    }

    /// The Environment as it is by now, to be judged by what was seen before. None where that cannot be: it is gone, or
    /// what it says of instances and nodes is not what it said when they were looked at.
    async fn view_again(
        &mut self,
        before: &EnvironmentView,
    ) -> Result<Option<EnvironmentView>, Error> {
        let now = self.view().await?;
        Ok(now.filter(|now| {
            now.intents == before.intents
                && now.stacks == before.stacks
                && now.duties == before.duties
        }))
    }

    /// Looks at the nodes, and brings Deploys meanwhile as far as the database alone takes them. None: look again.
    async fn look(
        &mut self,
        view: EnvironmentView,
    ) -> Result<Option<(EnvironmentView, Sight)>, Error> {
        let preparations = self.advance(&view);
        let prepared = join_all(preparations.iter().map(Preparation::run));
        let (sight, prepared) = tokio::join!(observe::look(&self.deps, &view), prepared);
        for (preparation, again) in preparations.iter().zip(prepared) {
            self.note_prepared(preparation.deploy(), again);
        }
        let sight = match sight {
            Ok(sight) => sight,
            Err(error) => {
                self.tell_lost_catalog(&view, &error).await?;
                return Err(error);
            }
        };
        if preparations.is_empty() {
            return Ok(Some((view, sight)));
        }
        let now = self.view_again(&view).await?;
        Ok(now.map(|view| (view, sight)))
    }

    /// Judges by what was seen, until no Deploy moves any more, and acts.
    async fn decide(&mut self, mut view: EnvironmentView, sight: &Sight) -> Result<Next, Error> {
        let scene = self.scene(&view, sight).await?;
        loop {
            let mut input = assemble(&self.deps, &view, sight, &scene);
            self.attest(&input).await;
            self.note_restarts(&input);
            self.note_loops(&view, &input);
            self.note_health(&input);
            let closures = settle(&input);
            let entries = ledger::closed(&closures, &input);
            self.forget(&closures);
            ledger::apply(&mut input, &closures);
            let plan = (self.deps.settings.planner)(&input);
            let deploying = self.judge(&view, &input, &plan).await?;
            if !deploying.moved {
                figures(&view, &input);
                let next = self.act(&view, sight, &input, &plan, entries).await?;
                self.tell(&deploying.steps).await?;
                return Ok(next);
            }
            // What is wanted is another thing by now; what was seen is as it was.
            self.write(&entries).await?;
            match self.view_again(&view).await? {
                Some(now) if self.due(&now).next().is_none() => view = now,
                Some(_) | None => return Ok(Next::Again),
            }
        }
    }

    /// Writes down what a plan sets out to do, and begins it.
    async fn act(
        &mut self,
        view: &EnvironmentView,
        sight: &Sight,
        input: &PlanInput,
        plan: &Plan,
        mut entries: Vec<Entry>,
    ) -> Result<Next, Error> {
        if let Some(violation) = (self.deps.settings.check)(plan, input).first() {
            return Err(Error::BadPlan(violation.to_string()));
        }
        self.wakes = wakes(plan);
        entries.extend(self.deaths(plan, input).await);
        entries.extend(ledger::intents(view, plan, input, sight));
        self.carry_out(view, sight, input, plan, &entries).await?;
        self.settle_reconciles(view, plan, input).await?;
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

    /// Writes these down, and with them what was learned before. What was learned is kept where they are refused.
    async fn write(&mut self, entries: &[Entry]) -> Result<(), Error> {
        let learned = self.learned.len();
        self.learned.extend_from_slice(entries);
        if self.learned.is_empty() {
            return Ok(());
        }
        match self.deps.store.record(&self.learned, &self.fence).await {
            Ok(()) => {
                self.learned.clear();
                Ok(())
            }
            Err(error) => {
                self.learned.truncate(learned);
                // Another Environment was faster to take the port or the room: its intents are in the next view.
                if let store::Error::PortTaken { .. } | store::Error::Overbooked { .. } = error {
                    tracing::debug!(%error, "planning again in a moment");
                }
                Err(error.into())
            }
        }
    }

    /// Writes down what steps that failed have taught, and what a turn has seen whose plan was refused.
    pub(super) async fn write_learned(&mut self) -> Result<(), Error> {
        self.write(&[]).await
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
        self.guard_ids(sight, &known_deploys).await?;
        self.hold_new(view, &mut known_deploys);
        let remembered = self
            .pools
            .note(&sight.pools, view, &self.deps.settings.policy);
        self.deps
            .board
            .note_pools(self.environment, remembered.clone());
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
            remembered,
        })
    }

    /// No new Deploy may bear an id that an instance bears which the database does not know.
    async fn guard_ids(&self, sight: &Sight, known: &BTreeSet<DeployId>) -> Result<(), Error> {
        let seen = sight.nodes.values().flat_map(|node| &node.instances);
        let unknown =
            seen.filter(|s| s.environment == self.environment && !known.contains(&s.deploy));
        if let Some(newest) = unknown.map(|seen| seen.deploy).max() {
            self.deps.store.reserve_deploys(newest).await?;
        }
        Ok(())
    }

    /// A Deploy that was not known before this view was read, and that the view does not name, stays unknown until the
    /// next turn: it may have been adopted since. Then this view has none of the intents that the adoption wrote, and its
    /// instances would be swept as strays.
    fn hold_new(&mut self, view: &EnvironmentView, known: &mut BTreeSet<DeployId>) {
        let named = observe::named_deploys(view);
        let met = std::mem::replace(&mut self.met, known.clone());
        let before = known.len();
        known.retain(|deploy| named.contains(deploy) || met.contains(deploy));
        if known.len() < before {
            self.wake.notify_one();
        }
    }

    /// Puts on the board what nodes have started again.
    fn note_restarts(&self, input: &PlanInput) {
        for Sighting { seen, .. } in &input.observed {
            if seen.authenticity == Authenticity::Genuine {
                let board = &self.deps.board;
                board.note_restarts(seen, input.now);
            }
        }
    }

    /// Puts the health that is seen now on the board, and has those told of that turned. A loop that has just begun tells
    /// of nothing: what it sees for the first time may have been so for days.
    fn note_health(&mut self, input: &PlanInput) {
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
            Acquainted::Yes => self.learned.extend(turned),
            Acquainted::No => {}
        }
    }

    fn forget(&mut self, closures: &[scheduler::Closure]) {
        for closure in closures {
            match closure {
                scheduler::Closure::Gone { instance }
                | scheduler::Closure::Vanished { instance }
                | scheduler::Closure::GivenUp { instance }
                | scheduler::Closure::Lapsed { instance } => {
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
        join_all(ends).await
    }

    /// A change that the loop makes by itself.
    pub(super) fn change(&self, message: String) -> store::Change {
        store::Change {
            actor: "jockey".to_owned(),
            at: self.deps.clock.now(),
            message,
            request: None,
            origin: ports::store::Origin::Server,
        }
    }
}

/// Which events may change what this plan holds back.
fn wakes(plan: &Plan) -> Wakes {
    let for_room = |why: &Why| matches!(why, Why::NoRoom { .. });
    if plan.held.iter().any(|held| for_room(&held.why)) {
        Wakes::All
    } else {
        Wakes::Own
    }
}

/// What a turn saw, for whoever watches the server.
fn figures(view: &EnvironmentView, input: &PlanInput) {
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

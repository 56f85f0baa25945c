//! The world that a scenario speaks to.

use super::{
    look::{NOTHING, plan_told, verdict_told},
    names::Names,
    tally::Tally,
    words::{Heard, described_worker, duration, pool_node},
};
use crate::sketch::{Quality, Sketch, healthy, unhealthy};
use domain::{
    DeployId, DeployState, Health, InstanceId, Scale, WorkerName,
    node::{Duty, NodeState},
    observed::{End, Phase},
};
use scheduler::{
    Plan,
    input::{Answered, DesiredWorker, Opening},
};
use std::collections::BTreeMap;

/// More than any of the stories takes.
const ROUNDS_MAX: usize = 200;

pub(crate) struct Conversation {
    world: Sketch,
    workers: BTreeMap<WorkerName, DesiredWorker>,
    names: Names,
    /// What was shown last, and not performed.
    shown: Option<Plan>,
    /// Health that stays as it was said, whatever time brings.
    pinned: BTreeMap<InstanceId, Health>,
    /// How it went since something was said.
    tally: Tally,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            world: Sketch::new(&[]),
            workers: BTreeMap::new(),
            names: Names::default(),
            shown: None,
            pinned: BTreeMap::new(),
            tally: Tally::default(),
        }
    }
}

impl Conversation {
    /// Does what is said, and answers.
    ///
    /// The world: `pool`, `worker`, `running`. What is wanted: `deploy` (under way), `change` (the same, of changed variables), `deployed`, `scale`. What happens:
    /// `node`, `lease` (for how long its program lets singletons run), `rebalance` (how many at once), `health`, `killed`, `release` (how what it starts turns out), `wait`. To look: `plan` shows what would be
    /// done, `then` does that and shows what comes next, `rest` goes on until nothing moves, `verdict` judges the deploy.
    ///
    /// # Errors
    /// Why the line is not understood.
    pub(crate) fn hear(&mut self, said: &str) -> Heard<String> {
        let words: Vec<&str> = said.split_whitespace().collect();
        let (verb, words) = words.split_first().ok_or("nothing is said")?;
        match (*verb, words) {
            ("pool", nodes) => self.pool(nodes)?,
            ("worker", facts) => self.describe(facts)?,
            ("running", [deploy, places @ ..]) => self.running(deploy.parse()?, places)?,
            ("deploy", [deploy]) => self.want(deploy.parse()?, DeployState::Deploying),
            ("change", [deploy]) => {
                self.want(deploy.parse()?, DeployState::Deploying);
                self.world.open_with(Opening::One);
            }
            ("deployed", [deploy]) => self.want(deploy.parse()?, DeployState::Deployed),
            ("scale", [scale]) => self.scale(scale)?,
            ("node", [name, what]) => self.node(name, what)?,
            ("lease", [node, time]) => {
                let until = self.world.now + duration(time)?;
                self.world.leases.insert(node.parse()?, until);
            }
            ("health", [name, health]) => self.health(name, health)?,
            ("killed", [name, code]) => self.killed(name, code.parse()?)?,
            ("release", [deploy, quality]) => self.release(deploy.parse()?, quality)?,
            ("rebalance", [most]) => self.world.rebalance = Some(most.parse()?),
            ("wait", [time]) => self.world.now = self.world.now + duration(time)?,
            ("plan", []) => return Ok(self.look()),
            ("then", []) => {
                self.round();
                return Ok(self.look());
            }
            ("rest", []) => return Ok(self.rest()),
            ("verdict", []) => {
                let verdict = self.world.verdict();
                return Ok(verdict_told(&verdict, &self.names));
            }
            (verb, _) => return Err(format!("there is no `{verb}`").into()),
        }
        self.shown = None;
        self.tally = Tally::default();
        Ok(String::new())
    }

    fn pool(&mut self, nodes: &[&str]) -> Heard<()> {
        for text in nodes {
            self.world.nodes.push(pool_node(text)?);
        }
        Ok(())
    }

    fn describe(&mut self, facts: &[&str]) -> Heard<()> {
        let worker = described_worker(facts)?;
        self.workers.insert(worker.spec.name.clone(), worker);
        Ok(())
    }

    /// `web@a web@b`: they run, serve and are on record.
    fn running(&mut self, deploy: DeployId, places: &[&str]) -> Heard<()> {
        for place in places {
            let (worker, node) = place.split_once('@').ok_or("write web@a")?;
            let worker = self
                .workers
                .get(&worker.parse::<WorkerName>()?)
                .ok_or_else(|| format!("there is no worker `{worker}`"))?;
            let instance = self.world.run(worker, deploy.number(), node);
            self.names.meet(instance, &worker.spec.name);
        }
        Ok(())
    }

    fn want(&mut self, deploy: DeployId, state: DeployState) {
        let workers = self.workers.values().cloned().collect();
        self.world.want(deploy.number(), state, workers);
    }

    fn scale(&mut self, scale: &str) -> Heard<()> {
        let (worker, scale) = scale.split_once('=').ok_or("write web=2")?;
        self.world.worker_mut(worker).scale = Scale::new(scale.parse()?, u16::MAX)?;
        Ok(())
    }

    /// What a person wants of it, what has become of it, or what its meta says: `disk=ssd`.
    fn node(&mut self, name: &str, what: &str) -> Heard<()> {
        let host = self.world.node_mut(name);
        if let Some((key, value)) = what.split_once('=') {
            host.node.meta.insert(key.to_owned(), value.to_owned());
            return Ok(());
        }
        match (what.parse::<Duty>(), what.parse::<NodeState>()) {
            (Ok(duty), _) => host.node.duty = duty,
            (Err(_), Ok(state)) => {
                host.node.state = state;
                host.answered = match state {
                    NodeState::Alive => Answered::Yes,
                    NodeState::Silent | NodeState::Failed => Answered::No,
                };
            }
            (Err(_), Err(error)) => return Err(error.into()),
        }
        Ok(())
    }

    fn health(&mut self, name: &str, health: &str) -> Heard<()> {
        let (instance, now) = (self.names.find(name)?, self.world.now);
        let health = match health {
            "healthy" => healthy(now),
            "unhealthy" => unhealthy(now),
            "unknown" => Health::Unknown,
            other => return Err(format!("there is no health `{other}`").into()),
        };
        self.world.seen_mut(instance).health = health.clone();
        self.pinned.insert(instance, health);
        Ok(())
    }

    fn killed(&mut self, name: &str, code: i64) -> Heard<()> {
        let (instance, at) = (self.names.find(name)?, self.world.now);
        let sighting = self.world.seen_mut(instance);
        sighting.health = Health::Unknown;
        let end = End::Exit;
        sighting.seen.phase = Phase::Exited { code, end, at };
        Ok(())
    }

    fn release(&mut self, deploy: DeployId, quality: &str) -> Heard<()> {
        let quality = match quality {
            "good" => Quality::Good,
            "sick" => Quality::Sick,
            "dying" => Quality::Dying,
            other => return Err(format!("there is no release that is `{other}`").into()),
        };
        self.world.quality.insert(deploy, quality);
        Ok(())
    }

    fn look(&mut self) -> String {
        let plan = self.world.plan();
        let told = plan_told(&plan, &mut self.names, self.world.now);
        self.shown = Some(plan);
        told
    }

    /// Performs what was shown last, and lets time go on.
    fn round(&mut self) -> Plan {
        let plan = self.shown.take().unwrap_or_else(|| self.world.plan());
        let names: Vec<WorkerName> = self.workers.keys().cloned().collect();
        self.tally.see(&self.world, &names);
        for step in &plan.steps {
            self.world.perform(step);
            self.tally.see(&self.world, &names);
        }
        if !plan.even.is_empty() {
            self.world.rebalance = None;
        }
        self.world.go_on(&plan);
        for sighting in &mut self.world.containers {
            if let Some(health) = self.pinned.get(&sighting.seen.instance)
                && sighting.seen.phase.is_running()
            {
                sighting.health = health.clone();
            }
        }
        self.tally.see(&self.world, &names);
        plan
    }

    /// Goes on until nothing moves. How each worker stands then, how it went since something was said, and what is left
    /// to say.
    fn rest(&mut self) -> String {
        let rested = (0..ROUNDS_MAX).any(|_| {
            let plan = self.round();
            plan.is_empty() || (plan.steps.is_empty() && plan.wake_at.is_none())
        });
        let mut told = self.tally.told(&self.world);
        let last = self.look();
        if !rested || last != NOTHING {
            told.push_str(&last);
        }
        told
    }
}

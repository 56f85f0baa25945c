//! Performing a plan in the sketched world.

use super::{Quality, Sketch, healthy, unhealthy};
use domain::{
    EnvironmentId, Health, InstanceEnd, InstanceId, Intent, IntentKind, IntentState, WorkerSpec,
    observed::{End, Manner, Phase, RestartPolicy},
    worker::{NamedPorts, Resources},
};
use scheduler::{
    Closure, Plan, check,
    input::{Registration, Sighting},
    plan,
    plan::{Action, Step, Why},
    settle,
};
use std::time::Duration;

impl Sketch {
    /// Plans, with what is known to be done closed, and has the plan checked.
    #[track_caller]
    pub(crate) fn plan(&mut self) -> Plan {
        for closure in settle(&self.input()) {
            self.close(closure);
        }
        self.seed += 1;
        let input = self.input();
        let plan = plan(&input);
        assert_eq!(check(&plan, &input), [], "{plan}");
        plan
    }

    /// One round of the loop: plan, perform, and time goes on.
    #[track_caller]
    pub(crate) fn round(&mut self) -> Plan {
        let plan = self.plan();
        for step in &plan.steps {
            self.perform(step);
        }
        self.go_on(&plan);
        plan
    }

    /// Rounds until a plan is empty, or the limit is reached. The last plan.
    #[track_caller]
    pub(crate) fn settle_down(&mut self) -> Plan {
        const ROUNDS_MAX: usize = 200;
        for _ in 0..ROUNDS_MAX {
            let plan = self.round();
            if plan.is_empty() {
                return plan;
            }
        }
        self.plan()
    }

    /// Time goes on to the next thing that waits for it, and processes do what they do meanwhile.
    pub(crate) fn go_on(&mut self, plan: &Plan) {
        let soon = self.now + Duration::from_secs(1);
        self.now = match plan.wake_at {
            Some(at) if plan.steps.is_empty() => at,
            Some(_) | None => soon,
        };
        let now = self.now;
        for sighting in &mut self.containers {
            let quality = self.quality.get(&sighting.seen.deploy);
            let since = match sighting.seen.phase {
                Phase::Running { since, .. } => since,
                Phase::Restarting { restarts, .. } => {
                    sighting.seen.phase = Phase::Running {
                        since: now,
                        restarts,
                        check: None,
                    };
                    sighting.health = Health::Unknown;
                    continue;
                }
                Phase::Created | Phase::Paused { .. } | Phase::Exited { .. } => continue,
            };
            match quality.copied().unwrap_or(Quality::Good) {
                Quality::Good if sighting.health == Health::Unknown => {
                    sighting.health = healthy(now)
                }
                Quality::Good => {}
                Quality::Sick if !sighting.health.is_unhealthy() => {
                    sighting.health = unhealthy(since)
                }
                Quality::Sick => {}
                Quality::Dying => {
                    sighting.health = Health::Unknown;
                    sighting.seen.phase = Phase::Exited {
                        code: 3,
                        end: End::Exit,
                        at: now,
                    };
                }
            }
        }
    }

    fn close(&mut self, closure: Closure) {
        match closure {
            Closure::Started { instance } => self.start_of(instance).state = IntentState::Done,
            Closure::Gone { instance }
            | Closure::Vanished { instance }
            | Closure::GivenUp { instance }
            | Closure::Lapsed { instance } => {
                self.intents.retain(|intent| intent.instance != instance);
            }
        }
    }

    fn start_of(&mut self, instance: InstanceId) -> &mut Intent {
        self.intents
            .iter_mut()
            .find(|intent| intent.instance == instance && intent.kind == IntentKind::Start)
            .unwrap()
    }

    /// The record, then the effect.
    pub(crate) fn perform(&mut self, step: &Step) {
        self.note_death(step);
        self.record(step);
        match &step.action {
            Action::Start {
                port,
                ports,
                restart,
            } => self.start(step, *port, ports, *restart),
            Action::Register { .. } => self.seen(step).registration = Registration::Serving,
            Action::Maintenance => self.seen(step).registration = Registration::Maintenance,
            Action::Deregister => self.seen(step).registration = Registration::None,
            Action::Stop => {
                let at = self.now;
                let seen = self.seen(step);
                seen.health = Health::Unknown;
                seen.seen.phase = Phase::Exited {
                    code: 0,
                    end: End::Exit,
                    at,
                };
            }
            Action::Remove => self.remove(step),
            Action::Keep => self.seen(step).seen.restart = RestartPolicy::UnlessStopped,
            Action::Abandon => self
                .intents
                .retain(|intent| intent.instance != step.instance),
        }
    }

    /// Puts on record what a step sets out to do.
    pub(crate) fn record(&mut self, step: &Step) {
        let kind = match &step.action {
            Action::Start { .. } => IntentKind::Start,
            action if action.condemns() && step.why != Why::Copy => IntentKind::Stop,
            _ => return,
        };
        let known = |intent: &Intent| intent.instance == step.instance && intent.kind == kind;
        if self.intents.iter().any(known) {
            return;
        }
        let (port, ports) = match &step.action {
            Action::Start { port, ports, .. } => (*port, ports.clone()),
            _ => (None, NamedPorts::default()),
        };
        self.intents.push(Intent {
            instance: step.instance,
            kind,
            app: step.app,
            environment: EnvironmentId::new(1),
            deploy: step.deploy,
            worker: step.worker.clone(),
            node: step.node.clone(),
            port,
            ports,
            resources: self.resources(step),
            state: IntentState::Open,
            why: step.why.to_string(),
            opened_at: self.now,
            fence: self.is_singleton(step).then_some(1),
            closed_at: None,
        });
    }

    fn spec(&self, step: &Step) -> Option<&WorkerSpec> {
        let deploy = self.apps[0].deploy.as_ref()?;
        let mut specs = deploy.workers.iter().map(|worker| &worker.spec);
        specs.find(|spec| spec.name == step.worker)
    }

    fn resources(&self, step: &Step) -> Resources {
        self.spec(step)
            .map_or_else(Resources::default, |spec| spec.resources)
    }

    fn is_singleton(&self, step: &Step) -> bool {
        self.spec(step).is_some_and(|spec| spec.singleton)
    }

    fn start(
        &mut self,
        step: &Step,
        port: Option<u16>,
        ports: &NamedPorts,
        restart: RestartPolicy,
    ) {
        self.containers
            .retain(|sighting| sighting.seen.instance != step.instance);
        let mut seen = self.container(
            step.instance,
            step.deploy,
            &step.worker,
            &step.node,
            port,
            restart,
        );
        seen.ports = ports.clone();
        self.containers.push(Sighting {
            seen,
            health: Health::Unknown,
            registration: Registration::None,
        });
    }

    fn remove(&mut self, step: &Step) {
        self.containers
            .retain(|sighting| Some(&sighting.seen.handle) != step.handle.as_ref());
    }

    /// One that is given up because it died or does not serve is a failure, on record before anything happens to it.
    fn note_death(&mut self, step: &Step) {
        let is_stop =
            |intent: &Intent| intent.instance == step.instance && intent.kind == IntentKind::Stop;
        let condemned = self.intents.iter().any(is_stop);
        let (exit_code, what) = match &step.why {
            Why::Ended { code } => (Some(*code), format!("exited with code {code}")),
            Why::Unhealthy { what } => (None, format!("was not healthy: {what}")),
            _ => return,
        };
        if condemned || !step.action.condemns() {
            return;
        }
        self.ends.push(InstanceEnd {
            instance: step.instance,
            app: step.app,
            environment: EnvironmentId::new(1),
            deploy: step.deploy,
            worker: step.worker.clone(),
            node: step.node.clone(),
            manner: Manner::Died,
            exit_code,
            what,
            log_tail: Vec::new(),
            at: self.now,
        });
    }

    fn seen(&mut self, step: &Step) -> &mut Sighting {
        self.containers
            .iter_mut()
            .find(|sighting| Some(&sighting.seen.handle) == step.handle.as_ref())
            .unwrap_or_else(|| panic!("{step:?} acts at nothing"))
    }
}

//! The plan while it is made.

use super::{Action, Held, Plan, Step, Why};
use crate::{
    place::Rooms,
    plan::{rebalance::Balance, replace_unhealthy::Halt},
    world::{Crew, Member, Presence, World},
};
use domain::{InstanceId, Timestamp};
use std::collections::BTreeSet;

/// The plan while it is made.
pub(crate) struct Draft<'w, 'a> {
    pub(crate) world: &'w World<'a>,
    pub(crate) halt: Halt,
    /// Empty where nobody asked for any.
    pub(crate) balance: Balance,
    plan: Plan,
    /// Those that have a step. No instance has two: they are performed at once.
    touched: BTreeSet<InstanceId>,
    /// Made when the first instance is to be placed: most plans place none.
    rooms: Option<Rooms<'a>>,
}

impl<'w, 'a> Draft<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>) -> Self {
        let mut draft = Self {
            world,
            halt: Halt::of(world),
            balance: Balance::default(),
            plan: Plan::default(),
            touched: BTreeSet::new(),
            rooms: None,
        };
        if !world.input.rebalances.is_empty() {
            draft.balance = Balance::of(world, draft.rooms());
        }
        draft
    }

    pub(crate) fn finish(self) -> Plan {
        Plan {
            even: self.balance.even(),
            ..self.plan
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.input.now
    }

    pub(crate) fn rooms(&mut self) -> &mut Rooms<'a> {
        let world = self.world;
        self.rooms.get_or_insert_with(|| Rooms::of(world))
    }

    /// Whether a step may be planned for it: nobody is acting at it, and its node can be asked to.
    pub(crate) fn may_act(&self, member: &Member<'_>) -> bool {
        let reachable = match member.presence {
            Presence::Awaited
            | Presence::Created
            | Presence::Running
            | Presence::Restarting
            | Presence::Exited => true,
            Presence::Silent
            | Presence::Lost
            | Presence::GivenUp
            | Presence::Lapsed
            | Presence::Vanished => false,
        };
        reachable && !member.busy && !self.is_touched(member)
    }

    pub(crate) fn is_touched(&self, member: &Member<'_>) -> bool {
        self.touched.contains(&member.instance)
    }

    /// Plans a step, if one may be planned for the instance at all.
    pub(crate) fn step(&mut self, member: &Member<'_>, action: Action, why: Why) {
        if self.may_act(member) {
            self.push(Step {
                action,
                instance: member.instance,
                handle: member.handle().map(str::to_owned),
                node: member.node.clone(),
                app: member.app,
                worker: member.worker.clone(),
                deploy: member.deploy,
                why,
                placed: None,
            });
        }
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.touched.insert(step.instance);
        self.plan.steps.push(step);
    }

    /// Says what may not be done to an instance yet.
    pub(crate) fn hold(&mut self, action: &'static str, member: &Member<'_>, why: Why) {
        self.plan.held.push(Held {
            action,
            app: member.app,
            worker: member.worker.clone(),
            deploy: Some(member.deploy),
            instance: Some(member.instance),
            node: Some(member.node.clone()),
            why,
        });
    }

    /// Says why no more instances of a Worker are started yet.
    pub(crate) fn hold_start(&mut self, crew: &Crew<'_, '_>, why: Why) {
        self.plan.held.push(Held {
            action: "start",
            app: crew.app.app,
            worker: crew.worker.clone(),
            deploy: crew.deploy().map(|deploy| deploy.id),
            instance: None,
            node: None,
            why,
        });
    }

    /// Asks for another plan at this time. What is past asks for nothing.
    pub(crate) fn wake_at(&mut self, at: Timestamp) {
        if at > self.now() {
            self.plan.wake_at = Some(self.plan.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
    }
}

//! Planners with one rule broken, for tests that have to find that out. Never built into a server: they stand behind
//! the feature `broken`, which only tests ask for.

use crate::{
    input::{Answered, PlanInput},
    plan::{Action, Plan, Step, Why, plan},
};
use domain::{Evidence, Health};
use std::{collections::BTreeSet, time::Duration};

/// Breaks rule 5: what is unknown is taken for unhealthy, and past its grace.
#[must_use]
pub fn plan_that_takes_unknown_for_unhealthy(input: &PlanInput) -> Plan {
    let mut input = input.clone();
    let since = input.now - Duration::from_secs(86_400);
    for sighting in &mut input.observed {
        if sighting.health == Health::Unknown && sighting.seen.phase.is_running() {
            sighting.health = Health::Unhealthy(Evidence {
                what: "unknown".to_owned(),
                since,
                seen_at: input.now,
            });
        }
    }
    plan(&input)
}

/// Breaks rule 1, and that a new Deploy proves itself first: what is held for it is done at once.
#[must_use]
pub fn plan_that_ignores_the_healthy_minimum(input: &PlanInput) -> Plan {
    let mut plan = plan(input);
    let (held, kept): (Vec<_>, Vec<_>) = plan
        .held
        .into_iter()
        .partition(|held| matches!(held.why, Why::KeepHealthy { .. } | Why::ProveFirst { .. }));
    plan.held = kept;
    plan.steps.retain(|step| {
        let stopped = held.iter().any(|held| held.instance == Some(step.instance));
        !stopped
    });
    for held in held {
        let sighting = input.observed.iter().find(|sighting| {
            Some(sighting.seen.instance) == held.instance
                && Some(&sighting.seen.node) == held.node.as_ref()
        });
        if let Some(seen) = sighting.map(|sighting| &sighting.seen)
            && !input.busy.contains(&seen.instance)
        {
            plan.steps.push(Step {
                action: Action::Stop,
                instance: seen.instance,
                handle: Some(seen.handle.clone()),
                node: seen.node.clone(),
                app: seen.app,
                worker: seen.worker.clone(),
                deploy: seen.deploy,
                why: Why::NotWanted,
                placed: None,
            });
        }
    }
    plan
}

/// Breaks rule 9: a node that cannot be seen is taken to have stopped its singletons, whatever is left of its lease.
#[must_use]
pub fn plan_that_waits_for_no_lease(input: &PlanInput) -> Plan {
    let mut input = input.clone();
    let seen = input.pools.values().flatten().chain(&input.left);
    let seen: BTreeSet<_> = seen
        .filter(|host| host.answered == Answered::Yes)
        .map(|host| host.node.name.clone())
        .collect();
    for (node, left) in &mut input.leases {
        if !seen.contains(node) {
            *left = Duration::ZERO;
        }
    }
    plan(&input)
}

/// Breaks the order of an end: what the catalog still names is stopped at once.
#[must_use]
pub fn plan_that_stops_what_is_registered(input: &PlanInput) -> Plan {
    let mut plan = plan(input);
    for step in &mut plan.steps {
        if let Action::Maintenance | Action::Deregister = step.action {
            step.action = Action::Stop;
        }
    }
    plan
}

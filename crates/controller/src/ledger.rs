//! What goes into the ledger: what evidence closed, and what the plan sets out to do.

use crate::{
    observe::Sight,
    perform::{end_of, ended_how},
};
use domain::{
    Health, InstanceEnd, InstanceId, Intent, IntentKind, IntentState, ObservedInstance, Timestamp,
    WorkerSpec,
    intent::IntentEvent,
    observed::{Manner, WAS_NOT_HEALTHY},
    worker::{NamedPorts, Resources},
};
use ports::store::{events::NewEvent, intents::Entry, view::EnvironmentView};
use scheduler::{
    Closure, Plan, PlanInput,
    plan::{Action, Step, Why},
};
use std::collections::BTreeMap;

/// The intents as they are once these closures are on record.
pub(crate) fn apply(input: &mut PlanInput, closures: &[Closure]) {
    for closure in closures {
        match closure {
            Closure::Started { instance } => {
                for intent in &mut input.intents {
                    if intent.instance == *instance && intent.kind == IntentKind::Start {
                        intent.state = IntentState::Done;
                    }
                }
            }
            Closure::Gone { instance }
            | Closure::Vanished { instance }
            | Closure::GivenUp { instance }
            | Closure::Lapsed { instance } => {
                input.intents.retain(|intent| intent.instance != *instance);
            }
        }
    }
}

/// The ledger's lines for what evidence closed.
pub(crate) fn closed(closures: &[Closure], input: &PlanInput) -> Vec<Entry> {
    let now = input.now;
    let mut entries = Vec::new();
    for closure in closures {
        match closure {
            Closure::Started { instance } => {
                let (kind, event) = (IntentKind::Start, IntentEvent::Seen);
                entries.push(Entry::Close {
                    instance: *instance,
                    kind,
                    event,
                    at: now,
                });
                entries.extend(told(input, *instance, "instance.started", "started"));
            }
            Closure::Gone { instance } => {
                entries.push(Entry::Gone {
                    instance: *instance,
                    at: now,
                });
                entries.extend(told(
                    input,
                    *instance,
                    "instance.stopped",
                    "stopped and gone",
                ));
            }
            Closure::Vanished { instance } => {
                let what = "was removed by somebody else";
                let ended = (Manner::Died, what);
                entries.extend(unseen(input, *instance, "instance.vanished", ended));
            }
            Closure::GivenUp { instance } => {
                let ended = (Manner::Stopped, "was given up with its node");
                entries.extend(unseen(input, *instance, "instance.given_up", ended));
            }
            Closure::Lapsed { instance } => {
                let what = "was stopped by its node's program, whose lease has run out";
                let ended = (Manner::Stopped, what);
                entries.extend(unseen(input, *instance, "instance.lapsed", ended));
            }
        }
    }
    entries
}

/// The lines for one whose end nobody saw.
fn unseen(
    input: &PlanInput,
    instance: InstanceId,
    kind: &str,
    (manner, what): (Manner, &str),
) -> Vec<Entry> {
    let at = input.now;
    let mut entries = vec![Entry::Gone { instance, at }];
    entries.extend(told(input, instance, kind, what));
    let end = start_of(input, instance).map(|intent| InstanceEnd {
        instance,
        app: intent.app,
        environment: intent.environment,
        deploy: intent.deploy,
        worker: intent.worker.clone(),
        node: intent.node.clone(),
        manner,
        exit_code: None,
        what: what.to_owned(),
        log_tail: Vec::new(),
        at,
    });
    entries.extend(end.map(Entry::End));
    entries
}

fn start_of(input: &PlanInput, instance: InstanceId) -> Option<&Intent> {
    input
        .intents
        .iter()
        .find(|intent| intent.instance == instance && intent.kind == IntentKind::Start)
}

fn told(input: &PlanInput, instance: InstanceId, kind: &str, what: &str) -> Option<Entry> {
    let intent = input
        .intents
        .iter()
        .find(|intent| intent.instance == instance)?;
    let message = format!("{} {instance} on {}: {what}", intent.worker, intent.node);
    let facts = BTreeMap::from([
        ("deploy".to_owned(), intent.deploy.to_string()),
        ("node".to_owned(), intent.node.to_string()),
        ("worker".to_owned(), intent.worker.to_string()),
    ]);
    Some(Entry::Event(NewEvent {
        at: input.now,
        kind: kind.to_owned(),
        actor: "jockey".to_owned(),
        subject: instance.to_string(),
        app: Some(intent.app),
        environment: Some(intent.environment),
        message,
        facts,
    }))
}

/// The event of an instance whose health turned; none for one that only becomes unknown.
pub(crate) fn turned(
    seen: &ObservedInstance,
    before: &Health,
    health: &Health,
    at: Timestamp,
) -> Option<Entry> {
    let evidence = health.evidence()?;
    if before.as_str() == health.as_str() {
        return None;
    }
    let message = format!(
        "{} {} on {} is {health}: {}",
        seen.worker, seen.instance, seen.node, evidence.what
    );
    let facts = BTreeMap::from([
        ("deploy".to_owned(), seen.deploy.to_string()),
        ("node".to_owned(), seen.node.to_string()),
        ("worker".to_owned(), seen.worker.to_string()),
    ]);
    Some(Entry::Event(NewEvent {
        at,
        kind: format!("instance.{health}"),
        actor: "jockey".to_owned(),
        subject: seen.instance.to_string(),
        app: Some(seen.app),
        environment: Some(seen.environment),
        message,
        facts,
    }))
}

/// The ledger's lines for what a plan sets out to do: each step's intent, unless it is open already, and how an
/// instance ended that is given up for it.
pub(crate) fn intents(
    view: &EnvironmentView,
    plan: &Plan,
    input: &PlanInput,
    sight: &Sight,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for step in &plan.steps {
        match &step.action {
            Action::Start { .. } => {
                if start_of(input, step.instance).is_none() {
                    let fence = fence_of(view, input, step);
                    let start = open(step, IntentKind::Start, input, sight);
                    entries.push(with_fence(start, fence));
                }
            }
            Action::Maintenance | Action::Deregister | Action::Stop | Action::Remove => {
                let condemned = input
                    .intents
                    .iter()
                    .any(|i| i.instance == step.instance && i.kind == IntentKind::Stop);
                if !condemned && !is_copy(step, input) {
                    entries.push(open(step, IntentKind::Stop, input, sight));
                }
            }
            Action::Abandon => entries.push(Entry::Close {
                instance: step.instance,
                kind: IntentKind::Start,
                event: IntentEvent::Dropped,
                at: input.now,
            }),
            Action::Register { .. } | Action::Keep => {}
        }
    }
    entries
}

/// A copy bears the id of another instance: an intent for it would condemn the original.
pub(crate) fn is_copy(step: &Step, input: &PlanInput) -> bool {
    seen_by(step, input)
        .is_some_and(|seen| seen.authenticity == domain::observed::Authenticity::Copy)
}

/// The instance that a step is about, as it was seen.
pub(crate) fn seen_by<'a>(step: &Step, input: &'a PlanInput) -> Option<&'a ObservedInstance> {
    input
        .observed
        .iter()
        .map(|sighting| &sighting.seen)
        .find(|seen| seen.instance == step.instance && step.handle.as_ref() == Some(&seen.handle))
}

fn open(step: &Step, kind: IntentKind, input: &PlanInput, sight: &Sight) -> Entry {
    let resources = match kind {
        IntentKind::Start => resources_of(step, input),
        IntentKind::Stop => Resources::default(),
    };
    let (port, ports) = match (kind, &step.action) {
        (IntentKind::Start, Action::Start { port, ports, .. }) => (*port, ports.clone()),
        (IntentKind::Start | IntentKind::Stop, _) => (None, NamedPorts::default()),
    };
    let node = sight.nodes.get(&step.node).map(|node| &node.node);
    Entry::Open {
        intent: Intent {
            instance: step.instance,
            kind,
            app: step.app,
            environment: input.environment,
            deploy: step.deploy,
            worker: step.worker.clone(),
            node: step.node.clone(),
            port,
            ports,
            resources,
            state: IntentState::Open,
            why: step.reasons(),
            opened_at: input.now,
            fence: None,
            closed_at: None,
        },
        capacity: Resources {
            memory: node.and_then(|node| node.memory),
            cpu: node.and_then(|node| node.cpu),
        },
    }
}

fn with_fence(entry: Entry, fence: Option<i64>) -> Entry {
    match entry {
        Entry::Open { intent, capacity } => Entry::Open {
            intent: Intent { fence, ..intent },
            capacity,
        },
        entry @ (Entry::Close { .. } | Entry::Gone { .. } | Entry::End(_) | Entry::Event(_)) => {
            entry
        }
    }
}

/// The number of an instance that is started, where it is a singleton's: that on record, else one above the last. Seconds
/// since 1970 are enough for that, and above those that a restored backup does not know of.
pub(crate) fn fence_of(view: &EnvironmentView, input: &PlanInput, step: &Step) -> Option<i64> {
    if let Some(start) = start_of(input, step.instance) {
        return start.fence;
    }
    spec_of(step, input).filter(|spec| spec.singleton)?;
    let last = view.fences.get(&(step.app, step.worker.clone()));
    let seconds = input.now.micros().div_euclid(1_000_000);
    Some(last.map_or(seconds, |last| seconds.max(last + 1)))
}

fn resources_of(step: &Step, input: &PlanInput) -> Resources {
    spec_of(step, input)
        .map(|spec| spec.resources)
        .unwrap_or_default()
}

fn spec_of<'a>(step: &Step, input: &'a PlanInput) -> Option<&'a WorkerSpec> {
    let deploy = input.app(step.app)?.deploy.as_ref()?;
    let mut specs = deploy.workers.iter().map(|worker| &worker.spec);
    specs.find(|spec| spec.name == step.worker)
}

/// The instances that a plan gives up because they died or do not serve, with how they ended. Such an end counts as a
/// failure, so it is on record with the intent, before anything else happens to the instance.
pub(crate) fn deaths(plan: &Plan, input: &PlanInput) -> Vec<(InstanceEnd, String)> {
    let died = plan.steps.iter().filter_map(|step| {
        let condemned = input
            .intents
            .iter()
            .any(|intent| intent.instance == step.instance && intent.kind == IntentKind::Stop);
        if condemned || !step.action.condemns() || is_copy(step, input) {
            return None;
        }
        let seen = seen_by(step, input)?;
        let what = if let Why::Unhealthy { what } = &step.why {
            format!("{WAS_NOT_HEALTHY}{what}")
        } else if let Why::Ended { .. } = &step.why {
            ended_how(&seen.phase)
        } else {
            return None;
        };
        let end = end_of(seen, Manner::Died, what, input.now);
        Some((end, seen.handle.clone()))
    });
    died.collect()
}

//! Plans.

use super::id;
use controller::usecases::{EnvironmentPlan, Intended, Record, Verb, outcome::PREVIEWED};
use domain::DeployId;
use proto::v1::{self, PlanAction};
use scheduler::plan::{Action, Held, Step};

pub(crate) fn wire(plan: &Intended) -> v1::Plan {
    let mut steps: Vec<_> = plan.records.iter().map(record).collect();
    let mut held = Vec::new();
    for environment in &plan.instances {
        steps.extend(environment.plan.steps.iter().map(|s| step(environment, s)));
        held.extend(
            environment
                .plan
                .held
                .iter()
                .map(|h| holding(environment, h)),
        );
    }
    let summary = summary(steps.len(), held.len());
    v1::Plan {
        steps,
        held,
        summary,
    }
}

pub(crate) fn of_environment(plan: EnvironmentPlan) -> v1::Plan {
    wire(&Intended {
        records: Vec::new(),
        instances: vec![plan],
    })
}

fn summary(steps: usize, held: usize) -> String {
    let counted = |number: usize, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    };
    match (steps, held) {
        (0, 0) => "nothing to do".to_owned(),
        (steps, 0) => counted(steps, "step", "steps"),
        (0, held) => format!(
            "nothing to do now, {} held back",
            counted(held, "step", "steps")
        ),
        (steps, held) => format!("{}, {held} held back", counted(steps, "step", "steps")),
    }
}

fn record(record: &Record) -> v1::PlanStep {
    let (action, reason) = match record.verb {
        Verb::Fetch => (PlanAction::Fetch, "ASKED_FOR"),
        Verb::Build => (PlanAction::Build, "NO_IMAGE"),
        Verb::Create => (PlanAction::Create, "ASKED_FOR"),
        Verb::Update => (PlanAction::Update, "ASKED_FOR"),
        Verb::Delete => (PlanAction::Delete, "ASKED_FOR"),
        Verb::Cancel => (PlanAction::Cancel, "ASKED_FOR"),
        Verb::Collect => (PlanAction::Collect, "NOT_NEEDED"),
    };
    v1::PlanStep {
        action: action.into(),
        subject: record.subject.clone(),
        reason: reason.to_owned(),
        why: record.why.clone(),
        app: record.app.clone(),
        environment: record.environment.clone(),
        ..v1::PlanStep::default()
    }
}

fn step(plan: &EnvironmentPlan, step: &Step) -> v1::PlanStep {
    let action = match step.action {
        Action::Start { .. } => PlanAction::Start,
        Action::Register { .. } => PlanAction::Register,
        Action::Maintenance => PlanAction::Maintenance,
        Action::Deregister => PlanAction::Deregister,
        Action::Stop => PlanAction::Stop,
        Action::Remove => PlanAction::Remove,
        Action::Keep => PlanAction::Keep,
        Action::Abandon => PlanAction::Abandon,
    };
    v1::PlanStep {
        action: action.into(),
        node: step.node.to_string(),
        worker: step.worker.to_string(),
        deploy: deploy(step.deploy),
        instance: step.instance.to_string(),
        subject: String::new(),
        reason: step.why.reason().to_uppercase(),
        why: step.why.to_string(),
        app: app(plan, step.app),
        environment: plan.environment.clone(),
    }
}

fn holding(plan: &EnvironmentPlan, held: &Held) -> v1::PlanStep {
    v1::PlanStep {
        action: action_named(held.action).into(),
        node: held
            .node
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        worker: held.worker.to_string(),
        deploy: held.deploy.map(deploy).unwrap_or_default(),
        instance: held.instance.map(|id| id.to_string()).unwrap_or_default(),
        subject: String::new(),
        reason: held.why.reason().to_uppercase(),
        why: held.why.to_string(),
        app: app(plan, held.app),
        environment: plan.environment.clone(),
    }
}

/// By the word that `Action::as_str` has for it.
fn action_named(word: &str) -> PlanAction {
    match word {
        "start" => PlanAction::Start,
        "register" => PlanAction::Register,
        "maintenance" => PlanAction::Maintenance,
        "deregister" => PlanAction::Deregister,
        "stop" => PlanAction::Stop,
        "remove" => PlanAction::Remove,
        "keep" => PlanAction::Keep,
        "abandon" => PlanAction::Abandon,
        _ => PlanAction::Unspecified,
    }
}

fn app(plan: &EnvironmentPlan, app: domain::AppId) -> String {
    let name = plan.apps.get(&app);
    name.cloned().unwrap_or_else(|| app.to_string())
}

fn deploy(deploy: DeployId) -> String {
    debug_assert_eq!(PREVIEWED.number(), i64::MAX, "what `id` takes for not made");
    id(deploy, deploy.number())
}

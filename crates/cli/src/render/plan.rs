//! Plans for people: what is done, what is held back, and why.

use proto::v1::{Plan, PlanAction, PlanStep};

use super::Table;
use crate::words;

/// The plan as text: its sentence, its steps in order, and what is held.
pub(crate) fn text(plan: &Plan) -> String {
    let mut table = Table::new(["STEP", "WHAT", "NODE", "DEPLOY", "WHY"]);
    for step in &plan.steps {
        table.row(row(step, ""));
    }
    for step in &plan.held {
        table.row(row(step, "held: "));
    }
    let summary = match plan.summary.as_str() {
        "" if plan.steps.is_empty() && plan.held.is_empty() => "nothing to do",
        summary => summary,
    };
    format!("{summary}\n{table}").trim_start().to_owned()
}

fn row(step: &PlanStep, prefix: &str) -> [String; 5] {
    let action = words::word("PlanAction", PlanAction::as_str_name(&step.action()));
    let what = match (step.worker.as_str(), step.instance.as_str()) {
        ("", "") => step.subject.clone(),
        ("", instance) => instance.to_owned(),
        (worker, "") => worker.to_owned(),
        (worker, instance) => format!("{worker} {instance}"),
    };
    [
        format!("{prefix}{action}"),
        or_nothing(&what),
        or_nothing(&step.node),
        or_nothing(&step.deploy),
        step.why.clone(),
    ]
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() {
        words::NOTHING
    } else {
        text
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_is_done_what_is_held_and_why() {
        let step = |action: PlanAction, instance: &str, why: &str| PlanStep {
            action: action.into(),
            node: "a".to_owned(),
            worker: "web".to_owned(),
            deploy: "dep-2".to_owned(),
            instance: instance.to_owned(),
            why: why.to_owned(),
            ..PlanStep::default()
        };
        let plan = Plan {
            steps: vec![step(PlanAction::Start, "ins-3", "0 of 2 healthy at dep-2")],
            held: vec![step(
                PlanAction::Stop,
                "ins-1",
                "2 must stay healthy, 2 are",
            )],
            summary: "1 start, 1 held".to_owned(),
        };
        insta::assert_snapshot!(text(&plan), @r#"
1 start, 1 held
STEP         WHAT        NODE   DEPLOY   WHY
start        web ins-3   a      dep-2    0 of 2 healthy at dep-2
held: stop   web ins-1   a      dep-2    2 must stay healthy, 2 are
"#);
    }

    #[test]
    fn an_empty_plan_says_so() {
        assert_eq!(text(&Plan::default()), "nothing to do\n");
    }
}

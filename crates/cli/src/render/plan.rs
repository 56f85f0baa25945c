//! Plans for people: what is done, what is held back, and why.

use proto::v1::{Plan, PlanAction, PlanStep};

use super::Table;
use crate::words;

/// What stands in a row of a plan.
const COLUMNS: [&str; 6] = ["STEP", "APP", "WHAT", "NODE", "DEPLOY", "WHY"];
/// Where the app stands among them.
const APP: usize = 1;

/// The plan as text: its sentence, its steps in order, and what is held. Whose each is only where that is not one app's.
pub(crate) fn text(plan: &Plan) -> String {
    let mut columns = COLUMNS.to_vec();
    let mut rows: Vec<_> = plan.steps.iter().map(|step| row(step, "")).collect();
    rows.extend(plan.held.iter().map(|step| row(step, "held: ")));
    if !is_of_several_apps(plan) {
        columns.remove(APP);
        for row in &mut rows {
            row.remove(APP);
        }
    }
    let mut table = Table::new(columns);
    for row in rows {
        table.row(row);
    }
    let summary = match plan.summary.as_str() {
        "" if plan.steps.is_empty() && plan.held.is_empty() => "nothing to do",
        summary => summary,
    };
    format!("{summary}\n{table}").trim_start().to_owned()
}

fn is_of_several_apps(plan: &Plan) -> bool {
    let steps = plan.steps.iter().chain(&plan.held);
    let mut apps = steps
        .map(|step| step.app.as_str())
        .filter(|app| !app.is_empty());
    let first = apps.next();
    apps.any(|app| Some(app) != first)
}

fn row(step: &PlanStep, prefix: &str) -> Vec<String> {
    let action = words::word("PlanAction", PlanAction::as_str_name(&step.action()));
    let what = match (step.worker.as_str(), step.instance.as_str()) {
        ("", "") => step.subject.clone(),
        ("", instance) => instance.to_owned(),
        (worker, "") => worker.to_owned(),
        (worker, instance) => format!("{worker} {instance}"),
    };
    vec![
        format!("{prefix}{action}"),
        or_nothing(&step.app),
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
    fn where_rows_are_of_several_apps_each_says_of_which() {
        let step = |app: &str, worker: &str| PlanStep {
            action: PlanAction::Start.into(),
            app: app.to_owned(),
            worker: worker.to_owned(),
            why: "0 of 1 healthy".to_owned(),
            ..PlanStep::default()
        };
        let plan = Plan {
            steps: vec![step("shop", "web"), step("shop", "clock")],
            summary: "2 starts".to_owned(),
            ..Plan::default()
        };
        assert!(!text(&plan).contains("shop"));
        let plan = Plan {
            held: vec![step("blog", "web")],
            summary: "2 starts, 1 held".to_owned(),
            ..plan
        };
        insta::assert_snapshot!(text(&plan), @r#"
2 starts, 1 held
STEP          APP    WHAT    NODE   DEPLOY   WHY
start         shop   web     -      -        0 of 1 healthy
start         shop   clock   -      -        0 of 1 healthy
held: start   blog   web     -      -        0 of 1 healthy
"#);
    }

    #[test]
    fn an_empty_plan_says_so() {
        assert_eq!(text(&Plan::default()), "nothing to do\n");
    }
}

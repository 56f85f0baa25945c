use proto::v1::{ExplainPlacementRequest, ExplainPlacementResponse, NodeAnswer, PlanStep};

use crate::{
    context::Context,
    exit::Error,
    render::{Format, Table, json},
};

/// Why what runs is where it is, what waits and why, and what each node says to one more.
pub(super) async fn run(context: &Context, worker: String) -> Result<(), Error> {
    let request = ExplainPlacementRequest {
        environment: context.environment().await?,
        app: context.app().await?,
        worker,
    };
    let answer = context.client.call(request).await?;
    if context.out.format() == Format::Json {
        return context.out.value(&json(&answer));
    }
    if answer.instances.is_empty() && answer.held.is_empty() {
        context.out.note("no instance is on record");
    }
    let parts = [placed(&answer), held(&answer.held), asked(&answer.nodes)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    context.out.text(&parts.join("\n\n"))
}

fn placed(answer: &ExplainPlacementResponse) -> String {
    let mut table = Table::new(["INSTANCE", "WORKER", "NODE", "WHY"]);
    for one in &answer.instances {
        let why = match one.why_leaving.as_str() {
            "" => one.why.clone(),
            leaving => format!("{}; it goes: {leaving}", one.why),
        };
        table.row([
            one.instance.clone(),
            one.worker.clone(),
            one.node.clone(),
            why,
        ]);
    }
    text(&table)
}

fn held(held: &[PlanStep]) -> String {
    let mut table = Table::new(["WAITS", "WORKER", "NODE", "WHY"]);
    for step in held {
        let what = crate::words::word("PlanAction", step.action().as_str_name());
        let what = match step.instance.as_str() {
            "" => what,
            instance => format!("{what} {instance}"),
        };
        let node = or_nothing(&step.node);
        table.row([what, step.worker.clone(), node, step.why.clone()]);
    }
    text(&table)
}

fn asked(nodes: &[NodeAnswer]) -> String {
    let mut table = Table::new(["ONE MORE", "NODE", "TAKES IT", "WHY"]);
    for one in nodes {
        let (takes, why) = match one.takes {
            true => ("yes", format!("it has {}", instances(one.instances))),
            false => ("no", format!("it {}", one.why)),
        };
        table.row([one.worker.clone(), one.node.clone(), takes.to_owned(), why]);
    }
    text(&table)
}

fn instances(number: i32) -> String {
    match number {
        1 => "1 instance".to_owned(),
        number => format!("{number} instances"),
    }
}

fn text(table: &Table) -> String {
    table.to_string().trim_end().to_owned()
}

fn or_nothing(text: &str) -> String {
    match text {
        "" => crate::words::NOTHING.to_owned(),
        text => text.to_owned(),
    }
}

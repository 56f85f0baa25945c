use std::{collections::BTreeSet, time::Duration};

use proto::v1::{
    DrainNodeRequest, GetNodeRequest, Node, NodeDuty, NodeState, PlanAction, PlanStep,
    PreviewReconcileRequest,
};

use super::Wait;
use crate::{
    client::Mode,
    context::Context,
    exit::Error,
    follow::{is_passing, until_interrupted},
};

/// Pause between two looks at the node.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many reasons are told at once: what holds the first ones mostly holds the others.
const TOLD_MAX: usize = 3;

pub(super) async fn run(context: &Context, node: String, wait: Wait) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let request = DrainNodeRequest {
        node,
        ..DrainNodeRequest::default()
    };
    let mut answer = client.call(request).await?;
    let mut node = answer.node.clone().unwrap_or_default();
    if client.mode() == Mode::Run && wait == Wait::Yes {
        let next = vec![
            format!(
                "jockey nodes show {}    shows how far it is; it goes on",
                node.name
            ),
            format!("jockey nodes uncordon {}    ends the drain", node.name),
        ];
        node = until_interrupted(next, until_empty(context, node)).await?;
        answer.node = Some(node.clone());
    }
    out.changed(client.mode(), &answer, |_| match stands(&node) {
        Stands::Empty => format!("{} is empty", node.name),
        Stands::Failed => format!("{} has failed: what it had starts elsewhere", node.name),
        Stands::Left(_) | Stands::Unseen | Stands::TakenBack => format!(
            "draining {}, which has {} instances; next: jockey nodes show {}",
            node.name, node.instances, node.name
        ),
    })
}

/// How far a drain is.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    Empty,
    /// So many instances are left.
    Left(i32),
    /// It does not answer: nobody knows what is left.
    Unseen,
    /// Its instances count as lost, and it is not waited for.
    Failed,
    /// Somebody has ended the drain.
    TakenBack,
}

fn stands(node: &Node) -> Stands {
    match (node.duty(), node.state(), node.instances) {
        (NodeDuty::Serving | NodeDuty::Cordoned, _, _) => Stands::TakenBack,
        (NodeDuty::GivenUp, _, _) | (_, NodeState::Failed, _) => Stands::Failed,
        (_, NodeState::Silent, _) => Stands::Unseen,
        (_, _, 0) => Stands::Empty,
        (_, _, left) => Stands::Left(left),
    }
}

async fn until_empty(context: &Context, mut node: Node) -> Result<Node, Error> {
    let mut said = String::new();
    loop {
        let text = match stands(&node) {
            Stands::Empty | Stands::Failed => return Ok(node),
            Stands::TakenBack => return Err(Error::DrainEnded(node.name)),
            Stands::Unseen => format!("{} does not answer: nobody knows what is left", node.name),
            Stands::Left(left) => progress(left, &held(context, &node).await?),
        };
        if text != said {
            context.out.note(&text);
            said = text;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let request = GetNodeRequest {
            node: node.name.clone(),
        };
        match context.client.call(request).await {
            Ok(answer) => node = answer.node.unwrap_or_default(),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is held back of what stands on the node, and of what is to take its place.
async fn held(context: &Context, node: &Node) -> Result<Vec<PlanStep>, Error> {
    let pools = node.pools.iter();
    let environments: BTreeSet<String> = pools.map(|pool| pool.environment.clone()).collect();
    let mut held = Vec::new();
    for environment in environments {
        let request = PreviewReconcileRequest {
            environment,
            app: String::new(),
        };
        match context.client.call(request).await {
            Ok(answer) => held.extend(answer.plan.unwrap_or_default().held),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(concerning(held, &node.name))
}

fn concerning(held: Vec<PlanStep>, node: &str) -> Vec<PlanStep> {
    let whose = |step: &PlanStep| {
        let names = [&step.environment, &step.app, &step.worker];
        names.map(Clone::clone)
    };
    let there = held.iter().filter(|step| step.node == node);
    let workers: BTreeSet<_> = there.map(whose).collect();
    let is_start = |step: &PlanStep| step.action() == PlanAction::Start && step.node.is_empty();
    held.into_iter()
        .filter(|step| step.node == node || (is_start(step) && workers.contains(&whose(step))))
        .collect()
}

/// `2 instances left; web of shop: start: no node can take it: …`. Why one does not start says more than why the other is
/// not stopped.
fn progress(left: i32, held: &[PlanStep]) -> String {
    let mut text = match left {
        1 => "1 instance left".to_owned(),
        left => format!("{left} instances left"),
    };
    let starts = held.iter().filter(|step| step.node.is_empty());
    let others = held.iter().filter(|step| !step.node.is_empty());
    let mut told: Vec<String> = Vec::new();
    for step in starts.chain(others) {
        let reason = format!("{} of {}: {}", step.worker, step.app, step.why);
        let known = told.len() < TOLD_MAX && !told.contains(&reason);
        if known {
            told.push(reason);
        }
    }
    for reason in told {
        text.push_str("; ");
        text.push_str(&reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(action: PlanAction, worker: &str, node: &str, why: &str) -> PlanStep {
        PlanStep {
            action: action.into(),
            worker: worker.to_owned(),
            app: "shop".to_owned(),
            node: node.to_owned(),
            why: why.to_owned(),
            ..PlanStep::default()
        }
    }

    #[test]
    fn what_holds_a_drain_is_told_and_nothing_else() {
        let no_room = "no node can take it: b is cordoned";
        let all = vec![
            step(PlanAction::Stop, "web", "a", "2 must stay healthy, 2 are"),
            step(PlanAction::Stop, "api", "c", "of another node"),
            step(PlanAction::Start, "api", "", "of another worker"),
            step(PlanAction::Start, "web", "", no_room),
        ];
        let held = concerning(all, "a");
        assert_eq!(
            progress(1, &held),
            "1 instance left; web of shop: no node can take it: b is cordoned; web of shop: 2 must stay healthy, 2 are"
        );
        assert_eq!(progress(2, &[]), "2 instances left");
    }

    #[test]
    fn a_drain_stands_as_its_node_does() {
        let node = |duty: NodeDuty, state: NodeState, instances| Node {
            duty: duty.into(),
            state: state.into(),
            instances,
            ..Node::default()
        };
        for (duty, state, instances, want) in [
            (NodeDuty::Draining, NodeState::Alive, 2, Stands::Left(2)),
            (NodeDuty::Draining, NodeState::Alive, 0, Stands::Empty),
            (NodeDuty::Draining, NodeState::Silent, 0, Stands::Unseen),
            (NodeDuty::Draining, NodeState::Failed, 0, Stands::Failed),
            (NodeDuty::Serving, NodeState::Alive, 0, Stands::TakenBack),
            (NodeDuty::Cordoned, NodeState::Alive, 2, Stands::TakenBack),
        ] {
            assert_eq!(stands(&node(duty, state, instances)), want);
        }
    }
}

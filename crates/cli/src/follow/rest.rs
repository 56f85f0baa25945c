//! Waiting until what runs is what is wanted, after a rescale or a restart. There is no resource
//! that these become, so the instances themselves are looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proto::v1::{
    HealthState, Instance, InstanceState, ListInstancesRequest, ListNodesRequest, NodeState,
};

use super::{is_passing, until_interrupted};
use crate::{
    context::{Context, Place},
    exit::Error,
};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long is waited unless the user says otherwise.
pub(crate) const PATIENCE: &str = "5m";
/// More instances than an app can have.
const LISTED: usize = 10_000;

/// What is waited for.
pub(crate) struct Goal {
    pub(crate) place: Place,
    /// How many instances of each of these workers shall run, all of them healthy.
    pub(crate) scales: BTreeMap<String, i32>,
    /// Instances that shall be gone, by id.
    pub(crate) gone: BTreeSet<String>,
    pub(crate) within: Duration,
}

/// Waits until the goal is reached.
///
/// # Errors
/// `TookTooLong`, `Interrupted`, or what the server answers.
pub(crate) async fn rest(context: &Context, goal: &Goal) -> Result<(), Error> {
    let next = vec![format!(
        "jockey status {}    shows how far it is; it goes on",
        goal.place
    )];
    until_interrupted(next, until_there(context, goal)).await
}

async fn until_there(context: &Context, goal: &Goal) -> Result<(), Error> {
    let since = Instant::now();
    let mut said = String::new();
    loop {
        match instances(context, &goal.place).await {
            Ok(instances) => {
                let failed = failed_nodes(context, &instances).await;
                let (reached, text) = goal.progress(&instances, &failed);
                if text != said {
                    context.out.note(&text);
                    said = text;
                }
                if reached {
                    return Ok(());
                }
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        if since.elapsed() > goal.within {
            return Err(Error::TookTooLong {
                what: said,
                seconds: goal.within.as_secs(),
                next: format!("jockey status {}", goal.place),
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The instances of an app in an environment that have not ended.
///
/// # Errors
/// What the server answers.
pub(crate) async fn instances(context: &Context, place: &Place) -> Result<Vec<Instance>, Error> {
    let request = ListInstancesRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        ..ListInstancesRequest::default()
    };
    context.client.list(request, LISTED).await
}

/// The nodes that have failed, where something is on one that does not answer. None for who may not ask, and while the server
/// does not say: then it is waited for what is there.
async fn failed_nodes(context: &Context, instances: &[Instance]) -> BTreeSet<String> {
    if !instances.iter().any(is_unseen) {
        return BTreeSet::new();
    }
    let nodes = context.client.list(ListNodesRequest::default(), LISTED);
    let nodes = nodes.await.unwrap_or_default().into_iter();
    nodes
        .filter(|node| node.state() == NodeState::Failed)
        .map(|node| node.name)
        .collect()
}

impl Goal {
    /// Whether it is reached, and how far it is in words. What was on a node that has failed is lost, and nobody can stop it
    /// before that comes back.
    fn progress(&self, instances: &[Instance], failed: &BTreeSet<String>) -> (bool, String) {
        let mut reached = true;
        let mut parts = Vec::new();
        for (worker, scale) in &self.scales {
            let (lost, of_worker): (Vec<_>, Vec<_>) = instances
                .iter()
                .filter(|instance| instance.worker == *worker)
                .partition(|instance| is_unseen(instance) && failed.contains(&instance.node));
            let healthy = of_worker
                .iter()
                .filter(|one| is_serving(one) && !self.gone.contains(&one.id))
                .count();
            let wanted = usize::try_from(*scale).unwrap_or_default();
            let left = of_worker.len().saturating_sub(wanted);
            reached &= healthy == wanted && of_worker.len() == wanted;
            let mut part = format!("{worker} {healthy}/{wanted} healthy");
            if left > 0 {
                part += &format!(", {left} more to stop");
            }
            if let Some(first) = lost.first() {
                part += &format!(", {} lost with {}", lost.len(), first.node);
            }
            parts.push(part);
        }
        (reached, parts.join("; "))
    }
}

/// Whether its node does not answer.
fn is_unseen(instance: &Instance) -> bool {
    instance.state() == InstanceState::Unknown
}

fn is_serving(instance: &Instance) -> bool {
    let healthy = instance
        .health
        .as_ref()
        .is_some_and(|health| health.state() == HealthState::Healthy);
    healthy && instance.state() == InstanceState::Running
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::Health;

    fn instance(id: &str, state: InstanceState, health: HealthState) -> Instance {
        Instance {
            id: id.to_owned(),
            worker: "web".to_owned(),
            state: state.into(),
            health: Some(Health {
                state: health.into(),
                ..Health::default()
            }),
            ..Instance::default()
        }
    }

    #[test]
    fn rest_is_reached_when_all_are_healthy_and_the_others_gone() {
        use {HealthState as H, InstanceState as S};
        let goal = |scale: i32, gone: &[&str]| Goal {
            place: Place {
                app: "a".to_owned(),
                environment: "e".to_owned(),
            },
            scales: [("web".to_owned(), scale)].into(),
            gone: gone.iter().map(|id| (*id).to_owned()).collect(),
            within: Duration::ZERO,
        };
        let one = instance("ins-1", S::Running, H::Healthy);
        let two = instance("ins-2", S::Running, H::Unknown);
        let three = instance("ins-3", S::Draining, H::Healthy);
        let unseen = |node: &str| Instance {
            node: node.to_owned(),
            ..instance("ins-4", S::Unknown, H::Unknown)
        };
        let failed = BTreeSet::from(["failed".to_owned()]);
        for (goal, seen, want, words) in [
            (goal(1, &[]), vec![one.clone()], true, "web 1/1 healthy"),
            (
                goal(1, &["ins-1"]),
                vec![one.clone()],
                false,
                "web 0/1 healthy",
            ),
            (
                goal(2, &[]),
                vec![one.clone(), two],
                false,
                "web 1/2 healthy",
            ),
            (
                goal(1, &[]),
                vec![one.clone(), unseen("silent")],
                false,
                "web 1/1 healthy, 1 more to stop",
            ),
            (
                goal(1, &[]),
                vec![one.clone(), unseen("failed")],
                true,
                "web 1/1 healthy, 1 lost with failed",
            ),
            (
                goal(1, &[]),
                vec![one, three],
                false,
                "web 1/1 healthy, 1 more to stop",
            ),
            (goal(0, &[]), vec![], true, "web 0/0 healthy"),
        ] {
            assert_eq!(goal.progress(&seen, &failed), (want, words.to_owned()));
        }
    }
}

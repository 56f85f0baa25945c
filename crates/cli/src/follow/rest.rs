//! Waiting until what runs is what is wanted, after a rescale or a restart. There is no resource
//! that these become, so the instances themselves are looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proto::v1::{HealthState, Instance, InstanceState, ListInstancesRequest};

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
                let (reached, text) = goal.progress(&instances);
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

impl Goal {
    /// Whether it is reached, and how far it is in words.
    fn progress(&self, instances: &[Instance]) -> (bool, String) {
        let mut reached = true;
        let mut parts = Vec::new();
        for (worker, scale) in &self.scales {
            let of_worker: Vec<_> = instances
                .iter()
                .filter(|instance| instance.worker == *worker)
                .collect();
            let healthy = of_worker
                .iter()
                .filter(|one| is_serving(one) && !self.gone.contains(&one.id))
                .count();
            let wanted = usize::try_from(*scale).unwrap_or_default();
            let left = of_worker.len().saturating_sub(wanted);
            reached &= healthy == wanted && of_worker.len() == wanted;
            parts.push(match left {
                0 => format!("{worker} {healthy}/{wanted} healthy"),
                left => format!("{worker} {healthy}/{wanted} healthy, {left} more to stop"),
            });
        }
        (reached, parts.join("; "))
    }
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
                vec![one, three],
                false,
                "web 1/1 healthy, 1 more to stop",
            ),
            (goal(0, &[]), vec![], true, "web 0/0 healthy"),
        ] {
            assert_eq!(goal.progress(&seen), (want, words.to_owned()));
        }
    }
}

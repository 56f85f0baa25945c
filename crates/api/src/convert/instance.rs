//! Instances.

use super::time;
use controller::usecases::instances::{InstanceView, Standing};
use domain::{
    Health, InstanceEnd,
    observed::{Authenticity, Manner},
};
use proto::v1;
use scheduler::CrashLoop;

pub(crate) fn wire(view: &InstanceView) -> v1::Instance {
    let text = |text: Option<String>| text.unwrap_or_default();
    v1::Instance {
        id: view.id.to_string(),
        app: view.app.clone(),
        environment: view.environment.clone(),
        worker: view.worker.clone(),
        deploy: view.deploy.to_string(),
        release: text(view.release.map(|id| id.to_string())),
        node: view.node.to_string(),
        address: text(view.address.clone()),
        state: state(view.standing).into(),
        health: Some(health(&view.health)),
        commit: text(view.commit.as_ref().map(ToString::to_string)),
        image: text(view.image.as_ref().map(ToString::to_string)),
        container: view.handle.clone(),
        restarts: i32::try_from(view.restarts).unwrap_or(i32::MAX),
        create_time: Some(time::wire(view.created_at)),
        start_time: view.started_at.map(time::wire),
        end: view.end.as_ref().map(end),
        crash_loop: view.crash_loop.as_ref().map(crash_loop),
        copy: view.authenticity == Authenticity::Copy,
        ports: view.ports.clone().into_iter().collect(),
    }
}

fn crash_loop(found: &CrashLoop) -> v1::CrashLoop {
    v1::CrashLoop {
        deaths: i32::try_from(found.deaths).unwrap_or(i32::MAX),
        within: Some(time::duration(found.within)),
        exit_code: found.exit_code,
        next_try_time: found.next_try.map(time::wire),
    }
}

const fn state(standing: Standing) -> v1::InstanceState {
    match standing {
        Standing::Starting => v1::InstanceState::Starting,
        Standing::Running => v1::InstanceState::Running,
        Standing::Draining => v1::InstanceState::Draining,
        Standing::Stopping => v1::InstanceState::Stopping,
        Standing::Ended => v1::InstanceState::Ended,
        Standing::Unknown => v1::InstanceState::Unknown,
        Standing::Restarting => v1::InstanceState::Restarting,
    }
}

fn health(health: &Health) -> v1::Health {
    let state = match health {
        Health::Unknown => v1::HealthState::Unknown,
        Health::Healthy(_) => v1::HealthState::Healthy,
        Health::Unhealthy(_) => v1::HealthState::Unhealthy,
    };
    let evidence = health.evidence();
    v1::Health {
        state: state.into(),
        evidence: evidence.map(|e| e.what.clone()).unwrap_or_default(),
        since: evidence.map(|evidence| time::wire(evidence.since)),
        check_time: evidence.map(|evidence| time::wire(evidence.seen_at)),
    }
}

fn end(end: &InstanceEnd) -> v1::InstanceEnd {
    let manner = match end.manner {
        Manner::Stopped => v1::InstanceEndManner::Stopped,
        Manner::Died => v1::InstanceEndManner::Died,
    };
    v1::InstanceEnd {
        time: Some(time::wire(end.at)),
        manner: manner.into(),
        exit_code: end.exit_code,
        reason: end.what.clone(),
        log_tail: end.log_tail.clone(),
    }
}

//! Deploys and their progress.

use super::{id, log, time, unknown_value};
use crate::status::Refusal;
use controller::usecases::deploys::{DeployView, Phase, Progress, WorkerProgress};
use domain::{
    Cause, DeployState,
    deploy::{DEFAULT_PATIENCE, Failure},
};
use ports::store::deploys::OnConflict;
use proto::v1;
use std::time::Duration;

const PATIENCE_MIN: Duration = Duration::from_secs(10);
const PATIENCE_MAX: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn wire(view: &DeployView) -> v1::Deploy {
    let deploy = &view.deploy;
    let failure = deploy.failure.as_ref();
    let step = match deploy.state.is_active() {
        true => deploy.step.clone(),
        false => String::new(),
    };
    v1::Deploy {
        id: id(deploy.id, deploy.id.number()),
        app: view.app.clone(),
        environment: view.environment.clone(),
        release: deploy.release.map(|id| id.to_string()).unwrap_or_default(),
        build: deploy.build.map(|id| id.to_string()).unwrap_or_default(),
        r#ref: deploy
            .git_ref
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        commit: view
            .commit
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        cause: cause(deploy.cause).into(),
        state: state(deploy.state).into(),
        step,
        holder: view.holder.as_ref().map(|holder| v1::DeployHolder {
            server: holder.server.clone(),
            since: Some(time::wire(holder.since)),
        }),
        queue_position: i32::try_from(view.queue_position).unwrap_or(i32::MAX),
        reason: failure
            .map(|failure| failure.reason.clone())
            .unwrap_or_default(),
        failure: failure
            .filter(|_| deploy.state == DeployState::Failed)
            .map(wire_failure),
        author: deploy.created_by.clone(),
        deadline: Some(time::duration(deploy.patience)),
        create_time: Some(time::wire(deploy.created_at)),
        start_time: deploy.started_at.map(time::wire),
        end_time: deploy.completed_at.map(time::wire),
    }
}

fn wire_failure(failure: &Failure) -> v1::DeployFailure {
    let instance = failure.instance.as_ref();
    v1::DeployFailure {
        instance: instance.map(|i| i.id.to_string()).unwrap_or_default(),
        worker: instance.map(|i| i.worker.to_string()).unwrap_or_default(),
        node: instance.map(|i| i.node.to_string()).unwrap_or_default(),
        exit_code: instance.and_then(|instance| instance.exit_code),
        probe: instance.map(|i| i.probe.clone()).unwrap_or_default(),
        log_tail: failure.log_tail.clone(),
    }
}

const fn state(state: DeployState) -> v1::DeployState {
    match state {
        DeployState::Created => v1::DeployState::Created,
        DeployState::Building => v1::DeployState::Building,
        DeployState::Deploying => v1::DeployState::Deploying,
        DeployState::Deployed => v1::DeployState::Deployed,
        DeployState::Stopped => v1::DeployState::Stopped,
        DeployState::Failed => v1::DeployState::Failed,
        DeployState::Cancelled => v1::DeployState::Cancelled,
    }
}

pub(crate) fn parse_state(number: i32) -> Result<Option<DeployState>, Refusal> {
    Ok(match v1::DeployState::try_from(number) {
        Ok(v1::DeployState::Unspecified) => None,
        Ok(v1::DeployState::Created) => Some(DeployState::Created),
        Ok(v1::DeployState::Building) => Some(DeployState::Building),
        Ok(v1::DeployState::Deploying) => Some(DeployState::Deploying),
        Ok(v1::DeployState::Deployed) => Some(DeployState::Deployed),
        Ok(v1::DeployState::Stopped) => Some(DeployState::Stopped),
        Ok(v1::DeployState::Failed) => Some(DeployState::Failed),
        Ok(v1::DeployState::Cancelled) => Some(DeployState::Cancelled),
        Err(_) => return Err(unknown_value("state", number)),
    })
}

const fn cause(cause: Cause) -> v1::DeployCause {
    match cause {
        Cause::Commit => v1::DeployCause::Commit,
        Cause::Config => v1::DeployCause::Config,
        Cause::Worker => v1::DeployCause::Worker,
        Cause::Rollback => v1::DeployCause::Rollback,
        Cause::Push => v1::DeployCause::Push,
    }
}

pub(crate) fn on_conflict(number: i32) -> Result<OnConflict, Refusal> {
    match v1::DeployConflict::try_from(number) {
        Ok(v1::DeployConflict::Unspecified | v1::DeployConflict::Queue) => Ok(OnConflict::Queue),
        Ok(v1::DeployConflict::Supersede) => Ok(OnConflict::Supersede),
        Err(_) => Err(unknown_value("on_conflict", number)),
    }
}

pub(crate) fn patience(deadline: Option<prost_types::Duration>) -> Result<Duration, Refusal> {
    let patience = time::parse_duration("deadline", deadline)?.unwrap_or(DEFAULT_PATIENCE);
    if !(PATIENCE_MIN..=PATIENCE_MAX).contains(&patience) {
        let problem = format!(
            "a deadline of {} s is not possible: it is 10 s to 24 h",
            patience.as_secs_f64()
        );
        return Err(Refusal::field("deadline", problem));
    }
    Ok(patience)
}

/// How a Deploy stands. The time of it is the caller's to say.
pub(crate) fn progress(progress: &Progress) -> v1::WatchDeployResponse {
    v1::WatchDeployResponse {
        deploy: Some(wire(&progress.view)),
        phase: phase(progress.phase).into(),
        workers: progress.workers.iter().map(worker).collect(),
        log_lines: progress.lines.iter().map(log::of_build).collect(),
        time: None,
    }
}

const fn phase(phase: Phase) -> v1::DeployPhase {
    match phase {
        Phase::Queue => v1::DeployPhase::Queue,
        Phase::Fetch => v1::DeployPhase::Fetch,
        Phase::Build => v1::DeployPhase::Build,
        Phase::Start => v1::DeployPhase::Start,
        Phase::Healthy => v1::DeployPhase::Healthy,
        Phase::Drain => v1::DeployPhase::Drain,
        Phase::Done => v1::DeployPhase::Done,
    }
}

fn worker(worker: &WorkerProgress) -> v1::WorkerProgress {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    v1::WorkerProgress {
        worker: worker.worker.to_string(),
        scale: i32::from(worker.scale),
        running: count(worker.running),
        healthy: count(worker.healthy),
        old: count(worker.old),
    }
}

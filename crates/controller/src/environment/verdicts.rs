//! Judges Deploys that are under way, and moves them.

use super::Keeper;
use crate::{Error, perform::tail};
use domain::{
    AppId, DeployEvent, DeployId, DeployState,
    deploy::{FailedInstance, Failure},
};
use ports::store::{self, deploys::DeployPatch, view::EnvironmentView};
use scheduler::{Plan, PlanInput, Verdict, input::DesiredDeploy};

/// How many last lines a failure quotes.
const QUOTED: u32 = 20;

/// What became of the Deploys that are under way.
#[derive(Default)]
pub(super) struct Judged {
    /// Whether one was moved, so that what is wanted is another thing by now.
    pub(super) moved: bool,
    /// What the others are doing.
    pub(super) steps: Vec<(DeployId, String)>,
}

impl Keeper {
    pub(super) async fn judge(
        &self,
        view: &EnvironmentView,
        input: &PlanInput,
        plan: &Plan,
    ) -> Result<Judged, Error> {
        let mut judged = Judged::default();
        for app in &input.apps {
            let Some(deploy) = app
                .deploy
                .as_ref()
                .filter(|deploy| deploy.state == DeployState::Deploying)
            else {
                continue;
            };
            match scheduler::judge(app, input, &plan.held) {
                Verdict::InProgress { step, .. } => {
                    let step = self.with_trouble(step, app.app, input);
                    if step_of(view, deploy.id) != Some(step.as_str()) {
                        judged.steps.push((deploy.id, step));
                    }
                }
                Verdict::Done => {
                    let patch = DeployPatch {
                        step: Some(String::new()),
                        ..DeployPatch::default()
                    };
                    let message = format!(
                        "{} is deployed: {} at {}",
                        deploy.id,
                        app.name,
                        deploy.commit.short()
                    );
                    judged.moved |= self
                        .move_deploy(deploy, DeployEvent::AllHealthy, patch, message)
                        .await?;
                }
                Verdict::Failed { reason, culprit } => {
                    let reason = self.with_trouble(reason, app.app, input);
                    let failure = self.failure(input, reason, culprit).await;
                    let message = format!("{} failed: {}", deploy.id, failure.reason);
                    let patch = DeployPatch {
                        failure: Some(failure),
                        ..DeployPatch::default()
                    };
                    judged.moved |= self
                        .move_deploy(deploy, DeployEvent::GaveUp, patch, message)
                        .await?;
                }
            }
        }
        Ok(judged)
    }

    /// What is told of an App's Deploy, with what keeps a step for it from being done, where something does.
    fn with_trouble(&self, told: String, app: AppId, input: &PlanInput) -> String {
        let is_of_app = |instance| {
            let mut intents = input.intents.iter();
            intents.any(|intent| intent.instance == instance && intent.app == app)
        };
        let trouble = self.retries.iter().find(|(id, _)| is_of_app(**id));
        match trouble {
            Some((instance, retry)) => format!("{told}; {instance}: {}", retry.why),
            None => told,
        }
    }

    /// Moves a Deploy. False when somebody else was first: the next view has it.
    async fn move_deploy(
        &self,
        deploy: &DesiredDeploy,
        event: DeployEvent,
        patch: DeployPatch,
        message: String,
    ) -> Result<bool, Error> {
        let change = self.change(message);
        match self
            .deps
            .store
            .move_deploy(
                deploy.id,
                deploy.state,
                event,
                patch,
                Some(&self.fence),
                &change,
            )
            .await
        {
            Ok(_) => {
                tracing::info!(deploy = %deploy.id, event = event.as_str(), "{}", change.message);
                metrics::counter!("jockey_deploys_total", "outcome" => event.as_str()).increment(1);
                Ok(true)
            }
            Err(store::Error::Stale { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// A failure with the last lines of the instance that decided it: those on record where it has ended, else those
    /// that it has written so far.
    async fn failure(
        &self,
        input: &PlanInput,
        reason: String,
        culprit: Option<FailedInstance>,
    ) -> Failure {
        let Some(culprit) = culprit else {
            return Failure {
                reason,
                instance: None,
                log_tail: Vec::new(),
            };
        };
        let kept = input
            .ends
            .iter()
            .find(|end| end.instance == culprit.id)
            .map(|end| end.log_tail.clone());
        let lines = match (kept, self.deps.fleet.runtime(&culprit.node)) {
            (Some(lines), _) => lines,
            (None, Ok(runtime)) => tail(&*runtime, &culprit.id.to_string(), QUOTED).await,
            (None, Err(_)) => Vec::new(),
        };
        let skipped = lines.len().saturating_sub(QUOTED as usize);
        Failure {
            reason,
            instance: Some(culprit),
            log_tail: lines.into_iter().skip(skipped).collect(),
        }
    }

    /// Says of the Deploys that are deploying that they wait for the catalog, where it is that which is lost.
    pub(super) async fn tell_lost_catalog(
        &self,
        view: &EnvironmentView,
        error: &Error,
    ) -> Result<(), Error> {
        let Error::Catalog(lost) = error else {
            return Ok(());
        };
        let step = format!("nothing is started or stopped: {lost}; trying again");
        let active = view.apps.iter().flat_map(|app| &app.active);
        let waiting = active
            .map(|active| &active.deploy)
            .filter(|deploy| deploy.state == DeployState::Deploying && deploy.step != step);
        let steps: Vec<_> = waiting.map(|deploy| (deploy.id, step.clone())).collect();
        self.tell(&steps).await
    }

    /// Says what Deploys are doing, once their steps have begun.
    pub(super) async fn tell(&self, steps: &[(DeployId, String)]) -> Result<(), Error> {
        for (deploy, step) in steps {
            self.deps
                .store
                .set_deploy_step(*deploy, step, &self.fence)
                .await?;
        }
        Ok(())
    }
}

fn step_of(view: &EnvironmentView, deploy: DeployId) -> Option<&str> {
    let active = view.apps.iter().flat_map(|app| &app.active);
    active
        .map(|active| &active.deploy)
        .find(|known| known.id == deploy)
        .map(|known| known.step.as_str())
}

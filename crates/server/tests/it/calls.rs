//! Calls of the API, short for tests, and what is asked of their answers.

use crate::harness::{Api, Jockeyd, PATIENCE};
use anyhow::{Context, ensure};
use proto::v1::{
    self, app_service_client::AppServiceClient, build_service_client::BuildServiceClient,
    config_set_service_client::ConfigSetServiceClient, deploy_service_client::DeployServiceClient,
    environment_service_client::EnvironmentServiceClient, event_service_client::EventServiceClient,
    instance_service_client::InstanceServiceClient, node_service_client::NodeServiceClient,
    reconcile_service_client::ReconcileServiceClient, stack_service_client::StackServiceClient,
    system_service_client::SystemServiceClient, token_service_client::TokenServiceClient,
    worker_service_client::WorkerServiceClient,
};
use std::{collections::BTreeSet, fmt::Debug, time::Instant};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

/// The environment of every test that does not say another.
pub(crate) const DEVELOPMENT: &str = "development";

/// A client of each service, for one caller.
pub(crate) struct Clients(pub(crate) Api);

macro_rules! clients {
    ($($name:ident: $client:ident,)+) => {
        impl Clients {
            $(pub(crate) fn $name(&self) -> $client<Api> {
                $client::new(self.0.clone())
            })+
        }
    };
}

clients! {
    apps: AppServiceClient,
    builds: BuildServiceClient,
    configs: ConfigSetServiceClient,
    deploys: DeployServiceClient,
    environments: EnvironmentServiceClient,
    events: EventServiceClient,
    instances: InstanceServiceClient,
    nodes: NodeServiceClient,
    reconciles: ReconcileServiceClient,
    stacks: StackServiceClient,
    system: SystemServiceClient,
    tokens: TokenServiceClient,
    workers: WorkerServiceClient,
}

/// A call that was not carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn of(status: &Status) -> Self {
        Self {
            code: status.code(),
            reason: status
                .get_details_error_info()
                .map(|info| info.reason)
                .unwrap_or_default(),
            message: status.message().to_owned(),
        }
    }

    /// Fails unless it has this code and reason, and says each of these words.
    #[track_caller]
    pub(crate) fn says(&self, code: Code, reason: &str, words: &[&str]) {
        assert_eq!(
            (self.code, self.reason.as_str()),
            (code, reason),
            "{self:?}"
        );
        contains(&self.message, words);
    }
}

/// The refusal that a call was answered with.
#[track_caller]
pub(crate) fn refused<T: Debug>(answer: Result<Response<T>, Status>) -> Refusal {
    Refusal::of(&answer.expect_err("the call is to be refused"))
}

/// Fails unless a text holds each of these.
#[track_caller]
pub(crate) fn contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

/// The containers of these instances.
pub(crate) fn containers(instances: &[v1::Instance]) -> BTreeSet<String> {
    instances.iter().map(|it| it.container.clone()).collect()
}

/// Whether an instance takes traffic: it was seen to work, and is not on its way out.
pub(crate) fn is_in_service(instance: &v1::Instance) -> bool {
    instance.state() == v1::InstanceState::Running && crate::harness::is_healthy(instance)
}

/// Whether these are the workers of the instances, each as often as it is there, in order of name.
pub(crate) fn workers_are(instances: &[v1::Instance], wanted: &[&str]) -> bool {
    let mut workers: Vec<&str> = instances.iter().map(|it| it.worker.as_str()).collect();
    workers.sort_unstable();
    workers == wanted
}

impl Jockeyd {
    /// Clients of the administrator.
    pub(crate) fn admin(&self) -> Clients {
        Clients(self.api())
    }

    /// Sets variables of an App in `development`; the Deploys that follow have ended.
    pub(crate) async fn set_config(
        &self,
        app: &str,
        set: &[(&str, &str)],
    ) -> anyhow::Result<Vec<v1::Deploy>> {
        let pairs = set
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()));
        let request = v1::UpdateConfigSetRequest {
            app: app.to_owned(),
            environment: DEVELOPMENT.to_owned(),
            set: pairs.collect(),
            ..v1::UpdateConfigSetRequest::default()
        };
        let answer = self.admin().configs().update_config_set(request).await?;
        let mut ended = Vec::new();
        for deploy in answer.into_inner().deploys {
            ended.push(self.ended(&deploy.id).await?);
        }
        Ok(ended)
    }

    /// Asks for a Deploy as `change` makes it, and waits for its end.
    pub(crate) async fn deploy_with(
        &self,
        app: &str,
        change: impl FnOnce(&mut v1::CreateDeployRequest),
    ) -> anyhow::Result<v1::Deploy> {
        let mut request = v1::CreateDeployRequest {
            app: app.to_owned(),
            environment: DEVELOPMENT.to_owned(),
            ..v1::CreateDeployRequest::default()
        };
        change(&mut request);
        let answer = self.admin().deploys().create_deploy(request).await?;
        let deploy = answer.into_inner().deploy.context("no deploy")?;
        self.ended(&deploy.id).await
    }

    /// Deploys HEAD, and fails unless it is deployed.
    pub(crate) async fn deployed(&self, app: &str) -> anyhow::Result<v1::Deploy> {
        let deploy = self.deploy(app, "HEAD").await?;
        ensure!(
            deploy.state() == v1::DeployState::Deployed,
            "{deploy:#?}\n{}",
            self.log()
        );
        Ok(deploy)
    }

    /// Deploys a ref, and fails unless that fails.
    pub(crate) async fn failed(&self, app: &str, git_ref: &str) -> anyhow::Result<v1::Deploy> {
        let deploy = self.deploy(app, git_ref).await?;
        self.is_failed(&deploy)?;
        Ok(deploy)
    }

    pub(crate) fn is_failed(&self, deploy: &v1::Deploy) -> anyhow::Result<()> {
        ensure!(
            deploy.state() == v1::DeployState::Failed,
            "{deploy:#?}\n{}",
            self.log()
        );
        Ok(())
    }

    /// Goes back to the Release before, and waits for the end.
    pub(crate) async fn rolled_back(&self, app: &str) -> anyhow::Result<v1::Deploy> {
        let request = v1::RollbackDeployRequest {
            app: app.to_owned(),
            environment: DEVELOPMENT.to_owned(),
            ..v1::RollbackDeployRequest::default()
        };
        let answer = self.admin().deploys().rollback_deploy(request).await?;
        let deploy = answer.into_inner().deploy.context("no deploy")?;
        self.ended(&deploy.id).await
    }

    /// Waits until the API answers a question as wanted. A call that fails is asked again: the server may be away.
    pub(crate) async fn until<T: Debug, F>(
        &self,
        what: &str,
        mut ask: impl FnMut() -> F,
        is_so: impl Fn(&T) -> bool,
    ) -> anyhow::Result<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = ask().await.map(Response::into_inner);
            match answer {
                Ok(answer) if is_so(&answer) => return Ok(answer),
                answer => ensure!(
                    Instant::now() < deadline,
                    "waiting for {what}: {answer:#?}\n{}",
                    self.log()
                ),
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

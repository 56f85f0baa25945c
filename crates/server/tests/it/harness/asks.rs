//! What is asked of a server again and again.

use super::{Jockeyd, PATIENCE};
use anyhow::{Context, ensure};
use proto::v1::{self, deploy_service_client::DeployServiceClient};
use std::time::{Duration, Instant};
use testkit::git::{Change, Repository};

impl Jockeyd {
    /// Waits until the health service says that the API is served.
    pub(crate) async fn serving(&self) -> anyhow::Result<()> {
        let request = tonic_health::pb::HealthCheckRequest::default();
        tonic_health::pb::health_client::HealthClient::new(self.api())
            .check(request)
            .await?;
        Ok(())
    }

    /// A repository with a first commit, and an App of it.
    pub(crate) async fn app(
        &self,
        name: &str,
        files: &[(&str, &str)],
    ) -> anyhow::Result<Repository> {
        let repository = self.repositories.create(&format!("example/{name}"))?;
        repository.commit(&change("first", files))?;
        self.create_app(name).await?;
        Ok(repository)
    }

    /// An App of the repository `example/<name>`.
    pub(crate) async fn create_app(&self, name: &str) -> anyhow::Result<()> {
        v1::app_service_client::AppServiceClient::new(self.api())
            .create_app(v1::CreateAppRequest {
                app: Some(v1::App {
                    name: name.to_owned(),
                    repo: format!("example/{name}"),
                    ..v1::App::default()
                }),
                ..v1::CreateAppRequest::default()
            })
            .await?;
        Ok(())
    }

    /// Builds a ref, and waits for the end of it.
    pub(crate) async fn build(&self, app: &str, git_ref: &str) -> anyhow::Result<v1::Build> {
        let mut client = v1::build_service_client::BuildServiceClient::new(self.api());
        let request = v1::CreateBuildRequest {
            app: app.to_owned(),
            r#ref: git_ref.to_owned(),
            ..v1::CreateBuildRequest::default()
        };
        let mut build = client
            .create_build(request)
            .await?
            .into_inner()
            .build
            .context("an answer without a build")?;
        let deadline = Instant::now() + PATIENCE;
        while build.state() == v1::BuildState::InProgress {
            ensure!(
                Instant::now() < deadline,
                "waiting for {build:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
            let request = v1::GetBuildRequest {
                build: build.id.clone(),
            };
            build = client
                .get_build(request)
                .await?
                .into_inner()
                .build
                .context("an answer without a build")?;
        }
        Ok(build)
    }

    /// Asks for a Deploy of a ref in `development`, and waits for its end.
    pub(crate) async fn deploy(&self, app: &str, git_ref: &str) -> anyhow::Result<v1::Deploy> {
        let accepted = self.ask_deploy(app, git_ref).await?;
        self.ended(&accepted.id).await
    }

    /// Asks for a Deploy of a ref in `development`.
    pub(crate) async fn ask_deploy(&self, app: &str, git_ref: &str) -> anyhow::Result<v1::Deploy> {
        let request = v1::CreateDeployRequest {
            app: app.to_owned(),
            environment: "development".to_owned(),
            target: Some(v1::create_deploy_request::Target::Ref(git_ref.to_owned())),
            ..v1::CreateDeployRequest::default()
        };
        let answer = DeployServiceClient::new(self.api())
            .create_deploy(request)
            .await?;
        answer
            .into_inner()
            .deploy
            .context("an answer without a deploy")
    }

    /// A Deploy as it is now.
    pub(crate) async fn deploy_of(&self, id: &str) -> anyhow::Result<v1::Deploy> {
        let request = v1::GetDeployRequest {
            deploy: id.to_owned(),
        };
        let answer = DeployServiceClient::new(self.api())
            .get_deploy(request)
            .await?;
        answer
            .into_inner()
            .deploy
            .context("an answer without a deploy")
    }

    /// Waits until a Deploy is done, one way or another.
    pub(crate) async fn ended(&self, id: &str) -> anyhow::Result<v1::Deploy> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let deploy = self.deploy_of(id).await?;
            match deploy.state() {
                v1::DeployState::Created
                | v1::DeployState::Building
                | v1::DeployState::Deploying => {}
                _ => return Ok(deploy),
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {deploy:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The instances of an App in `development`.
    pub(crate) async fn instances(&self, app: &str) -> anyhow::Result<Vec<v1::Instance>> {
        let request = v1::ListInstancesRequest {
            app: app.to_owned(),
            environment: "development".to_owned(),
            ..v1::ListInstancesRequest::default()
        };
        let mut client = v1::instance_service_client::InstanceServiceClient::new(self.api());
        Ok(client.list_instances(request).await?.into_inner().instances)
    }

    /// Waits until the instances of an App are as a condition says.
    pub(crate) async fn settled(
        &self,
        app: &str,
        what: &str,
        is_so: impl Fn(&[v1::Instance]) -> bool,
    ) -> anyhow::Result<Vec<v1::Instance>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let instances = self.instances(app).await?;
            if is_so(&instances) {
                return Ok(instances);
            }
            ensure!(
                Instant::now() < deadline,
                "waiting for {what}: {instances:#?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sets a Worker's scale in `development`.
    pub(crate) async fn scale(&self, app: &str, worker: &str, scale: i32) -> anyhow::Result<()> {
        let request = v1::RescaleWorkersRequest {
            app: app.to_owned(),
            environment: "development".to_owned(),
            scales: vec![v1::WorkerScale {
                worker: worker.to_owned(),
                scale,
            }],
            ..v1::RescaleWorkersRequest::default()
        };
        v1::worker_service_client::WorkerServiceClient::new(self.api())
            .rescale_workers(request)
            .await?;
        Ok(())
    }
}

/// A commit of these files. A path that ends in `*` is executable.
pub(crate) fn change(message: &str, files: &[(&str, &str)]) -> Change {
    files
        .iter()
        .fold(Change::new(message), |change, (path, text)| {
            match path.strip_suffix('*') {
                Some(path) => change.executable(path, *text),
                None => change.file(path, text),
            }
        })
}

/// Whether this many are healthy and nothing else is there.
pub(crate) fn exactly(healthy: usize) -> impl Fn(&[v1::Instance]) -> bool {
    move |instances| instances.len() == healthy && instances.iter().all(is_healthy)
}

/// Whether an instance was seen to serve.
pub(crate) fn is_healthy(instance: &v1::Instance) -> bool {
    instance
        .health
        .as_ref()
        .is_some_and(|health| health.state() == v1::HealthState::Healthy)
}

//! Workers.

use super::{
    Legacy, named, objects, params,
    refusal::{Flaw, Refusal},
};
use crate::{handlers::Answer, streams::Flow};
use controller::usecases::{
    Ctx, Mode,
    legacy::{live, workers},
    workers as own,
};
use domain::{Worker, WorkerId, WorkerName, WorkerSpec, worker::Command};
use proto::legacy::v1::{self, worker_service_server::WorkerService};
use scheduler::input::RestartOnly;
use tonic::Request;

#[tonic::async_trait]
impl WorkerService for Legacy {
    type ListWorkersStream = Flow<v1::ListWorkersResponse>;

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Answer<Self::ListWorkersStream> {
        let (sight, ctx, asked) = self.sift(request).await?;
        let read = move |ctx: Ctx, page| {
            let (asked, sight) = (asked.clone(), sight.clone());
            async move {
                let of = (asked.app.as_str(), asked.environment.as_str());
                let mut found = workers::list(&ctx, of, &asked.worker, page).await?;
                if !sight.sees_everything() {
                    let placed = workers::placed(&ctx, found.items).await?.into_iter();
                    let seen = placed.filter(|(_, app, environment)| {
                        sight.sees(app.name.as_str(), environment.name.as_str())
                    });
                    found.items = seen.map(|(worker, _, _)| worker).collect();
                }
                Ok(found)
            }
        };
        self.list(ctx, read, |found| v1::ListWorkersResponse {
            data: found.iter().map(objects::worker).collect(),
        })
    }

    async fn get_worker(
        &self,
        request: Request<v1::GetWorkerRequest>,
    ) -> Answer<v1::GetWorkerResponse> {
        self.look(request, |ctx, asked| async move {
            let found = find(&ctx, &asked.id).await?;
            Ok(v1::GetWorkerResponse {
                data: Some(objects::worker(&found)),
            })
        })
        .await
    }

    async fn create_worker(
        &self,
        request: Request<v1::CreateWorkerRequest>,
    ) -> Answer<v1::CreateWorkerResponse> {
        self.act(request, |ctx, asked| async move {
            named("App", &asked.app)?;
            named("Environment", &asked.environment)?;
            let mut flaws = Vec::new();
            let name = params::required("name", asked.name.as_deref(), &mut flaws);
            let scale = scale_of(&ctx, asked.scale.as_deref(), &mut flaws);
            params::flawless(flaws)?;
            let mut spec = WorkerSpec::named(name.ok_or_else(|| Flaw::blank("name"))?);
            let command = asked.command.filter(|line| !line.trim().is_empty());
            spec.command = command.map(Command::Shell);
            let (of, wanted) = ((&asked.app, &asked.environment), (spec, scale));
            let done = own::create(&ctx, of.0, of.1, wanted, Mode::Run).await?;
            Ok(v1::CreateWorkerResponse {
                data: Some(objects::worker(&done.value.worker.worker)),
            })
        })
        .await
    }

    async fn update_worker(
        &self,
        request: Request<v1::UpdateWorkerRequest>,
    ) -> Answer<v1::UpdateWorkerResponse> {
        self.act(request, |ctx, asked| async move {
            let before = find(&ctx, &asked.id).await?;
            let mut flaws = Vec::new();
            let scale = scale_of(&ctx, asked.scale.as_deref(), &mut flaws);
            let name: Option<WorkerName> =
                params::changed("name", asked.name.as_deref(), &mut flaws);
            params::flawless(flaws)?;
            let after = workers::update(&ctx, before, name, scale).await?;
            Ok(v1::UpdateWorkerResponse {
                data: Some(objects::worker(&after)),
            })
        })
        .await
    }

    async fn delete_worker(
        &self,
        request: Request<v1::DeleteWorkerRequest>,
    ) -> Answer<v1::DeleteWorkerResponse> {
        self.act(request, |ctx, asked| async move {
            let which = own::Which {
                worker: find(&ctx, &asked.id).await?.id.to_string(),
                app: String::new(),
                environment: String::new(),
            };
            let done = own::delete(&ctx, &which, None, Mode::Run).await?;
            Ok(v1::DeleteWorkerResponse {
                data: Some(objects::worker(&done.value.worker.worker)),
            })
        })
        .await
    }

    async fn rescale_worker(
        &self,
        request: Request<v1::RescaleWorkerRequest>,
    ) -> Answer<v1::RescaleWorkerResponse> {
        self.act(request, |ctx, asked| async move {
            named("App", &asked.app)?;
            named("Environment", &asked.environment)?;
            named("Worker", &asked.name)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            let before = workers::named(&ctx, of, &asked.name).await?;
            let mut flaws = Vec::new();
            let asked = asked.scale.unwrap_or_default();
            let scale = scale_of(&ctx, Some(&asked), &mut flaws);
            params::flawless(flaws)?;
            let after = match scale {
                Some(scale) => workers::rescale(&ctx, &before, scale).await?,
                None => before,
            };
            Ok(v1::RescaleWorkerResponse {
                data: Some(objects::worker(&after)),
            })
        })
        .await
    }

    async fn list_live_instances(
        &self,
        request: Request<v1::ListLiveInstancesRequest>,
    ) -> Answer<v1::ListLiveInstancesResponse> {
        self.look(request, |ctx, asked| async move {
            let worker = find(&ctx, &asked.id).await?;
            let found = live::of(&ctx, worker).await?;
            Ok(v1::ListLiveInstancesResponse {
                data: Some(objects::live(&found, &ctx.deps.settings.registry)),
            })
        })
        .await
    }

    async fn restart_workers(
        &self,
        request: Request<v1::RestartWorkersRequest>,
    ) -> Answer<v1::RestartWorkersResponse> {
        self.act(request, |ctx, asked| async move {
            let app = asked.app.filter(|app| !app.is_empty());
            let app = app.ok_or(Refusal::Missing("app"))?;
            let environment = asked.environment.filter(|name| !name.is_empty());
            let environment = environment.ok_or(Refusal::Missing("environment"))?;
            let of = (app.as_str(), environment.as_str());
            let only = only(asked.healthy);
            let meant = workers::restart(&ctx, of, &asked.worker, only).await?;
            Ok(v1::RestartWorkersResponse {
                data: meant.iter().map(objects::worker).collect(),
            })
        })
        .await
    }

    async fn restart_worker(
        &self,
        request: Request<v1::RestartWorkerRequest>,
    ) -> Answer<v1::RestartWorkerResponse> {
        self.act(request, |ctx, asked| async move {
            let worker = find(&ctx, &asked.id).await?;
            let (app, environment) = (worker.app.to_string(), worker.environment.to_string());
            let of = (app.as_str(), environment.as_str());
            let name = worker.spec.name.as_str();
            workers::restart(&ctx, of, name, only(asked.healthy)).await?;
            Ok(v1::RestartWorkerResponse {
                data: Some(objects::worker(&worker)),
            })
        })
        .await
    }
}

async fn find(ctx: &Ctx, id: &str) -> Result<Worker, Refusal> {
    let id: WorkerId = params::id("Worker", id)?;
    Ok(workers::get(ctx, id).await?)
}

/// The scale that is asked for, if one is. What is wrong with it goes to `flaws`.
fn scale_of(ctx: &Ctx, asked: Option<&str>, flaws: &mut Vec<Flaw>) -> Option<i64> {
    match params::scale(asked?, ctx.deps.settings.scale_max) {
        Ok(scale) => Some(scale),
        Err(flaw) => {
            flaws.push(flaw);
            None
        }
    }
}

const fn only(healthy: Option<bool>) -> RestartOnly {
    match healthy {
        None => RestartOnly::All,
        Some(true) => RestartOnly::Healthy,
        Some(false) => RestartOnly::Unhealthy,
    }
}

//! Environments.

use super::{
    Legacy, objects,
    params::{changed, flawless, required},
    refusal::Flaw,
};
use crate::{handlers::Answer, streams::Flow};
use controller::usecases::{Ctx, Mode, environments};
use domain::EnvironmentName;
use proto::legacy::v1::{self, environment_service_server::EnvironmentService};
use tonic::Request;

#[tonic::async_trait]
impl EnvironmentService for Legacy {
    type ListEnvironmentsStream = Flow<v1::ListEnvironmentsResponse>;

    async fn list_environments(
        &self,
        request: Request<v1::ListEnvironmentsRequest>,
    ) -> Answer<Self::ListEnvironmentsStream> {
        let (sight, ctx, _asked) = self.sift(request).await?;
        let read = |ctx: Ctx, page| async move { environments::list(&ctx, "", page).await };
        self.list(ctx, read, move |mut found| {
            found.retain(|environment| sight.sees("", environment.name.as_str()));
            v1::ListEnvironmentsResponse {
                data: found.iter().map(objects::environment).collect(),
            }
        })
    }

    async fn get_environment(
        &self,
        request: Request<v1::GetEnvironmentRequest>,
    ) -> Answer<v1::GetEnvironmentResponse> {
        self.look(request, |ctx, asked| async move {
            let found = environments::get(&ctx, &asked.id).await?;
            Ok(v1::GetEnvironmentResponse {
                data: Some(objects::environment(&found)),
            })
        })
        .await
    }

    async fn create_environment(
        &self,
        request: Request<v1::CreateEnvironmentRequest>,
    ) -> Answer<v1::CreateEnvironmentResponse> {
        self.act(request, |ctx, asked| async move {
            let mut flaws = Vec::new();
            let name = required("name", asked.name.as_deref(), &mut flaws);
            flawless(flaws)?;
            let name = name.ok_or_else(|| Flaw::blank("name"))?;
            let done = environments::create(&ctx, name, None, Mode::Run).await?;
            Ok(v1::CreateEnvironmentResponse {
                data: Some(objects::environment(&done.value)),
            })
        })
        .await
    }

    async fn update_environment(
        &self,
        request: Request<v1::UpdateEnvironmentRequest>,
    ) -> Answer<v1::UpdateEnvironmentResponse> {
        self.act(request, |ctx, asked| async move {
            let mut flaws = Vec::new();
            let name: Option<EnvironmentName> = changed("name", asked.name.as_deref(), &mut flaws);
            environments::get(&ctx, &asked.id).await?;
            flawless(flaws)?;
            let edit = (name, None);
            let done = environments::update(&ctx, &asked.id, edit, None, Mode::Run).await?;
            Ok(v1::UpdateEnvironmentResponse {
                data: Some(objects::environment(&done.value)),
            })
        })
        .await
    }

    async fn delete_environment(
        &self,
        request: Request<v1::DeleteEnvironmentRequest>,
    ) -> Answer<v1::DeleteEnvironmentResponse> {
        self.act(request, |ctx, asked| async move {
            let done = environments::delete(&ctx, &asked.id, None, Mode::Run).await?;
            Ok(v1::DeleteEnvironmentResponse {
                data: Some(objects::environment(&done.value)),
            })
        })
        .await
    }
}

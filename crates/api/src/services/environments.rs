//! Environments.

use crate::{
    convert::{self, environment, plan},
    handlers::{Answer, Handlers},
    mask::{Mask, text},
    page::Asked,
};
use controller::usecases::{Etag, environments};
use proto::v1::{self, environment_service_server::EnvironmentService};
use tonic::Request;

#[tonic::async_trait]
impl EnvironmentService for Handlers {
    async fn create_environment(
        &self,
        request: Request<v1::CreateEnvironmentRequest>,
    ) -> Answer<v1::CreateEnvironmentResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let wanted = asked.environment.unwrap_or_default();
            let name = convert::parse("environment.name", &wanted.name)?;
            let template = convert::parse_some(
                "environment.service_name_template",
                &wanted.service_name_template,
            )?;
            let done = environments::create(&ctx, name, template, mode).await?;
            Ok(v1::CreateEnvironmentResponse {
                environment: Some(environment::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_environment(
        &self,
        request: Request<v1::GetEnvironmentRequest>,
    ) -> Answer<v1::GetEnvironmentResponse> {
        self.look(request, |ctx, asked| async move {
            let found = environments::get(&ctx, &asked.environment).await?;
            Ok(v1::GetEnvironmentResponse {
                environment: Some(environment::wire(&found)),
            })
        })
        .await
    }

    async fn list_environments(
        &self,
        request: Request<v1::ListEnvironmentsRequest>,
    ) -> Answer<v1::ListEnvironmentsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let found = environments::list(&ctx, &asked.name_prefix, list.page()?).await?;
            Ok(v1::ListEnvironmentsResponse {
                environments: found.items.iter().map(environment::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_environment(
        &self,
        request: Request<v1::UpdateEnvironmentRequest>,
    ) -> Answer<v1::UpdateEnvironmentResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let values = asked.values.unwrap_or_default();
            let mask = Mask::read(asked.update_mask.as_ref(), &environment::FIELDS)?;
            let name = mask.pick("name", text(values.name));
            let name = name.map(|name| convert::parse("values.name", &name.unwrap_or_default()));
            let template = mask.pick("service_name_template", text(values.service_name_template));
            let template = template.map(|template| {
                convert::parse(
                    "values.service_name_template",
                    &template.unwrap_or_default(),
                )
            });
            let edit = (name.transpose()?, template.transpose()?);
            let etag = Etag::given(&asked.etag);
            let done =
                environments::update(&ctx, &asked.environment, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateEnvironmentResponse {
                environment: Some(environment::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn delete_environment(
        &self,
        request: Request<v1::DeleteEnvironmentRequest>,
    ) -> Answer<v1::DeleteEnvironmentResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let etag = Etag::given(&asked.etag);
            let done = environments::delete(&ctx, &asked.environment, etag.as_ref(), mode).await?;
            Ok(v1::DeleteEnvironmentResponse {
                environment: Some(environment::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

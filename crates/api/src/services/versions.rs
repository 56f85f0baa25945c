//! Versions. Values of variables are shown one version at a time, and only to those who may read them.

use crate::{
    convert::version,
    handlers::{Answer, Handlers},
    page::Asked,
    permissions::{self, Call, Of},
    status::Refusal,
};
use controller::usecases::versions::{self, Filter, Values};
use domain::token::Role;
use proto::v1::{self, version_service_server::VersionService};
use tonic::{Request, Response};

#[tonic::async_trait]
impl VersionService for Handlers {
    async fn get_version(
        &self,
        request: Request<v1::GetVersionRequest>,
    ) -> Answer<v1::GetVersionResponse> {
        let (caller, ctx, asked) = self.admit(request).await?;
        // What is for every App takes a right in every App.
        let place = versions::place(&ctx, &asked.version).await;
        let (app, environment) = place.map_err(Refusal::from)?;
        let of = Of::Place(&app, &environment);
        let method = v1::GetVersionRequest::METHOD;
        let values = match permissions::may_as(&caller, Role::Deployer, &ctx, &of, method).await {
            Ok(()) => Values::Shown,
            Err(Refusal::Caller(_)) => Values::Masked,
            Err(refusal) => return Err(refusal.into()),
        };
        let found = versions::get(&ctx, &asked.version, values).await;
        Ok(Response::new(v1::GetVersionResponse {
            version: Some(version::wire(&found.map_err(Refusal::from)?)),
        }))
    }

    async fn list_versions(
        &self,
        request: Request<v1::ListVersionsRequest>,
    ) -> Answer<v1::ListVersionsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                app: asked.app,
                environment: asked.environment,
                kind: version::parse_kind("kind", asked.kind)?,
            };
            let found = versions::list(&ctx, &filter, list.page()?).await?;
            Ok(v1::ListVersionsResponse {
                versions: found.items.iter().map(version::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}

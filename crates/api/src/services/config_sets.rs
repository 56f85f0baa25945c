//! Config Sets. Values are shown to those alone who may read them, and never in the answer to a change.

use crate::{
    auth::Caller,
    convert::{
        config::{self, Values, which},
        deploy, plan,
    },
    handlers::{Answer, Handlers},
    page::Asked,
    permissions::{self, Call},
    status::Refusal,
};
use controller::usecases::{
    Ctx, Done, Etag, configs,
    configs::{Edit, Which},
};
use domain::token::Role;
use proto::v1::{self, config_set_service_server::ConfigSetService};
use tonic::{Request, Response};

#[tonic::async_trait]
impl ConfigSetService for Handlers {
    async fn get_config_set(
        &self,
        request: Request<v1::GetConfigSetRequest>,
    ) -> Answer<v1::GetConfigSetResponse> {
        let (caller, ctx, asked) = self.admit(request).await?;
        let which = which(asked.environment, asked.stack, asked.app);
        let values = values_of(&caller, &ctx, &which, v1::GetConfigSetRequest::METHOD).await?;
        let found = configs::get(&ctx, &which, &asked.version_id).await;
        let found = found.map_err(Refusal::from)?;
        Ok(Response::new(v1::GetConfigSetResponse {
            config_set: Some(config::wire(&found, values)),
        }))
    }

    async fn explain_config(
        &self,
        request: Request<v1::ExplainConfigRequest>,
    ) -> Answer<v1::ExplainConfigResponse> {
        let (caller, ctx, asked) = self.admit(request).await?;
        let names = config::names("names", &asked.names)?;
        let told = configs::explain(&ctx, &asked.app, &asked.environment, &names).await;
        let told = told.map_err(Refusal::from)?;
        let mut values = Vec::with_capacity(told.sets.len());
        for set in &told.sets {
            let (environment, stack) = (set.environment.clone(), set.stack.clone());
            let which = which(environment, stack, set.app.clone());
            let method = v1::ExplainConfigRequest::METHOD;
            values.push(values_of(&caller, &ctx, &which, method).await?);
        }
        Ok(Response::new(v1::ExplainConfigResponse {
            variables: config::explained(&told, &values),
        }))
    }

    async fn list_config_sets(
        &self,
        request: Request<v1::ListConfigSetsRequest>,
    ) -> Answer<v1::ListConfigSetsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let which = which(asked.environment, asked.stack, asked.app);
            let found = configs::list(&ctx, &which, list.page()?).await?;
            let masked = |view| config::wire(view, Values::Masked);
            Ok(v1::ListConfigSetsResponse {
                config_sets: found.items.iter().map(masked).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_config_set(
        &self,
        request: Request<v1::UpdateConfigSetRequest>,
    ) -> Answer<v1::UpdateConfigSetResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let which = which(asked.environment, asked.stack, asked.app);
            let edit = config::edit(asked.set, &asked.unset)?;
            let etag = Etag::given(&asked.etag);
            let done = configs::update(&ctx, &which, edit, etag.as_ref(), mode).await?;
            let (config_set, plan, deploys) = changed(&done);
            Ok(v1::UpdateConfigSetResponse {
                config_set,
                plan,
                deploys,
            })
        })
        .await
    }

    async fn delete_config_set(
        &self,
        request: Request<v1::DeleteConfigSetRequest>,
    ) -> Answer<v1::DeleteConfigSetResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let which = which(asked.environment, asked.stack, asked.app);
            let etag = Etag::given(&asked.etag);
            let done = configs::update(&ctx, &which, Edit::Empty, etag.as_ref(), mode).await?;
            let (config_set, plan, deploys) = changed(&done);
            Ok(v1::DeleteConfigSetResponse {
                config_set,
                plan,
                deploys,
            })
        })
        .await
    }

    async fn diff_config_set(
        &self,
        request: Request<v1::DiffConfigSetRequest>,
    ) -> Answer<v1::DiffConfigSetResponse> {
        let (caller, ctx, asked) = self.admit(request).await?;
        let which = which(asked.environment, asked.stack, asked.app);
        let values = values_of(&caller, &ctx, &which, v1::DiffConfigSetRequest::METHOD).await?;
        let (from, to) = (&asked.from_version_id, &asked.to_version_id);
        let diff = configs::diff(&ctx, &which, from, to).await;
        let diff = diff.map_err(Refusal::from)?;
        Ok(Response::new(config::diff(&diff, values)))
    }

    async fn list_config_set_versions(
        &self,
        request: Request<v1::ListConfigSetVersionsRequest>,
    ) -> Answer<v1::ListConfigSetVersionsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let which = which(asked.environment, asked.stack, asked.app);
            let found = configs::versions(&ctx, &which, list.page()?).await?;
            Ok(v1::ListConfigSetVersionsResponse {
                versions: found.items.iter().map(config::version).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}

/// Whether this caller may read the values of a set.
async fn values_of(
    caller: &Caller,
    ctx: &Ctx,
    which: &Which,
    method: &str,
) -> Result<Values, Refusal> {
    let of = permissions::of_config_set(&which.environment, &which.stack, &which.app);
    match permissions::may_as(caller, Role::Deployer, ctx, &of, method).await {
        Ok(()) => Ok(Values::Shown),
        Err(Refusal::Caller(_)) => Ok(Values::Masked),
        Err(refusal) => Err(refusal),
    }
}

/// Masked, since the answer to a change is kept for the same request again.
fn changed(
    done: &Done<configs::Changed>,
) -> (Option<v1::ConfigSet>, Option<v1::Plan>, Vec<v1::Deploy>) {
    (
        Some(config::wire(&done.value.config, Values::Masked)),
        Some(plan::wire(&done.plan)),
        done.value.deploys.iter().map(deploy::wire).collect(),
    )
}

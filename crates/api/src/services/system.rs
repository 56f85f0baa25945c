//! The Installation itself.

use crate::{
    convert::{self, access, instance, plan, system},
    handlers::{Answer, Handlers},
};
use controller::usecases::system as usecase;
use domain::{DeployId, NodeName};
use proto::v1::{self, system_service_server::SystemService};
use std::sync::Arc;
use tonic::{Request, Response};

#[tonic::async_trait]
impl SystemService for Handlers {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Answer<v1::GetStatusResponse> {
        let about = Arc::clone(&self.about);
        self.list(request, |ctx, _asked| async move {
            let components = (about.components)().await;
            // How the parts are is told even where Docker does not answer.
            let strangers = usecase::strangers(&ctx).await.unwrap_or_default();
            Ok(v1::GetStatusResponse {
                version: about.version.clone(),
                commit: about.commit.clone(),
                installation: ctx.deps.store.installation().to_string(),
                server: ctx.deps.settings.server.clone(),
                start_time: Some(convert::time::wire(about.started_at)),
                components: components.into_iter().map(system::component).collect(),
                unknown_instances: strangers.iter().map(instance::wire).collect(),
            })
        })
        .await
    }

    async fn who_am_i(&self, request: Request<v1::WhoAmIRequest>) -> Answer<v1::WhoAmIResponse> {
        let (caller, _, _) = self.admit(request).await?;
        Ok(Response::new(access::who(&caller)))
    }

    async fn get_settings(
        &self,
        request: Request<v1::GetSettingsRequest>,
    ) -> Answer<v1::GetSettingsResponse> {
        let about = Arc::clone(&self.about);
        self.look(request, |ctx, _asked| async move {
            Ok(v1::GetSettingsResponse {
                settings: Some(system::settings(&ctx.deps.settings, &about)),
            })
        })
        .await
    }

    async fn get_disk_usage(
        &self,
        request: Request<v1::GetDiskUsageRequest>,
    ) -> Answer<v1::GetDiskUsageResponse> {
        self.look(request, |ctx, asked| async move {
            let node: Option<NodeName> = convert::parse_some("node", &asked.node)?;
            let disks = usecase::disk_usage(&ctx, node.as_ref()).await?;
            Ok(system::disks(&disks))
        })
        .await
    }

    async fn collect_garbage(
        &self,
        request: Request<v1::CollectGarbageRequest>,
    ) -> Answer<v1::CollectGarbageResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let node: Option<NodeName> = convert::parse_some("node", &asked.node)?;
            let done = usecase::collect(&ctx, node.as_ref(), mode).await?;
            let items: Vec<_> = done.value.iter().map(system::collected).collect();
            Ok(v1::CollectGarbageResponse {
                freed_bytes: items.iter().map(|item| item.size_bytes).sum(),
                items,
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn adopt(&self, request: Request<v1::AdoptRequest>) -> Answer<v1::AdoptResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let deploy: Option<DeployId> = convert::parse_some("deploy", &asked.deploy)?;
            let done = usecase::adopt(&ctx, deploy, mode).await?;
            Ok(v1::AdoptResponse {
                instances: done.value.instances.iter().map(instance::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
                left: done.value.left,
            })
        })
        .await
    }

    async fn sweep(&self, request: Request<v1::SweepRequest>) -> Answer<v1::SweepResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let deploy: Option<DeployId> = convert::parse_some("deploy", &asked.deploy)?;
            let done = usecase::sweep(&ctx, deploy, mode).await?;
            Ok(v1::SweepResponse {
                instances: done.value.iter().map(instance::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

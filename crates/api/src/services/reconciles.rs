//! Reconciles.

use crate::{
    convert::{plan, reconcile},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::reconciles;
use proto::v1::{self, reconcile_service_server::ReconcileService};
use tonic::Request;

#[tonic::async_trait]
impl ReconcileService for Handlers {
    async fn preview_reconcile(
        &self,
        request: Request<v1::PreviewReconcileRequest>,
    ) -> Answer<v1::PreviewReconcileResponse> {
        self.look(request, |ctx, asked| async move {
            let plan = reconciles::preview(&ctx, &asked.environment, &asked.app).await?;
            Ok(v1::PreviewReconcileResponse {
                plan: Some(plan::of_environment(plan)),
            })
        })
        .await
    }

    async fn create_reconcile(
        &self,
        request: Request<v1::CreateReconcileRequest>,
    ) -> Answer<v1::CreateReconcileResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = reconciles::create(&ctx, &asked.environment, &asked.app, mode).await?;
            Ok(v1::CreateReconcileResponse {
                reconcile: Some(reconcile::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_reconcile(
        &self,
        request: Request<v1::GetReconcileRequest>,
    ) -> Answer<v1::GetReconcileResponse> {
        self.look(request, |ctx, asked| async move {
            let found = reconciles::get(&ctx, &asked.reconcile).await?;
            Ok(v1::GetReconcileResponse {
                reconcile: Some(reconcile::wire(&found)),
            })
        })
        .await
    }

    async fn list_reconciles(
        &self,
        request: Request<v1::ListReconcilesRequest>,
    ) -> Answer<v1::ListReconcilesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let state = reconcile::parse_state(asked.state)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            let found = reconciles::list(&ctx, of, state, list.page()?).await?;
            Ok(v1::ListReconcilesResponse {
                reconciles: found.items.iter().map(reconcile::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}

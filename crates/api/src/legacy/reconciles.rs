//! Reconciles.

use super::{Legacy, builds::callback, chunked, named, objects, params, refusal::Refusal};
use crate::{handlers::Answer, permissions::Sight, streams::Flow};
use controller::usecases::{
    self, Ctx, Mode,
    callbacks::{self, Awaited},
    legacy::{
        logs,
        reconciles::{self, ReconcileView},
    },
};
use futures_util::TryStreamExt;
use ports::store::{self, Page, reconciles::OnConflict};
use proto::legacy::v1::{self, reconcile_service_server::ReconcileService};
use std::sync::Arc;
use tonic::Request;

#[tonic::async_trait]
impl ReconcileService for Legacy {
    type ListReconcilesStream = Flow<v1::ListReconcilesResponse>;

    async fn list_reconciles(
        &self,
        request: Request<v1::ListReconcilesRequest>,
    ) -> Answer<Self::ListReconcilesStream> {
        let (sight, ctx, _asked) = self.sift(request).await?;
        let settings = Arc::clone(&ctx.deps.settings);
        let read = |ctx: Ctx, page: Page| async move {
            reconciles::list(&ctx, page.after.unwrap_or(0)).await
        };
        self.list(ctx, read, move |mut found| {
            found.retain(|view| is_seen(view, &sight));
            v1::ListReconcilesResponse {
                data: found
                    .iter()
                    .map(|view| objects::reconcile(view, &settings))
                    .collect(),
            }
        })
    }

    async fn get_reconcile(
        &self,
        request: Request<v1::GetReconcileRequest>,
    ) -> Answer<v1::GetReconcileResponse> {
        self.look(request, |ctx, asked| async move {
            let found = reconciles::get(&ctx, params::id("Reconcile", &asked.id)?).await?;
            Ok(v1::GetReconcileResponse {
                data: Some(objects::reconcile(&found, &ctx.deps.settings)),
            })
        })
        .await
    }

    async fn preview_reconcile(
        &self,
        request: Request<v1::PreviewReconcileRequest>,
    ) -> Answer<v1::PreviewReconcileResponse> {
        self.look(request, |ctx, asked| async move {
            named("Environment", &asked.environment)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            let shown = reconciles::create(&ctx, of, OnConflict::Ignore, Mode::Preview).await?;
            Ok(v1::PreviewReconcileResponse {
                data: Some(objects::reconcile(&shown, &ctx.deps.settings)),
            })
        })
        .await
    }

    async fn create_reconcile(
        &self,
        request: Request<v1::CreateReconcileRequest>,
    ) -> Answer<v1::CreateReconcileResponse> {
        self.act(request, |ctx, asked| async move {
            named("Environment", &asked.environment)?;
            let callback = callback(&ctx, &asked.callback_url)?;
            let on_conflict = match asked.force {
                true => OnConflict::Ignore,
                false => OnConflict::Refuse,
            };
            let of = (asked.app.as_str(), asked.environment.as_str());
            let calling = ctx.called_back(callback.as_ref());
            let made = reconciles::create(&calling, of, on_conflict, Mode::Run).await;
            let made = made.map_err(refused)?;
            let awaited = Awaited::Reconcile(made.reconcile.id);
            callbacks::settle(&ctx, awaited, callback.as_ref()).await?;
            let mut shown = objects::reconcile(&made, &ctx.deps.settings);
            // Whole to whoever gave it; it may be a secret to others.
            shown.callback_url = Some(asked.callback_url).filter(|url| !url.is_empty());
            Ok(v1::CreateReconcileResponse { data: Some(shown) })
        })
        .await
    }

    type StreamReconcileLogStream = Flow<v1::StreamReconcileLogResponse>;

    async fn stream_reconcile_log(
        &self,
        request: Request<v1::StreamReconcileLogRequest>,
    ) -> Answer<Self::StreamReconcileLogStream> {
        let (ctx, asked) = self.0.read(request).await?;
        let log = logs::of_reconcile(&ctx, params::id("Reconcile", &asked.id)?).await;
        let lines = objects::log_lines(&log.map_err(Refusal::from)?);
        self.stream(chunked(lines).map_ok(|logs| v1::StreamReconcileLogResponse { logs }))
    }
}

fn refused(error: usecases::Error) -> Refusal {
    if let usecases::Error::Store(store::Error::ReconcileUnderWay(id)) = &error {
        return Refusal::Locked(format!(
            "Reconcile ID {} already in progress in this environment. \
             Either wait for completion, or call again with force.",
            id.number()
        ));
    }
    if let usecases::Error::Store(store::Error::DeploysUnderWay(ids)) = &error {
        return Refusal::Locked(format!(
            "Deploy ID {} already in progress in this environment. \
             Either wait for completion, or call again with 'force' parameter set.",
            ids.first().map_or(0, |id| id.number())
        ));
    }
    error.into()
}

/// One of every App is theirs who may see all of them. Of what was deleted nobody else knows whose it was.
fn is_seen(view: &ReconcileView, sight: &Sight) -> bool {
    let app = view.app.as_ref().map_or("", |app| app.name.as_str());
    let environment = view.environment.as_ref();
    sight.sees_all(app, environment.map_or("", |it| it.name.as_str()))
}

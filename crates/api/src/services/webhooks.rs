//! Webhooks.

use crate::{
    convert::{plan, webhook},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::{Etag, webhooks};
use proto::v1::{self, webhook_service_server::WebhookService};
use tonic::Request;

#[tonic::async_trait]
impl WebhookService for Handlers {
    async fn create_webhook(
        &self,
        request: Request<v1::CreateWebhookRequest>,
    ) -> Answer<v1::CreateWebhookResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let wanted = webhook::wanted(asked.webhook)?;
            let done = webhooks::create(&ctx, wanted, mode).await?;
            Ok(v1::CreateWebhookResponse {
                webhook: Some(webhook::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_webhook(
        &self,
        request: Request<v1::GetWebhookRequest>,
    ) -> Answer<v1::GetWebhookResponse> {
        self.look(request, |ctx, asked| async move {
            let found = webhooks::get(&ctx, &asked.webhook).await?;
            Ok(v1::GetWebhookResponse {
                webhook: Some(webhook::wire(&found)),
            })
        })
        .await
    }

    async fn list_webhooks(
        &self,
        request: Request<v1::ListWebhooksRequest>,
    ) -> Answer<v1::ListWebhooksResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let found = webhooks::list(&ctx, &asked.app, list.page()?).await?;
            Ok(v1::ListWebhooksResponse {
                webhooks: found.items.iter().map(webhook::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_webhook(
        &self,
        request: Request<v1::UpdateWebhookRequest>,
    ) -> Answer<v1::UpdateWebhookResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let edit = webhook::edit(asked.values, asked.update_mask.as_ref())?;
            let etag = Etag::given(&asked.etag);
            let done = webhooks::update(&ctx, &asked.webhook, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateWebhookResponse {
                webhook: Some(webhook::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn delete_webhook(
        &self,
        request: Request<v1::DeleteWebhookRequest>,
    ) -> Answer<v1::DeleteWebhookResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let etag = Etag::given(&asked.etag);
            let done = webhooks::delete(&ctx, &asked.webhook, etag.as_ref(), mode).await?;
            Ok(v1::DeleteWebhookResponse {
                webhook: Some(webhook::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn test_webhook(
        &self,
        request: Request<v1::TestWebhookRequest>,
    ) -> Answer<v1::TestWebhookResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = webhooks::test(&ctx, &asked.webhook, mode).await?;
            Ok(v1::TestWebhookResponse {
                delivery: done.value.as_ref().map(webhook::delivery),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<v1::ListWebhookDeliveriesRequest>,
    ) -> Answer<v1::ListWebhookDeliveriesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let state = webhook::parse_state("state", asked.state)?;
            let page = list.page()?;
            let found = webhooks::deliveries(&ctx, &asked.webhook, state, page).await?;
            Ok(v1::ListWebhookDeliveriesResponse {
                deliveries: found.items.iter().map(webhook::delivery).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}

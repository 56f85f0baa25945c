//! What GitHub tells the Installation.

use crate::{
    handlers::{Answer, Handlers},
    status::Refusal,
    webhook::Delivery,
};
use controller::usecases::{
    Ctx,
    app_hooks::{self, At, Delivered},
};
use github::webhook::Accepted;
use ports::store::audit::Origin;
use proto::v1::{self, git_hub_service_server::GitHubService};
use tonic::{Request, Response};

/// On whose behalf a delivery is written down.
const GITHUB: &str = "github";

#[tonic::async_trait]
impl GitHubService for Handlers {
    async fn receive_delivery(
        &self,
        request: Request<v1::ReceiveDeliveryRequest>,
    ) -> Answer<v1::ReceiveDeliveryResponse> {
        let asked = request.into_inner();
        let delivery = Delivery {
            event: &asked.event,
            content_type: &asked.content_type,
            body: &asked.body,
            sha256: &asked.signature,
            sha1: "",
        };
        let secret = self.webhook_secret.as_ref();
        let genuine = delivery.check(secret, Accepted::Sha256);
        genuine.map_err(Refusal::Signature)?;
        let meaning = delivery.read()?.meaning();
        let ctx = self.on_behalf_of_github();
        let delivered = Delivered {
            payload: delivery.kept(),
            id: asked.delivery.clone(),
            event: asked.event.clone(),
        };
        let received = app_hooks::received(&ctx, delivered, &At::Installation, meaning);
        let received = received.await.map_err(Refusal::from)?;
        tracing::info!(event = asked.event, delivery = asked.delivery, %received, "GitHub tells");
        Ok(Response::new(v1::ReceiveDeliveryResponse {
            message: received.to_string(),
        }))
    }
}

impl Handlers {
    pub(crate) fn on_behalf_of_github(&self) -> Ctx {
        Ctx {
            deps: self.deps.clone(),
            actor: GITHUB.to_owned(),
            request: None,
            origin: Origin::Server,
        }
    }
}

//! What GitHub tells of one App's repository.

use super::{Legacy, refusal::Refusal};
use crate::{handlers::Answer, secret::random_id, status, webhook::Delivery};
use controller::usecases::app_hooks::{self, At, Delivered};
use domain::{HostEvent, app_hook::Signed, webhook::Meaning};
use github::webhook::{Accepted, BadSignature};
use proto::legacy::v1::{self, git_hub_service_server::GitHubService};
use tonic::{Request, Response};

#[tonic::async_trait]
impl GitHubService for Legacy {
    async fn receive_delivery(
        &self,
        request: Request<v1::ReceiveDeliveryRequest>,
    ) -> Answer<v1::ReceiveDeliveryResponse> {
        let build = self.received(request.into_inner()).await?;
        Ok(Response::new(v1::ReceiveDeliveryResponse {
            build_id: build.map(domain::BuildId::number),
        }))
    }
}

impl Legacy {
    /// The Build that a push leads to, where that is known already and it is not over.
    async fn received(
        &self,
        asked: v1::ReceiveDeliveryRequest,
    ) -> Result<Option<domain::BuildId>, Refusal> {
        let ctx = self.0.on_behalf_of_github();
        let app = app_hooks::app_of(&ctx, &asked.id).await?;
        if asked.signature.is_empty() && asked.signature_256.is_empty() {
            return Err(unauthorized(BadSignature::Missing));
        }
        let hook = app_hooks::find(&ctx, app.id).await?;
        let (secret, accepted) = match &hook {
            Some(view) => {
                let accepted = match view.hook.signed {
                    Signed::Sha256 => Accepted::Sha256,
                    Signed::Sha256OrSha1 => Accepted::Sha256OrSha1,
                };
                (Some(&view.hook.secret), accepted)
            }
            None => (self.0.webhook_secret.as_ref(), Accepted::Sha256),
        };
        let delivery = Delivery {
            event: &asked.event,
            content_type: &asked.content_type,
            body: &asked.body,
            sha256: &asked.signature_256,
            sha1: &asked.signature,
        };
        delivery.check(secret, accepted).map_err(unauthorized)?;
        if asked.event.is_empty() {
            return Err(Refusal::NoEvent);
        }
        if !["ping", "push"].contains(&asked.event.as_str()) {
            return Err(Refusal::NoSuchEvent(asked.event));
        }
        let event = delivery.read()?;
        if event == HostEvent::Ping {
            return Ok(None);
        }
        let meaning = event.meaning();
        let branch = match &meaning {
            Meaning::BuildTip { branch, .. } => Some(branch.clone()),
            Meaning::PullRequest { .. }
            | Meaning::Renamed { .. }
            | Meaning::Gone { .. }
            | Meaning::AskAgain(_)
            | Meaning::Nothing => None,
        };
        // Old senders give a delivery no id that is passed on: each one counts.
        let at = At::App(Box::new(app.clone()));
        let delivered = Delivered {
            payload: delivery.kept(),
            id: random_id(),
            event: asked.event.clone(),
        };
        app_hooks::received(&ctx, delivered, &at, meaning).await?;
        let Some(branch) = branch else {
            return Ok(None);
        };
        let build = app_hooks::tip_now(&ctx, &app, &branch).await;
        Ok(build.map(|build| build.id))
    }
}

/// Which Apps have no secret is not told to strangers.
fn unauthorized(error: BadSignature) -> Refusal {
    Refusal::Unauthorized(match error {
        BadSignature::Missing => "Missing X-Hub-Signature header",
        BadSignature::Wrong | BadSignature::NoSecret => {
            "X-Hub-Signature does not fit; the app may have another secret for its hook, or none"
        }
    })
}

impl From<github::webhook::BadPayload> for Refusal {
    fn from(error: github::webhook::BadPayload) -> Self {
        Self::Own(status::Refusal::Payload(error))
    }
}

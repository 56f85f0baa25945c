//! The audit log.

use crate::{
    convert::{self, audit as wire},
    handlers::{Answer, Handlers},
    page::Asked,
    status::Refusal,
    streams::Flow,
};
use controller::usecases::audit;
use domain::AuditId;
use futures_util::stream;
use proto::v1::{self, audit_service_server::AuditService};
use tonic::Request;

#[tonic::async_trait]
impl AuditService for Handlers {
    type ExportAuditStream = Flow<v1::ExportAuditResponse>;

    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Answer<v1::ListAuditEntriesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let found = audit::list(&ctx, &wire::listed(asked)?, list.page()?).await?;
            Ok(v1::ListAuditEntriesResponse {
                entries: found.items.iter().map(wire::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn verify_audit(
        &self,
        request: Request<v1::VerifyAuditRequest>,
    ) -> Answer<v1::VerifyAuditResponse> {
        self.look(request, |ctx, _| async move {
            Ok(wire::verdict(&audit::verify(&ctx).await?))
        })
        .await
    }

    async fn export_audit(
        &self,
        request: Request<v1::ExportAuditRequest>,
    ) -> Answer<Self::ExportAuditStream> {
        let (streams, ctx, asked) = self.follow(request).await?;
        let after: Option<AuditId> = convert::parse_some("after", &asked.after)?;
        let export = audit::export(ctx, &wire::exported(asked)?, after).await;
        let export = export.map_err(Refusal::from)?;
        streams.answer(stream::unfold(export, |mut export| async move {
            let entries = export.next().await?.map_err(Refusal::from);
            let answer = entries.map(|entries| v1::ExportAuditResponse {
                entries: entries.iter().map(wire::wire).collect(),
            });
            Some((answer, export))
        }))
    }
}

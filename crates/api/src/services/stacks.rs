//! Stacks.

use crate::{
    convert::{self, plan, stack},
    handlers::{Answer, Handlers},
    mask::{Mask, text},
    page::Asked,
};
use controller::usecases::{Etag, stacks};
use proto::v1::{self, stack_service_server::StackService};
use tonic::Request;

#[tonic::async_trait]
impl StackService for Handlers {
    async fn create_stack(
        &self,
        request: Request<v1::CreateStackRequest>,
    ) -> Answer<v1::CreateStackResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let name = convert::parse("stack.name", &asked.stack.unwrap_or_default().name)?;
            let done = stacks::create(&ctx, name, mode).await?;
            Ok(v1::CreateStackResponse {
                stack: Some(stack::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_stack(
        &self,
        request: Request<v1::GetStackRequest>,
    ) -> Answer<v1::GetStackResponse> {
        self.look(request, |ctx, asked| async move {
            let found = stacks::get(&ctx, &asked.stack).await?;
            Ok(v1::GetStackResponse {
                stack: Some(stack::wire(&found)),
            })
        })
        .await
    }

    async fn list_stacks(
        &self,
        request: Request<v1::ListStacksRequest>,
    ) -> Answer<v1::ListStacksResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let found = stacks::list(&ctx, &asked.name_prefix, list.page()?).await?;
            Ok(v1::ListStacksResponse {
                stacks: found.items.iter().map(stack::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn update_stack(
        &self,
        request: Request<v1::UpdateStackRequest>,
    ) -> Answer<v1::UpdateStackResponse> {
        self.mutate(request, |ctx, asked, _mode| async move {
            let mask = Mask::read(asked.update_mask.as_ref(), &stack::FIELDS)?;
            let name = mask.pick("name", text(asked.values.unwrap_or_default().name));
            let name = name.map(|name| convert::parse("values.name", &name.unwrap_or_default()));
            let etag = Etag::given(&asked.etag);
            let done = stacks::update(&ctx, &asked.stack, name.transpose()?, etag.as_ref()).await?;
            Ok(v1::UpdateStackResponse {
                stack: Some(stack::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn delete_stack(
        &self,
        request: Request<v1::DeleteStackRequest>,
    ) -> Answer<v1::DeleteStackResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let etag = Etag::given(&asked.etag);
            let done = stacks::delete(&ctx, &asked.stack, etag.as_ref(), mode).await?;
            Ok(v1::DeleteStackResponse {
                stack: Some(stack::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

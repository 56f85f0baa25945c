//! Nodes.

use crate::{
    convert::{node, plan},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::{
    Done,
    nodes::{self, Filter, NodeView},
};
use domain::node::Duty;
use proto::v1::{self, node_service_server::NodeService};
use tonic::Request;

#[tonic::async_trait]
impl NodeService for Handlers {
    async fn get_node(&self, request: Request<v1::GetNodeRequest>) -> Answer<v1::GetNodeResponse> {
        self.look(request, |ctx, asked| async move {
            let found = nodes::get(&ctx, &asked.node).await?;
            Ok(v1::GetNodeResponse {
                node: Some(node::wire(&found)),
            })
        })
        .await
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Answer<v1::ListNodesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                state: node::parse_state(asked.state)?,
                environment: asked.environment,
                stack: asked.stack,
            };
            let found = nodes::list(&ctx, &filter).await?;
            let (page, next_page_token) = list.of(found, |view| view.node.name.to_string());
            Ok(v1::ListNodesResponse {
                nodes: page.iter().map(node::wire).collect(),
                next_page_token,
            })
        })
        .await
    }

    async fn cordon_node(
        &self,
        request: Request<v1::CordonNodeRequest>,
    ) -> Answer<v1::CordonNodeResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = nodes::set_duty(&ctx, &asked.node, Duty::Cordoned, mode).await?;
            let (node, plan) = changed(&done);
            Ok(v1::CordonNodeResponse { node, plan })
        })
        .await
    }

    async fn uncordon_node(
        &self,
        request: Request<v1::UncordonNodeRequest>,
    ) -> Answer<v1::UncordonNodeResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = nodes::set_duty(&ctx, &asked.node, Duty::Serving, mode).await?;
            let (node, plan) = changed(&done);
            Ok(v1::UncordonNodeResponse { node, plan })
        })
        .await
    }

    async fn drain_node(
        &self,
        request: Request<v1::DrainNodeRequest>,
    ) -> Answer<v1::DrainNodeResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = nodes::set_duty(&ctx, &asked.node, Duty::Draining, mode).await?;
            let (node, plan) = changed(&done);
            Ok(v1::DrainNodeResponse { node, plan })
        })
        .await
    }
}

fn changed(done: &Done<NodeView>) -> (Option<v1::Node>, Option<v1::Plan>) {
    (Some(node::wire(&done.value)), Some(plan::wire(&done.plan)))
}

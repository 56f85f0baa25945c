//! Nodes.

mod joining;

use crate::{
    convert::{node, plan, reconcile, time},
    handlers::{Answer, Handlers},
    page::Asked,
    secret::NewSecret,
    status::Refusal,
};
use controller::usecases::{
    Done, Mode,
    nodes::{self, Filter, NodeView, rebalance, why},
};
use domain::node::Duty;
use proto::v1::{self, node_service_server::NodeService};
use tonic::{Request, Response};

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

    async fn give_up_node(
        &self,
        request: Request<v1::GiveUpNodeRequest>,
    ) -> Answer<v1::GiveUpNodeResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = nodes::give_up(&ctx, &asked.node, mode).await?;
            let (node, plan) = changed(&done);
            Ok(v1::GiveUpNodeResponse { node, plan })
        })
        .await
    }

    async fn create_join_token(
        &self,
        request: Request<v1::CreateJoinTokenRequest>,
    ) -> Answer<v1::CreateJoinTokenResponse> {
        self.mutate_keeping(
            request,
            joining::without_token,
            |ctx, asked, mode| async move {
                let ttl = time::parse_duration("ttl", asked.ttl)?;
                let secret = NewSecret::random();
                let done = nodes::join_token(&ctx, secret.hash(), ttl, mode).await?;
                Ok(v1::CreateJoinTokenResponse {
                    token: match mode {
                        Mode::Run => secret.expose().to_owned(),
                        Mode::Preview => String::new(),
                    },
                    plan: Some(plan::wire(&done.plan)),
                    expire_time: Some(time::wire(done.value)),
                })
            },
        )
        .await
    }

    async fn join_node(
        &self,
        request: Request<v1::JoinNodeRequest>,
    ) -> Answer<v1::JoinNodeResponse> {
        let joined = self.join(request.into_inner()).await;
        let certificate = joined.map_err(Refusal::of::<v1::JoinNodeRequest>)?;
        Ok(Response::new(v1::JoinNodeResponse {
            certificate: Some(certificate),
        }))
    }

    async fn renew_node(
        &self,
        request: Request<v1::RenewNodeRequest>,
    ) -> Answer<v1::RenewNodeResponse> {
        let renewed = self.renew(request.into_inner()).await;
        let certificate = renewed.map_err(Refusal::of::<v1::RenewNodeRequest>)?;
        Ok(Response::new(v1::RenewNodeResponse {
            certificate: Some(certificate),
        }))
    }

    async fn hold_lease(
        &self,
        request: Request<v1::HoldLeaseRequest>,
    ) -> Answer<v1::HoldLeaseResponse> {
        let held = self.hold(request.into_inner()).await;
        Ok(Response::new(
            held.map_err(Refusal::of::<v1::HoldLeaseRequest>)?,
        ))
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Answer<v1::RemoveNodeResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = nodes::remove(&ctx, &asked.node, mode).await?;
            Ok(v1::RemoveNodeResponse {
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn explain_placement(
        &self,
        request: Request<v1::ExplainPlacementRequest>,
    ) -> Answer<v1::ExplainPlacementResponse> {
        self.look(request, |ctx, asked| async move {
            let told = why::why(&ctx, &asked.app, &asked.environment, &asked.worker).await?;
            Ok(node::placement(told))
        })
        .await
    }

    async fn rebalance_nodes(
        &self,
        request: Request<v1::RebalanceNodesRequest>,
    ) -> Answer<v1::RebalanceNodesResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let pools = node::parse_pools(asked.pools);
            let at_once = node::parse_at_once(asked.at_once)?;
            let done = rebalance::rebalance(&ctx, &pools, at_once, mode).await?;
            Ok(v1::RebalanceNodesResponse {
                reconciles: done.value.iter().map(reconcile::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn cancel_rebalance(
        &self,
        request: Request<v1::CancelRebalanceRequest>,
    ) -> Answer<v1::CancelRebalanceResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let pools = node::parse_pools(asked.pools);
            let done = rebalance::cancel(&ctx, &pools, mode).await?;
            Ok(v1::CancelRebalanceResponse {
                reconciles: done.value.iter().map(reconcile::wire).collect(),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

fn changed(done: &Done<NodeView>) -> (Option<v1::Node>, Option<v1::Plan>) {
    (Some(node::wire(&done.value)), Some(plan::wire(&done.plan)))
}

//! Nodes: what is seen of them, and what people want of them.

mod give_up;
mod holding;
mod joining;

pub use give_up::give_up;
pub use holding::hold;
pub use joining::{join, join_token, remove, renew};
pub mod rebalance;
pub mod why;

use super::{Ctx, Done, Error, Intended, Kind, Mode, Record, Verb};
use domain::{Environment, Node, NodeName, node::Duty, node::NodeState};
use futures_util::future::join_all;
use ports::{catalog::Pool, store::Page};
use scheduler::PlanInput;
use std::collections::BTreeMap;

/// A node with its pools and what stands on it.
#[derive(Debug, Clone)]
pub struct NodeView {
    pub node: Node,
    /// Names of Environment and Stack. In order.
    pub pools: Vec<(String, String)>,
    /// How many instances of this Installation are on it. None: it does not answer.
    pub instances: Option<usize>,
}

/// Which nodes are listed; what is empty or none is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By name or id.
    pub environment: String,
    /// By name or id.
    pub stack: String,
    pub state: Option<NodeState>,
}

/// The nodes that match, in order of name.
///
/// # Errors
/// `Unknown`, `World` when the catalog does not answer.
pub async fn list(ctx: &Ctx, filter: &Filter) -> Result<Vec<NodeView>, Error> {
    let environment = ctx.any_environment(&filter.environment).await?;
    let stack = ctx.any_stack(&filter.stack).await?;
    let mut nodes: BTreeMap<NodeName, NodeView> = BTreeMap::new();
    let stacks = ctx.store().list_stacks("", Page::ALL).await?.items;
    for env in environments(ctx).await? {
        for member_of in &stacks {
            if environment
                .as_ref()
                .is_some_and(|wanted| wanted.id != env.id)
                || stack
                    .as_ref()
                    .is_some_and(|wanted| wanted.id != member_of.id)
            {
                continue;
            }
            let pool = Pool {
                environment: env.id,
                environment_name: env.name.clone(),
                stack: member_of.id,
                stack_name: member_of.name.clone(),
            };
            let members = ctx
                .deps
                .catalog
                .nodes(&pool)
                .await
                .map_err(crate::Error::from)?;
            for node in members {
                let view = nodes.entry(node.name.clone()).or_insert(NodeView {
                    node,
                    pools: Vec::new(),
                    instances: None,
                });
                view.pools
                    .push((env.name.to_string(), member_of.name.to_string()));
            }
        }
    }
    let duties = ctx.store().duties().await?;
    let looks = nodes.into_values().map(|view| look(ctx, view, &duties));
    let mut nodes = join_all(looks).await;
    nodes.retain(|view| filter.state.is_none_or(|state| view.node.state == state));
    Ok(nodes)
}

async fn environments(ctx: &Ctx) -> Result<Vec<Environment>, Error> {
    super::all(|page| ctx.store().list_environments("", page)).await
}

/// Asks the node itself.
async fn look(ctx: &Ctx, mut view: NodeView, duties: &BTreeMap<NodeName, Duty>) -> NodeView {
    if let Some(duty) = duties.get(&view.node.name) {
        view.node.duty = view.node.duty.max(*duty);
    }
    let Ok(runtime) = ctx.deps.fleet.runtime(&view.node.name) else {
        return view;
    };
    let deadline = ctx.deps.settings.list_deadline;
    match tokio::time::timeout(deadline, runtime.list()).await {
        Ok(Ok(instances)) => view.instances = Some(instances.len()),
        Ok(Err(_)) | Err(_) if view.node.state == NodeState::Alive => {
            view.node.state = NodeState::Silent;
        }
        Ok(Err(_)) | Err(_) => {}
    }
    view
}

/// One node, by name.
///
/// # Errors
/// `Unknown`, `World`.
pub async fn get(ctx: &Ctx, name: &str) -> Result<NodeView, Error> {
    let nodes = list(ctx, &Filter::default()).await?;
    let found = nodes
        .into_iter()
        .find(|view| view.node.name.as_str() == name);
    found.ok_or_else(|| Error::unknown(Kind::Node, name))
}

/// Says what a node is to do. One that drains is emptied by the control loops, start-first.
///
/// # Errors
/// `Unknown`, `World`.
pub async fn set_duty(
    ctx: &Ctx,
    name: &str,
    duty: Duty,
    mode: Mode,
) -> Result<Done<NodeView>, Error> {
    let view = match duty {
        Duty::Serving => give_up::known(ctx, name).await?,
        Duty::Cordoned | Duty::Draining | Duty::GivenUp => get(ctx, name).await?,
    };
    set(ctx, view, duty, mode).await
}

/// Writes it down.
async fn set(
    ctx: &Ctx,
    mut view: NodeView,
    duty: Duty,
    mode: Mode,
) -> Result<Done<NodeView>, Error> {
    let node = view.node.name.clone();
    if view.node.duty == duty {
        return Ok(Done::unchanged(view));
    }
    view.node.duty = duty;
    let (words, why) = match duty {
        Duty::Serving => ("uncordoned", "it takes its share again"),
        Duty::Cordoned => ("cordoned", "nothing new goes there; what is there stays"),
        Duty::Draining => (
            "drained",
            "what is there moves away, started elsewhere first",
        ),
        Duty::GivenUp => (
            "gave up",
            "it is gone for good: what it had starts elsewhere, and goes there should it come back",
        ),
    };
    let mut plan = Intended::of(Record::new(Verb::Update, format!("node {node}"), why));
    if mode == Mode::Preview {
        for environment in environments(ctx).await? {
            let edit = |input: &mut PlanInput| {
                match duty {
                    Duty::GivenUp => input.given_up.insert(node.clone()),
                    Duty::Serving | Duty::Cordoned | Duty::Draining => input.given_up.remove(&node),
                };
                for known in input.pools.values_mut().flatten() {
                    if known.node.name == node {
                        known.node.duty = duty;
                    }
                }
            };
            plan.instances.push(ctx.preview(&environment, edit).await?);
        }
    }
    let change = ctx.change(format!("{words} node {node}"));
    ctx.store_for(mode).set_duty(&node, duty, &change).await?;
    Ok(Done { value: view, plan })
}

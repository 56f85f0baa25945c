//! A node that is gone for good: a person alone can say so, and only of one that does not answer.

use super::{NodeView, get, look, set};
use crate::usecases::{Ctx, Done, Error, Mode};
use domain::{
    Node, NodeName,
    node::{Duty, NodeState},
};
use std::collections::BTreeMap;

/// Gives a node up: what of it may not run twice is started elsewhere, though nobody has seen it end.
///
/// # Errors
/// `Unknown`, `NodeAnswers`, `World`.
pub async fn give_up(ctx: &Ctx, name: &str, mode: Mode) -> Result<Done<NodeView>, Error> {
    let view = known(ctx, name).await?;
    if view.instances.is_some() {
        return Err(Error::NodeAnswers(view.node.name));
    }
    set(ctx, view, Duty::GivenUp, mode).await
}

/// A node that is listed, was given up, or has instances on record.
pub(super) async fn known(ctx: &Ctx, name: &str) -> Result<NodeView, Error> {
    match get(ctx, name).await {
        Err(Error::Unknown { what, which }) => {
            let unlisted = unlisted(ctx, name).await?;
            unlisted.ok_or(Error::Unknown { what, which })
        }
        found => found,
    }
}

async fn unlisted(ctx: &Ctx, name: &str) -> Result<Option<NodeView>, Error> {
    let Ok(name) = name.parse::<NodeName>() else {
        return Ok(None);
    };
    let duties = ctx.store().duties().await?;
    let standing = ctx.store().standing_intents().await?;
    if !duties.contains_key(&name) && standing.iter().all(|intent| intent.node != name) {
        return Ok(None);
    }
    let view = NodeView {
        node: Node {
            name,
            address: String::new(),
            state: NodeState::Failed,
            duty: Duty::Serving,
            meta: BTreeMap::new(),
            memory: None,
            cpu: None,
        },
        pools: Vec::new(),
        instances: None,
    };
    // It may have left its pool, and answer all the same.
    Ok(Some(look(ctx, view, &duties).await))
}

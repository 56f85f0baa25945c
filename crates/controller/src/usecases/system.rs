//! The Installation itself: disks, and instances that the database does not know.

mod takeover;

use super::{
    Ctx, Done, Error, Intended, Kind, Mode, Record, Verb,
    instances::{self, InstanceView},
};
use crate::{
    disk::{self, Collected, NodeDisk},
    strangers::Left,
};
use domain::{DeployId, NodeName};
use ports::store::Change;

/// What each node holds; one node, where it is named.
///
/// # Errors
/// `Unknown` (the node), `World`.
pub async fn disk_usage(ctx: &Ctx, node: Option<&NodeName>) -> Result<Vec<NodeDisk>, Error> {
    let mut disks = disk::usage(&ctx.deps).await?;
    if let Some(node) = node {
        disks.retain(|disk| disk.node == *node);
        if disks.is_empty() {
            return Err(Error::unknown(Kind::Node, node));
        }
    }
    Ok(disks)
}

/// Removes what nothing reaches; on one node, where it is named.
///
/// # Errors
/// `Unknown` (the node), `World`.
pub async fn collect(
    ctx: &Ctx,
    node: Option<&NodeName>,
    mode: Mode,
) -> Result<Done<Vec<Collected>>, Error> {
    if let Some(node) = node
        && !disk::nodes(&ctx.deps).await?.contains(node)
    {
        return Err(Error::unknown(Kind::Node, node));
    }
    if mode == Mode::Run {
        let change = ctx.change("removes what nothing reaches");
        ctx.store().note_audit("disks", &change).await?;
    }
    let collected = disk::collect(&ctx.deps, node, mode).await?;
    let records = collected.iter().map(|collected| {
        let image = collected.image.image.short();
        let why = format!("on {}: nothing needs it", collected.node);
        Record::new(Verb::Collect, format!("image {image}"), why)
    });
    let plan = Intended {
        records: records.collect(),
        instances: Vec::new(),
    };
    Ok(Done {
        value: collected,
        plan,
    })
}

/// The instances of this Installation whose Deploy is not in the database.
///
/// # Errors
/// `World`.
pub async fn strangers(ctx: &Ctx) -> Result<Vec<InstanceView>, Error> {
    let seen = crate::strangers::list(&ctx.deps).await?;
    instances::strangers(ctx, seen).await
}

/// Stops and removes the instances that the database does not know; of one Deploy, where it is named.
///
/// # Errors
/// `World`: what was swept before stays swept.
pub async fn sweep(
    ctx: &Ctx,
    only: Option<DeployId>,
    mode: Mode,
) -> Result<Done<Vec<InstanceView>>, Error> {
    let swept = match mode {
        Mode::Preview => {
            let mut strangers = crate::strangers::list(&ctx.deps).await?;
            strangers.retain(|stranger| only.is_none_or(|deploy| stranger.deploy == deploy));
            strangers
        }
        Mode::Run => {
            let change = ctx.change("removes instances that the database does not know");
            ctx.store().note_audit("unknown instances", &change).await?;
            crate::strangers::sweep(&ctx.deps, only).await?
        }
    };
    let value = instances::strangers(ctx, swept).await?;
    let records = value.iter().map(|stranger| {
        let why = format!("its deploy {} is not in the database", stranger.deploy);
        let subject = format!("instance {} on {}", stranger.id, stranger.node);
        Record::new(Verb::Delete, subject, why).within(&stranger.app, &stranger.environment)
    });
    let plan = Intended {
        records: records.collect(),
        instances: Vec::new(),
    };
    Ok(Done { value, plan })
}

/// What was taken into the database, and what was not.
#[derive(Debug, Clone)]
pub struct Adopted {
    pub instances: Vec<InstanceView>,
    /// A sentence for each Deploy that was not: why, and what to do.
    pub left: Vec<String>,
}

/// Takes instances that the database does not know into it; of one Deploy, where it is named. The newest Deploy of an App
/// in an Environment is what is deployed there from then on; where something is deployed and whole, only one that is named.
///
/// # Errors
/// `NotAdoptable` when there are some and none of them can be; `Store` and `World`: what was adopted before stays adopted.
pub async fn adopt(ctx: &Ctx, only: Option<DeployId>, mode: Mode) -> Result<Done<Adopted>, Error> {
    let found = crate::strangers::found(&ctx.deps, only).await?;
    let why_left: Vec<String> = found.left.iter().map(why_left).collect();
    if found.adoptable.is_empty() && !why_left.is_empty() {
        return Err(Error::NotAdoptable(why_left));
    }
    let taken = takeover::records(ctx, &found.adoptable).await?;
    let store = ctx.store_for(mode);
    let mut adopted = Vec::new();
    let mut key = ctx.request.clone();
    for (adoption, instances) in found.adoptable {
        let count = instances.len();
        let message = format!(
            "{} was found running and adopted: {count} instances",
            adoption.deploy
        );
        let change = Change {
            request: key.take(),
            ..ctx.further(message)
        };
        store.adopt(adoption, &change).await?;
        adopted.extend(instances);
    }
    let mut plan = Intended::default();
    let value = instances::strangers(ctx, adopted).await?;
    for stranger in &value {
        let why = format!(
            "it runs as an instance of {}, which becomes known",
            stranger.deploy
        );
        let subject = format!("instance {} on {}", stranger.id, stranger.node);
        let record = Record::new(Verb::Create, subject, why);
        plan.records
            .push(record.within(&stranger.app, &stranger.environment));
    }
    plan.records.extend(taken);
    Ok(Done {
        value: Adopted {
            instances: value,
            left: why_left,
        },
        plan,
    })
}

/// `dep-3 (2 instances) cannot be adopted: there is no app …`.
fn why_left(left: &Left) -> String {
    let Left {
        deploy,
        instances,
        obstacles,
    } = left;
    let why: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    format!(
        "{deploy} ({} instances) cannot be adopted: {}",
        instances.len(),
        why.join("; ")
    )
}

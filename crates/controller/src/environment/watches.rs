//! What wakes the loop: events of nodes, and turns of health.

use super::Keeper;
use crate::{
    health_watch::Target,
    observe::{Sight, spec_for},
};
use domain::observed::Authenticity;
use futures_util::StreamExt;
use ports::store::view::EnvironmentView;
use std::{sync::Arc, time::Duration};

/// Between two tries to watch a node that is lost. Its instances are listed on each turn all the same.
const WATCH_AGAIN: Duration = Duration::from_secs(1);

impl Keeper {
    /// Looks again whenever a pool has changed, from now on.
    pub(super) fn watch_catalog(&mut self) {
        let (catalog, wake) = (Arc::clone(&self.deps.catalog), Arc::clone(&self.wake));
        self.node_tasks.spawn(async move {
            loop {
                let mut changes = catalog.changes().await;
                while changes.next().await.is_some() {
                    wake.notify_one();
                }
                tokio::time::sleep(WATCH_AGAIN).await;
            }
        });
    }

    /// Watches the events of these nodes, and of no others.
    pub(super) fn watch_nodes(&mut self, sight: &Sight) {
        self.nodes.retain(|name, watch| {
            let known = sight.nodes.contains_key(name);
            if !known {
                watch.abort();
            }
            known
        });
        for name in sight.nodes.keys() {
            if self.nodes.contains_key(name) {
                continue;
            }
            let (deps, wake, node) = (self.deps.clone(), Arc::clone(&self.wake), name.clone());
            let watch = self.node_tasks.spawn(async move {
                loop {
                    if let Ok(runtime) = deps.fleet.runtime(&node)
                        && let Ok(mut changes) = runtime.changes().await
                    {
                        // What happened before the watch began was not told.
                        wake.notify_one();
                        while changes.next().await.is_some() {
                            wake.notify_one();
                        }
                        wake.notify_one();
                    }
                    tokio::time::sleep(WATCH_AGAIN).await;
                }
            });
            self.nodes.insert(name.clone(), watch);
        }
    }

    /// Probes what runs and has to be asked from outside.
    pub(super) fn watch_health(&mut self, view: &EnvironmentView, sight: &Sight) {
        let mut targets = Vec::new();
        for node in sight.nodes.values() {
            for seen in &node.instances {
                if seen.environment != self.environment
                    || seen.authenticity != Authenticity::Genuine
                {
                    continue;
                }
                let spec = spec_for(view, seen);
                targets.extend(spec.and_then(|spec| Target::of(seen, &spec, &node.node.address)));
            }
        }
        self.health.set(targets);
    }
}

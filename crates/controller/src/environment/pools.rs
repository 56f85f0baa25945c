//! How large pools were when they were last believed.
//!
//! A catalog that has lost its state, or whose server is cut off, shows a pool of few nodes or of none. What stands on the
//! missing ones must not be started elsewhere for that, so the planner is told how many there were.

use domain::{EnvironmentId, IntentKind, NodeName, StackId};
use ports::store::view::EnvironmentView;
use scheduler::input::Policy;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// The pools of one Environment.
#[derive(Debug, Default)]
pub(crate) struct Pools(BTreeMap<StackId, Size>);

#[derive(Debug)]
struct Size {
    believed: u32,
    /// Since when it shows too few to be believed.
    shrunk: Option<Instant>,
}

impl Pools {
    /// Takes how many nodes each pool shows now, and answers how many it had when it was last believed. What it shows is
    /// believed at once unless it is too few; then once it has shown so for `believe_after`.
    pub(crate) fn note(
        &mut self,
        shown: &BTreeMap<StackId, Vec<NodeName>>,
        view: &EnvironmentView,
        policy: &Policy,
    ) -> BTreeMap<StackId, u32> {
        self.0.retain(|stack, _| shown.contains_key(stack));
        for (stack, shown) in shown {
            // A server that has just started remembers nothing; but what it set out to do is on record.
            let size = self.0.entry(*stack).or_insert_with(|| Size {
                believed: number(shown.iter().chain(on_record(view, *stack)).collect()),
                shrunk: None,
            });
            let shown = number(shown.iter().collect());
            size.note(shown, policy.believe_percent, policy.believe_after);
        }
        self.remembered()
    }

    pub(crate) fn remembered(&self) -> BTreeMap<StackId, u32> {
        let sizes = self.0.iter();
        sizes.map(|(stack, size)| (*stack, size.believed)).collect()
    }
}

impl Size {
    fn note(&mut self, shown: u32, percent: u32, after: Duration) {
        let enough = u64::from(shown) * 100 >= u64::from(self.believed) * u64::from(percent);
        if enough {
            (self.believed, self.shrunk) = (shown, None);
            return;
        }
        let since = *self.shrunk.get_or_insert_with(Instant::now);
        // One that is empty says nothing that could be believed: there is nowhere to go.
        if shown > 0 && since.elapsed() >= after {
            (self.believed, self.shrunk) = (shown, None);
        }
    }
}

fn number(nodes: BTreeSet<&NodeName>) -> u32 {
    u32::try_from(nodes.len()).unwrap_or(u32::MAX)
}

/// The nodes on which instances of a Stack's Apps stand, as far as is on record.
fn on_record(view: &EnvironmentView, stack: StackId) -> impl Iterator<Item = &NodeName> {
    let of_stack = move |app| {
        let mut apps = view.apps.iter();
        apps.any(|known| known.app.id == app && known.app.stack == stack)
    };
    let here: EnvironmentId = view.environment.id;
    let starts = view.intents.iter().filter(move |intent| {
        intent.environment == here && intent.kind == IntentKind::Start && of_stack(intent.app)
    });
    starts.map(|intent| &intent.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_shrinks_suddenly_is_believed_late() {
        let mut size = Size {
            believed: 10,
            shrunk: None,
        };
        let after = Duration::from_secs(300);
        for (why, wait, shown, want) in [
            ("a few hosts go, as they do", 0, 8, 8),
            ("half of them at once", 0, 4, 4),
            ("nearly all at once", 0, 1, 4),
            ("and they stay away", 299, 1, 4),
            ("for a while", 1, 1, 1),
            ("hosts join", 0, 6, 6),
            ("none is left", 0, 0, 6),
            ("and stays so", 3600, 0, 6),
            ("they are back", 0, 5, 5),
            ("too few again", 0, 2, 5),
            ("but not for long", 200, 5, 5),
            ("and again: the wait begins anew", 0, 2, 5),
            ("and is not over yet", 200, 2, 5),
        ] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            size.note(shown, 50, after);
            assert_eq!(size.believed, want, "{why}");
        }
    }
}

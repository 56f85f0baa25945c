//! Every Deploy has its patience in time that truly passes, whatever is done to clocks and servers.

use domain::{Deploy, DeployId, DeployState};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// By how much a Deploy may fail too early: it is seen to begin up to a second late.
const EARLY: Duration = Duration::from_secs(3);
/// By how much it may live on: a catalog that is lost, calls that are delayed, and a turn under way.
const LATE: Duration = Duration::from_secs(90);
/// What each end of a server adds: until another one starts, holds the lease and has looked nobody counts, and the last
/// seconds of the one that ended are not on record.
const UNCOUNTED: Duration = Duration::from_secs(45);

/// The Deploys that are deploying, since when, and what each has been given on top.
#[derive(Default)]
pub(crate) struct Patience(BTreeMap<DeployId, Waiting>);

struct Waiting {
    since: Instant,
    patience: Duration,
    uncounted: Duration,
}

impl Patience {
    /// Takes what the database has now. Answers which have failed too early.
    pub(crate) fn look(&mut self, deploys: Vec<Deploy>) -> Vec<String> {
        let mut early = Vec::new();
        for deploy in deploys {
            if deploy.state == DeployState::Deploying {
                self.0.entry(deploy.id).or_insert_with(|| Waiting {
                    since: Instant::now(),
                    patience: deploy.patience,
                    uncounted: Duration::ZERO,
                });
                continue;
            }
            let Some(waiting) = self.0.remove(&deploy.id) else {
                continue;
            };
            let reason = deploy
                .failure
                .map(|failure| failure.reason)
                .unwrap_or_default();
            let had = waiting.since.elapsed();
            if reason.starts_with("not healthy in time") && had + EARLY < waiting.patience {
                early.push(format!(
                    "{} failed after {had:?} of its {:?}: {reason}",
                    deploy.id, waiting.patience
                ));
            }
        }
        early
    }

    /// Which live for longer than they may.
    pub(crate) fn late(&mut self) -> Vec<String> {
        let late = self.0.extract_if(.., |_, waiting| {
            waiting.since.elapsed() > waiting.patience + LATE + waiting.uncounted
        });
        late.map(|(id, waiting)| {
            format!(
                "{id} is deploying for {:?}, and had {:?}",
                waiting.since.elapsed(),
                waiting.patience
            )
        })
        .collect()
    }

    pub(crate) fn server_ended(&mut self) {
        self.not_counted(Duration::ZERO);
    }

    /// For so long nobody could, and whoever did lets go of it then.
    pub(crate) fn not_counted(&mut self, time: Duration) {
        for waiting in self.0.values_mut() {
            waiting.uncounted += time + UNCOUNTED;
        }
    }
}

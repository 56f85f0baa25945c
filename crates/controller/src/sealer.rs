//! Closes the chain of the audit log behind those who write it. Nobody waits for it.

use crate::deps::Deps;
use domain::AuditId;
use ports::store;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long rows may wait for more that are sealed with them: the chain is closed within a second.
const GATHER: Duration = Duration::from_millis(500);
/// How many rows are sealed in one transaction: some milliseconds of the database's one writer.
const BATCH: u32 = 250;
/// Before it is tried again where it failed.
const AGAIN: Duration = Duration::from_secs(5);

/// How a turn has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Done,
    Failed,
}

/// Seals what is written, until it is told to stop; then once more.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    let mut written = deps.store.newest_audit_entry();
    let mut sealer = Sealer {
        deps,
        told_of_anchor: false,
    };
    // What the server before this one has left.
    let left = *written.borrow_and_update();
    let mut turn = Turn::Done;
    if left > AuditId::new(0) {
        turn = sealer.seal().await;
    }
    loop {
        let again = async {
            match turn {
                Turn::Done => std::future::pending().await,
                Turn::Failed => tokio::time::sleep(AGAIN).await,
            }
        };
        // Each is only a reason to look.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = written.changed() => if changed.is_err() { return },
            () = again => {}
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(GATHER) => {}
        }
        written.mark_unchanged();
        turn = sealer.seal().await;
    }
    let newest = *written.borrow_and_update();
    if newest > AuditId::new(0) {
        sealer.seal().await;
    }
}

struct Sealer {
    deps: Deps,
    told_of_anchor: bool,
}

impl Sealer {
    /// Seals all there is.
    async fn seal(&mut self) -> Turn {
        loop {
            match self.deps.store.seal_audit(BATCH).await {
                Ok(sealed) => {
                    if !sealed.anchored && !self.told_of_anchor {
                        self.told_of_anchor = true;
                        tracing::error!(
                            "the audit log does not end where it was anchored: run `jockeyd audit verify`, and after a \
                             restored backup `jockeyd audit accept`"
                        );
                    }
                    if sealed.rows < BATCH {
                        return Turn::Done;
                    }
                }
                // Another server was first: what is left is seen at the next look.
                Err(store::Error::Stale { .. }) => {}
                Err(error) => {
                    tracing::warn!(%error, "the audit log is not sealed yet");
                    return Turn::Failed;
                }
            }
        }
    }
}

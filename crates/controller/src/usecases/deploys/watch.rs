//! Follows a Deploy until it has ended.

use super::{Phase, Progress, progress};
use crate::usecases::{Ctx, Error};
use domain::{DeployId, Timestamp};
use std::time::Duration;

/// How often a Deploy is looked at while it is followed. Its step, its instances' health and the lines of its Build
/// change without an event.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between an event and the look at what it did: events of a busy installation come in swarms.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A follower of a Deploy. It looks at its own pace; what it is told is always how the Deploy stands then.
pub struct Watch {
    ctx: Ctx,
    deploy: DeployId,
    /// What was told last. None: nothing yet.
    told: Option<Progress>,
    last_line: i64,
}

/// Begins to follow a Deploy.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn watch(ctx: Ctx, which: &str) -> Result<Watch, Error> {
    let deploy = ctx.deploy(which).await?.id;
    Ok(Watch {
        ctx,
        deploy,
        told: None,
        last_line: 0,
    })
}

impl Watch {
    /// How the Deploy stands, at once the first time, then when that has changed. None: it has ended, and that was told.
    ///
    /// # Errors
    /// `Unknown`, and those of the database. A catalog that does not answer for a moment is no error.
    pub async fn next(&mut self) -> Option<Result<Progress, Error>> {
        if self.is_over() {
            return None;
        }
        let mut newest = self.ctx.deps.store.newest_event();
        loop {
            newest.mark_unchanged();
            match progress(&self.ctx, self.deploy, self.last_line).await {
                Ok(now) if self.is_news(&now) => {
                    self.last_line = now.lines.last().map_or(self.last_line, |line| line.number);
                    self.told = Some(Progress {
                        lines: Vec::new(),
                        ..now.clone()
                    });
                    return Some(Ok(now));
                }
                Ok(_) => {}
                Err(Error::World(error)) if error.is_transient() => {
                    tracing::debug!(%error, "the deploy cannot be looked at just now");
                }
                Err(error) => return Some(Err(error)),
            }
            // Both may be dropped: each is only a reason to look again.
            tokio::select! {
                _ = newest.changed() => tokio::time::sleep(LOOK_AGAIN).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// The time, by the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ctx.deps.clock.now()
    }

    fn is_news(&self, now: &Progress) -> bool {
        !now.lines.is_empty() || self.told.as_ref() != Some(now)
    }

    fn is_over(&self) -> bool {
        self.told
            .as_ref()
            .is_some_and(|told| told.phase == Phase::Done)
    }
}

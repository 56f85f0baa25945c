//! Rule 1: never below `scale - max_unavailable` healthy, nor the last healthy instance, unless the scale is 0 or the
//! policy says stop-first.

use super::Why;
use crate::world::{Crew, Member, count};

/// How many instances of a Worker may still be condemned in this plan.
///
/// What counts is what serves: healthy, and where it has a port, in the catalog. The steps of a plan are performed in
/// any order, so that what is started or registered by the same plan counts for nothing here.
pub(crate) struct KeepHealthy {
    in_service: u16,
    floor: u16,
}

impl KeepHealthy {
    pub(crate) fn of(crew: &Crew<'_, '_>) -> Self {
        Self {
            in_service: count(crew.standing().filter(|member| member.is_in_service())),
            floor: floor(crew),
        }
    }

    /// Whether as many serve as have to.
    pub(crate) fn is_met(&self) -> bool {
        self.in_service >= self.floor
    }

    /// Whether this one may be condemned, and counts it as condemned when it may.
    ///
    /// # Errors
    /// `KeepHealthy` when it serves and is needed, or when nobody knows whether it serves and too few others do.
    pub(crate) fn spend(&mut self, member: &Member<'_>) -> Result<(), Why> {
        if member.is_in_service() {
            if self.in_service <= self.floor {
                return Err(self.refusal());
            }
            self.in_service -= 1;
            return Ok(());
        }
        if member.is_unhealthy() || self.is_met() {
            return Ok(());
        }
        Err(self.refusal())
    }

    pub(crate) fn refusal(&self) -> Why {
        Why::KeepHealthy {
            healthy: self.in_service,
            needed: self.floor,
        }
    }
}

/// The fewest that have to serve.
fn floor(crew: &Crew<'_, '_>) -> u16 {
    crew.wanted()
        .map_or(0, |worker| match worker.spec.singleton {
            true => 0,
            false => worker.spec.rollout.floor(worker.scale),
        })
}

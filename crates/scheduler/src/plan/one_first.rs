//! A Deploy of changed variables opens with one new instance of each Worker: the others follow when that one serves.

use super::Why;
use crate::{
    input::Opening,
    world::{Crew, count},
};
use domain::DeployState;

/// What has to be shown before a second new instance starts. None: nothing, or it was shown.
pub(crate) fn missing(crew: &Crew<'_, '_>) -> Option<Why> {
    let opens_with_one = crew.deploy().is_some_and(|deploy| {
        deploy.state == DeployState::Deploying && deploy.opening == Opening::One
    });
    let serves = || crew.fresh().any(|member| member.is_in_service());
    (opens_with_one && crew.scale() > 0 && !serves()).then(|| Why::ProveFirst {
        worker: crew.worker.clone(),
        healthy: 0,
        needed: 1,
    })
}

/// How many new ones there may be now.
pub(crate) fn at_most(crew: &Crew<'_, '_>) -> u16 {
    missing(crew).map_or(u16::MAX, |_| 1)
}

/// How many old ones may go now to make room: enough for the one, whichever goes first.
pub(crate) fn may_go(crew: &Crew<'_, '_>) -> u16 {
    let is_singleton = crew.wanted().is_some_and(|worker| worker.spec.singleton);
    if is_singleton || missing(crew).is_none() {
        return u16::MAX;
    }
    let others = crew.scale().saturating_sub(1);
    count(crew.old().filter(|member| member.counts())).saturating_sub(others)
}

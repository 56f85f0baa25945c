//! What is ready is made known to the catalog, and what is proven survives a reboot of its node.

use super::{Action, Why, draft::Draft, start_missing::restart_policy};
use crate::{
    input::Registration,
    world::{Crew, Member, Presence},
};
use domain::observed::RestartPolicy;

/// Afterwards every instance that is healthy and stays is in the catalog (one of a later Deploy that came to nothing only
/// where it runs the same Release), and each of a Deploy that is `deployed` is
/// started again by its node. One that this plan condemns has its step already.
pub(crate) fn apply(draft: &mut Draft<'_, '_>, crew: &Crew<'_, '_>) {
    let Some(deploy) = crew.deploy() else {
        return;
    };
    for member in crew.standing() {
        if !draft.may_act(member) {
            continue;
        }
        if is_to_register(member) && (member.deploy <= deploy.id || deploy.covers(member.deploy)) {
            let port = member.port();
            draft.step(member, Action::Register { port }, Why::Ready);
        } else if deploy.covers(member.deploy) && is_to_keep(crew, member) {
            draft.step(member, Action::Keep, Why::Proven);
        }
    }
}

fn is_to_register(member: &Member<'_>) -> bool {
    member.registration() != Registration::Serving && member.is_healthy()
}

fn is_to_keep(crew: &Crew<'_, '_>, member: &Member<'_>) -> bool {
    let runs = match member.presence {
        Presence::Running | Presence::Restarting => true,
        Presence::Awaited
        | Presence::Created
        | Presence::Exited
        | Presence::Silent
        | Presence::Lost
        | Presence::GivenUp
        | Presence::Lapsed
        | Presence::Vanished => false,
    };
    let today = member.sighting.map(|sighting| sighting.seen.restart);
    runs && today == Some(RestartPolicy::No) && restart_policy(crew) == RestartPolicy::UnlessStopped
}

//! The lease by which the program of a node lets the singletons of its host run.

use crate::usecases::{Ctx, Error, NotVouched};
use ports::{
    Authority,
    authority::Hold,
    store::{self, node_leases::Held},
};
use std::time::Duration;

/// Prolongs, begins or ends the lease of a node. Answers for how long it lasts from when it was asked for. It is no change of
/// anything that people made, so that nobody is told of it.
///
/// # Errors
/// `NotVouched`: by `LeaseOver` where there is nothing left to prolong.
pub async fn hold(
    ctx: &Ctx,
    authority: &dyn Authority,
    hold: &Hold,
    signature: &[u8],
) -> Result<Duration, Error> {
    if !authority.is_asked(hold, signature) {
        return Err(NotVouched::Signature.into());
    }
    let life = ctx.deps.settings.node_lease;
    let held = ctx.store().hold_node(hold, life).await;
    let held = held.map_err(|error| {
        if let store::Error::NotFound { .. } = error {
            Error::from(NotVouched::Gone(hold.name.clone()))
        } else if let store::Error::Stale { .. } = error {
            NotVouched::Stale(hold.name.clone()).into()
        } else {
            error.into()
        }
    })?;
    match held {
        Held::Yes => Ok(life),
        Held::RunOut => Err(NotVouched::LeaseOver(hold.name.clone()).into()),
    }
}

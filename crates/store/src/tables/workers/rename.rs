//! Another name for a Worker.

use super::by_name;
use crate::{
    fault::{Fault, exists},
    tables::{apps, deploys, environments, fences, intents, leases, service_names},
    tx::Tx,
};
use domain::{Worker, WorkerName};
use ports::store::{Error, leases::of_environment};

/// Gives a Worker's service name away for that of another name, where nothing bears the first.
pub(super) fn rename(tx: &mut Tx<'_>, stored: &Worker, name: &WorkerName) -> Result<(), Fault> {
    let (app, environment) = (stored.app, stored.environment);
    if by_name(tx.conn, app, environment, name)?.is_some() {
        return Err(exists("a worker", name));
    }
    let deploys = deploys::active(tx.conn, app, environment)?.len();
    let instances = intents::standing_of_worker(tx.conn, stored)?;
    let deploys = i64::try_from(deploys).unwrap_or(i64::MAX);
    for (held, what) in [(deploys, "deploys"), (instances, "instances")] {
        if held > 0 {
            return Err(Fault(Error::InUse {
                what: "worker",
                which: stored.spec.name.to_string(),
                by: format!("{held} {what}"),
            }));
        }
    }
    fences::carry(tx.conn, stored, name)?;
    // Whoever keeps the Environment may be about to start one of the first name.
    leases::end(tx.conn, &of_environment(environment))?;
    let app = apps::load(tx.conn, app)?;
    let within = environments::load(tx.conn, environment)?;
    service_names::free_worker(tx.conn, app.id, environment, &stored.spec.name)?;
    service_names::take_for_worker(tx.conn, &app, name, &within)
}

//! What a thing is now, by its id as it prints.

use crate::{
    conn::Conn,
    fault::Fault,
    keys::Keyring,
    tables::{
        apps, builds, configs, deploys, environments, nodes, reconciles, stacks, tokens, workers,
    },
};
use domain::audit::{Picture, kind_of};
use ports::store::audit::picture;
use std::str::FromStr;

/// None: it is not there, or nothing is kept of such things.
pub(super) fn of(conn: &mut Conn, keys: &Keyring, object: &str) -> Result<Option<Picture>, Fault> {
    let Some(kind) = kind_of(object) else {
        return node(conn, object);
    };
    Ok(match kind {
        "app" => found(object, |id| apps::by_id(conn, id))?
            .as_ref()
            .map(picture::app),
        "environment" => found(object, |id| environments::by_id(conn, id))?
            .as_ref()
            .map(picture::environment),
        "stack" => found(object, |id| stacks::by_id(conn, id))?
            .as_ref()
            .map(picture::stack),
        "worker" => found(object, |id| workers::by_id(conn, id))?
            .as_ref()
            .map(picture::worker),
        "build" => found(object, |id| builds::find(conn, id))?
            .as_ref()
            .map(picture::build),
        "deploy" => found(object, |id| deploys::find(conn, id))?
            .as_ref()
            .map(picture::deploy),
        "reconcile" => found(object, |id| reconciles::find(conn, id))?
            .as_ref()
            .map(picture::reconcile),
        "token" => found(object, |id| tokens::by_id(conn, id))?
            .as_ref()
            .map(picture::token),
        "config_set" => {
            let set = found(object, |id| configs::by_id(conn, keys, id))?;
            let key = keys.audit()?;
            set.map(|set| picture::config_set(&set, |value| key.fingerprint(value)))
        }
        _ => None,
    })
}

/// What one of these tables holds under an id. What is no id of that kind is not there.
fn found<I: FromStr, T>(
    object: &str,
    find: impl FnOnce(I) -> Result<Option<T>, Fault>,
) -> Result<Option<T>, Fault> {
    match object.parse() {
        Ok(id) => find(id),
        Err(_) => Ok(None),
    }
}

/// A node has no id: it may be one by its name.
fn node(conn: &mut Conn, object: &str) -> Result<Option<Picture>, Fault> {
    let Ok(name) = object.parse() else {
        return Ok(None);
    };
    Ok(nodes::all(conn)?
        .get(&name)
        .map(|duty| picture::node(*duty)))
}

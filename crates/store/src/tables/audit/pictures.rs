//! What a thing is now, by its id as it prints.

use crate::{
    conn::Conn,
    fault::Fault,
    keys::Keyring,
    tables::{
        app_hooks, apps, builds, configs, deploys, environments, joined, nodes, reconciles, runs,
        stacks, tokens, webhooks, workers,
    },
};
use domain::{
    RunId, WebhookId,
    audit::{Picture, kind_of},
};
use ports::store::audit::picture;
use std::str::FromStr;

/// None: it is not there, or nothing is kept of such things.
pub(super) fn of(conn: &mut Conn, keys: &Keyring, object: &str) -> Result<Option<Picture>, Fault> {
    let Some(kind) = kind_of(object) else {
        return other(conn, keys, object);
    };
    Ok(match kind {
        "app" => match found(object, |id| apps::by_id(conn, id))? {
            Some(app) => {
                let hook = app_hooks::find(conn, keys, app.id)?;
                let key = keys.audit()?;
                Some(picture::app(&app, hook.as_ref(), |it| key.fingerprint(it)))
            }
            None => None,
        },
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

/// Whether there is a picture of such a thing while it is there.
pub(super) fn are_kept_of(object: &str) -> bool {
    let numbered = |(_, number): (&str, &str)| number.parse::<i64>().is_ok();
    object.split_once('-').is_some_and(numbered)
        && (kind_of(object).is_some() || object.parse::<WebhookId>().is_ok())
        || object.parse::<RunId>().is_ok()
}

/// What its id does not say the kind of. A node has no id: it may be one by its name.
fn other(conn: &mut Conn, keys: &Keyring, object: &str) -> Result<Option<Picture>, Fault> {
    if let Ok(id) = object.parse() {
        return Ok(runs::by_id(conn, id)?.as_ref().map(picture::run));
    }
    if let Ok(id) = object.parse() {
        let key = keys.audit()?;
        let webhook = webhooks::find(conn, keys, id)?;
        return Ok(webhook.map(|webhook| picture::webhook(&webhook, |it| key.fingerprint(it))));
    }
    node(conn, object)
}

fn node(conn: &mut Conn, object: &str) -> Result<Option<Picture>, Fault> {
    let Ok(name) = object.parse() else {
        return Ok(None);
    };
    let duty = nodes::all(conn)?.get(&name).copied();
    let joined = joined::find(conn, &name)?;
    Ok(picture::node(duty, joined.as_ref().map(|node| &node.claim)))
}

//! What differs between two versions of a Config Set.

use super::{ConfigView, Which, get, scope};
use crate::usecases::{Ctx, Error};
use domain::config::{Key, Value, Variables};
use ports::store::Page;
use std::collections::BTreeSet;

/// Two versions of a Config Set, and what differs. With its values: who may see them, the caller decides.
#[derive(Debug, Clone)]
pub struct Diff {
    pub from: ConfigView,
    pub to: ConfigView,
    /// In order of name.
    pub differences: Vec<VariableDifference>,
}

/// A variable that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableDifference {
    pub key: Key,
    /// None: it was not there.
    pub before: Option<Value>,
    /// None: it was taken away.
    pub after: Option<Value>,
}

/// What differs from one version to another, by id. `to` empty: the newest. `from` empty: the one before it, which of the
/// first is the empty set.
///
/// # Errors
/// `Unknown` (Environment, Stack, App, version), `Invalid` also where the one before is not kept any more.
pub async fn diff(ctx: &Ctx, which: &Which, from: &str, to: &str) -> Result<Diff, Error> {
    let to = get(ctx, which, to).await?;
    let from = match from {
        "" => before(ctx, which, &to).await?,
        id => get(ctx, which, id).await?,
    };
    let differences = differing(&from.variables, &to.variables);
    Ok(Diff {
        from,
        to,
        differences,
    })
}

/// The version before this one, which of the first is the empty set.
async fn before(ctx: &Ctx, which: &Which, to: &ConfigView) -> Result<ConfigView, Error> {
    let scope = scope(ctx, which).await?;
    let Some(version) = to.version.as_ref().filter(|version| version.number > 1) else {
        return Ok(scope.view(None));
    };
    let page = Page {
        size: 1,
        after: version.id.map(|id| id.number()),
    };
    let found = ctx.store().list_config_versions(scope.scope, page).await?;
    match found.items.first() {
        Some(before) if before.number + 1 == version.number => {
            get(ctx, which, &before.id.to_string()).await
        }
        _ => Err(Error::Invalid {
            field: "from_version_id",
            problem: format!(
                "version {} is not kept any more: name one that `jockey config versions` lists",
                version.number - 1
            ),
        }),
    }
}

fn differing(from: &Variables, to: &Variables) -> Vec<VariableDifference> {
    let keys: BTreeSet<&Key> = from
        .values()
        .chain(to.values())
        .map(|(key, _)| key)
        .collect();
    keys.into_iter()
        .map(|key| VariableDifference {
            key: key.clone(),
            before: from.value(key).cloned(),
            after: to.value(key).cloned(),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

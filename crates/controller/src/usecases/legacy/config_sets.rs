//! Config Sets of Apps, by ids of their own. Values are secrets: no message or error here holds one.

use super::Embedded;
use crate::usecases::{
    Ctx, Error, Kind, Mode,
    configs::{self, Edit, Which},
    filtered,
};
use domain::{
    App, AppId, ConfigSetId, ConfigVersionId, Environment, EnvironmentId, Timestamp,
    config::{ConfigScope, ConfigSet, Key, Value, Variables},
};
use ports::store::{self, Listed, Page};
use std::collections::BTreeMap;

/// How often variables are set beside what somebody else has written meanwhile, the first time included: each who writes at
/// the same time may be quicker once.
const TRIES: usize = 16;

/// From here on ids are of sets that nobody has written yet: behind it, of which App in which Environment. The client of old
/// reads a set and its id before it sets the first variable.
const UNWRITTEN: i64 = 1 << 60;
/// How many bits each of the two has.
const BITS: u32 = 30;

/// The Config Set of an App in an Environment.
#[derive(Debug, Clone)]
pub struct ConfigView {
    pub set: ConfigSet,
    pub app: App,
    pub environment: Environment,
}

/// A page of the Config Sets of Apps, in order of id; of one App or Environment where they are given. Of an App in an
/// Environment there is always one, though nobody has written it.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    page: Page,
) -> Result<Listed<ConfigView>, Error> {
    let app = ctx.any_app(app).await?;
    let environment = ctx.any_environment(environment).await?;
    let (app, environment) = match (app, environment) {
        (Some(app), Some(environment)) => {
            let set = written_or_not(ctx, app.id, environment.id).await?;
            let one = ConfigView {
                set,
                app,
                environment,
            };
            return Ok(Listed {
                items: vec![one],
                next: None,
            });
        }
        (app, environment) => (app.map(|app| app.id), environment.map(|of| of.id)),
    };
    let is_of_app = |set: &ConfigSet| match set.scope {
        ConfigScope::App(owner, _) => app.is_none_or(|app| app == owner),
        ConfigScope::Environment(_) | ConfigScope::Stack(..) => false,
    };
    let found = filtered(
        page,
        |page| ctx.store().list_configs(environment, page),
        |set: &ConfigSet| is_of_app(set) && !set.variables.is_empty(),
        |set| set.id.number(),
    )
    .await?;
    let mut embedded = Embedded::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for set in found.items {
        items.extend(view(&mut embedded, set).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

/// The Config Set of this id.
///
/// # Errors
/// `Unknown`, also for one that is not an App's.
pub async fn get(ctx: &Ctx, id: ConfigSetId) -> Result<ConfigView, Error> {
    let unknown = || Error::unknown(Kind::ConfigSet, id.number());
    let set = match of_unwritten(id) {
        Some((app, environment)) => Some(written_or_not(ctx, app, environment).await?),
        None => ctx.store().config_set(id).await?,
    };
    let set = set.ok_or_else(unknown)?;
    view(&mut Embedded::new(ctx), set)
        .await?
        .ok_or_else(unknown)
}

/// Writes the first variables of an App in an Environment.
///
/// # Errors
/// `Unknown`, `Invalid`, `Store(Exists | BadVariable)`; `Store(Stale)` where somebody else wrote some meanwhile.
pub async fn create(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    variables: BTreeMap<Key, Value>,
) -> Result<ConfigView, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let scope = ConfigScope::App(app.id, environment.id);
    let known = ctx.store().find_config(scope).await?;
    if known.is_some_and(|set| !set.variables.is_empty()) {
        return Err(Error::Store(store::Error::Exists {
            what: "a config set of",
            which: format!("{} in {}", app.name, environment.name),
        }));
    }
    set(ctx, (&app, &environment), variables).await?;
    let set = ctx.store().find_config(scope).await?;
    let set = set.ok_or_else(|| Error::unknown(Kind::ConfigSet, &app.name))?;
    Ok(ConfigView {
        set,
        app,
        environment,
    })
}

/// Sets variables beside those that are there. What is not named stays, also what others write at the same time.
///
/// # Errors
/// `Unknown`, `Store(BadVariable)`; `Store(Stale)` where somebody else was quicker 16 times.
pub async fn merge(
    ctx: &Ctx,
    id: ConfigSetId,
    variables: BTreeMap<Key, Value>,
) -> Result<ConfigView, Error> {
    let before = get(ctx, id).await?;
    if variables.is_empty() {
        return Ok(before);
    }
    let of = (&before.app, &before.environment);
    for _ in 1..TRIES {
        match set(ctx, of, variables.clone()).await {
            Err(Error::Store(store::Error::Stale { .. })) => {}
            done => {
                done?;
                return get(ctx, id).await;
            }
        }
    }
    set(ctx, of, variables).await?;
    get(ctx, id).await
}

async fn set(
    ctx: &Ctx,
    (app, environment): (&App, &Environment),
    set: BTreeMap<Key, Value>,
) -> Result<(), Error> {
    let which = Which {
        // By name, which wins over an id: something else may be called as this one's id is written.
        environment: environment.name.to_string(),
        stack: String::new(),
        app: app.name.to_string(),
    };
    let edit = Edit::Change {
        set,
        unset: Vec::new(),
    };
    configs::update(ctx, &which, edit, None, Mode::Run).await?;
    Ok(())
}

/// The set of an App in an Environment, without a variable where nobody has written one.
async fn written_or_not(
    ctx: &Ctx,
    app: AppId,
    environment: EnvironmentId,
) -> Result<ConfigSet, Error> {
    let scope = ConfigScope::App(app, environment);
    let known = ctx.store().find_config(scope).await?;
    Ok(known.unwrap_or_else(|| ConfigSet {
        id: unwritten(app, environment),
        scope,
        version: ConfigVersionId::new(0),
        number: 0,
        variables: Variables::default(),
        updated_at: Timestamp::EPOCH,
        updated_by: String::new(),
    }))
}

/// The id of the set of an App in an Environment that nobody has written.
const fn unwritten(app: AppId, environment: EnvironmentId) -> ConfigSetId {
    ConfigSetId::new(UNWRITTEN | app.number() << BITS | environment.number())
}

/// Of which App in which Environment such an id is. None: it is the id of one that is on record, or was.
fn of_unwritten(id: ConfigSetId) -> Option<(AppId, EnvironmentId)> {
    let both = id.number().checked_sub(UNWRITTEN)?;
    let environment = both & ((1 << BITS) - 1);
    (both >= 0).then(|| (AppId::new(both >> BITS), EnvironmentId::new(environment)))
}

async fn view(embedded: &mut Embedded<'_>, set: ConfigSet) -> Result<Option<ConfigView>, Error> {
    let ConfigScope::App(app, environment) = set.scope else {
        return Ok(None);
    };
    let found = embedded.app(app).await?;
    let found = found.zip(embedded.environment(environment).await?);
    Ok(found.map(|(app, environment)| ConfigView {
        set,
        app,
        environment,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_what_nobody_has_written_says_whose_it_is() {
        let (app, environment) = (AppId::new(7), EnvironmentId::new(3));
        let id = unwritten(app, environment);
        assert_eq!(of_unwritten(id), Some((app, environment)));
        for known in [i64::MIN, -1, 0, 1, i64::from(i32::MAX), UNWRITTEN - 1] {
            assert_eq!(of_unwritten(ConfigSetId::new(known)), None);
        }
    }
}

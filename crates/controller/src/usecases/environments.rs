//! Environments.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{Environment, EnvironmentId, EnvironmentName, environment::ServiceTemplate};
use ports::store::{Listed, Page};

/// Makes an Environment.
///
/// # Errors
/// `Store(Exists | ServiceNameTaken)`.
pub async fn create(
    ctx: &Ctx,
    name: EnvironmentName,
    template: Option<ServiceTemplate>,
    mode: Mode,
) -> Result<Done<Environment>, Error> {
    let record = Record::new(
        Verb::Create,
        format!("environment {name}"),
        "it is asked for",
    );
    let change = ctx.change(format!("created environment {name}"));
    let store = ctx.store_for(mode);
    let mut environment = store.create_environment(name, template, &change).await?;
    if mode == Mode::Preview {
        environment.id = EnvironmentId::new(0);
    }
    Ok(Done::recorded(environment, record))
}

/// One Environment, by name or id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<Environment, Error> {
    ctx.environment(which).await
}

/// A page of the Environments whose names start with `prefix`, in order of id.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, prefix: &str, page: Page) -> Result<Listed<Environment>, Error> {
    Ok(ctx.store().list_environments(prefix, page).await?)
}

/// Gives an Environment another name, where nothing bears the one that it has, or another service name template: its
/// instances are registered under the new names. What refers to it does so by id, and goes on; grants, hosts that have
/// joined its pools and the tag at GitHub go by the name.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `NameHeld`, `Store(Exists | ServiceNameTaken | Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    (name, template): (Option<EnvironmentName>, Option<ServiceTemplate>),
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Environment>, Error> {
    let before = ctx.environment(which).await?;
    Etag::changed_at(before.updated_at).check(expected, Kind::Environment, &before.name)?;
    let mut wanted = before.clone();
    wanted.name = name.unwrap_or(wanted.name);
    wanted.service_template = template.unwrap_or(wanted.service_template);
    let mut changes = Vec::new();
    if wanted.name != before.name {
        changes.push(format!("its name becomes {}", wanted.name));
    }
    if wanted.service_template != before.service_template {
        let template = &wanted.service_template;
        changes.push(format!("its service names are made by {template}"));
    }
    if changes.is_empty() {
        return Ok(Done::unchanged(before));
    }
    let (title, why) = (format!("environment {}", before.name), changes.join(", "));
    let change = ctx.change(format!("changed {title}: {why}"));
    let record = Record::new(Verb::Update, title, why);
    let store = ctx.store_for(mode);
    let stored = store.update_environment(&wanted, before.updated_at, &change);
    let stored = stored.await;
    let stored = stored.map_err(|error| Error::of_rename(error, Kind::Environment))?;
    Ok(Done::recorded(stored, record))
}

/// Deletes an Environment in which nothing is deployed or being deployed.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Store(InUse)`.
pub async fn delete(
    ctx: &Ctx,
    which: &str,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Environment>, Error> {
    let environment = ctx.environment(which).await?;
    Etag::changed_at(environment.updated_at).check(
        expected,
        Kind::Environment,
        &environment.name,
    )?;
    let change = ctx.change(format!("deleted environment {}", environment.name));
    let store = ctx.store_for(mode);
    store.delete_environment(environment.id, &change).await?;
    let subject = format!("environment {}", environment.name);
    let record = Record::new(Verb::Delete, subject, "with its config sets and workers");
    Ok(Done::recorded(environment, record))
}

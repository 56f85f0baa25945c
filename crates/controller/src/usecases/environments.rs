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

/// A page of Environments, in order of id.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, page: Page) -> Result<Listed<Environment>, Error> {
    Ok(ctx.store().list_environments(page).await?)
}

/// Gives an Environment another service name template. Its instances are registered under the new names.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid` for another name, `Store(ServiceNameTaken | Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    (name, template): (Option<EnvironmentName>, Option<ServiceTemplate>),
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Environment>, Error> {
    let mut environment = ctx.environment(which).await?;
    let before = environment.updated_at;
    Etag::changed_at(before).check(expected, Kind::Environment, &environment.name)?;
    if name.is_some_and(|name| name != environment.name) {
        return Err(Error::invalid(
            "values.name",
            "an environment keeps its name, for its instances bear it; create another one and deploy to that",
        ));
    }
    let Some(template) = template.filter(|template| *template != environment.service_template)
    else {
        return Ok(Done::unchanged(environment));
    };
    let record = Record::new(
        Verb::Update,
        format!("environment {}", environment.name),
        format!("its service names are made by {template}"),
    );
    let change = ctx.change(format!(
        "service names of {} are made by {template}",
        environment.name
    ));
    let store = ctx.store_for(mode);
    environment = store
        .update_environment(environment.id, template, before, &change)
        .await?;
    Ok(Done::recorded(environment, record))
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

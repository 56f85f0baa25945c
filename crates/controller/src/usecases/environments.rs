//! Environments.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{
    DeployState, Environment, EnvironmentId, EnvironmentName, environment::ServiceTemplate,
};
use ports::store::{self, Listed, Page, deploys::DeployFilter};

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
    let environment = match mode {
        Mode::Preview => previewed(ctx, name, template).await?,
        Mode::Run => {
            let change = ctx.change(format!("created environment {name}"));
            let made = ctx.store().create_environment(name, template, &change);
            made.await?
        }
    };
    Ok(Done::recorded(environment, record))
}

async fn previewed(
    ctx: &Ctx,
    name: EnvironmentName,
    template: Option<ServiceTemplate>,
) -> Result<Environment, Error> {
    let others = ctx.store().list_environments(Page::ALL).await?.items;
    if others.iter().any(|other| other.name == name) {
        return Err(Error::Store(store::Error::Exists {
            what: "an environment",
            which: name.to_string(),
        }));
    }
    let default = || {
        if others.is_empty() {
            ServiceTemplate::first()
        } else {
            ServiceTemplate::next()
        }
    };
    let now = ctx.deps.clock.now();
    Ok(Environment {
        id: EnvironmentId::new(0),
        name,
        service_template: template.unwrap_or_else(default),
        created_at: now,
        updated_at: now,
    })
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
    match mode {
        Mode::Preview => environment.service_template = template,
        Mode::Run => {
            let change = ctx.change(format!(
                "service names of {} are made by {template}",
                environment.name
            ));
            let stored = ctx
                .store()
                .update_environment(environment.id, template, before, &change);
            environment = stored.await?;
        }
    }
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
    match mode {
        Mode::Preview => refuse_used(ctx, &environment).await?,
        Mode::Run => {
            let change = ctx.change(format!("deleted environment {}", environment.name));
            ctx.store()
                .delete_environment(environment.id, &change)
                .await?;
        }
    }
    let subject = format!("environment {}", environment.name);
    let record = Record::new(Verb::Delete, subject, "with its config sets and workers");
    Ok(Done::recorded(environment, record))
}

async fn refuse_used(ctx: &Ctx, environment: &Environment) -> Result<(), Error> {
    let mut used = 0;
    for state in DeployState::ALL {
        if !state.is_active() && *state != DeployState::Deployed {
            continue;
        }
        let filter = DeployFilter {
            environment: Some(environment.id),
            state: Some(*state),
            ..DeployFilter::default()
        };
        used += ctx
            .store()
            .list_deploys(&filter, Page::ALL)
            .await?
            .items
            .len();
    }
    if used == 0 {
        return Ok(());
    }
    Err(Error::Store(store::Error::InUse {
        what: "environment",
        which: environment.name.to_string(),
        by: format!("{used} deploys"),
    }))
}

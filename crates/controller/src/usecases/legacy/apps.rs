//! Apps with what their first Deploy needs.

use crate::usecases::{
    Ctx, Error, Mode,
    apps::{self, AppView, Wanted},
    filtered,
};
use domain::{App, AppName, Environment, RepoName, Scale, WorkerSpec, config::Variables};
use ports::store::{
    self, Listed, Page,
    entities::{AppFilter, Beginning},
};

/// The Environments, where they are there, for which a new App gets variables and a Worker.
const PREPARED: [&str; 2] = ["production", "development"];

/// Which Apps are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub name: Option<AppName>,
    pub repo: Option<RepoName>,
    pub subscribed: Option<Subscribed>,
}

/// Whether a push to the repository starts a Build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    Yes,
    No,
}

/// A page of Apps, in order of id.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<App>, Error> {
    let by = AppFilter {
        name: filter.name.clone(),
        repo: filter.repo.clone(),
        stack: None,
    };
    let wanted = filter.subscribed.map(|asked| asked == Subscribed::Yes);
    filtered(
        page,
        |page| ctx.store().list_apps(&by, page),
        |app: &App| wanted.is_none_or(|wanted| app.subscribe_to_github_webhook == wanted),
        |app| app.id.number(),
    )
    .await
}

/// Makes an App, and for the usual Environments the variables that name them and a Worker `web` at scale 0.
///
/// # Errors
/// As `apps::create`.
pub async fn create(ctx: &Ctx, wanted: Wanted) -> Result<AppView, Error> {
    let mut beginnings = Vec::new();
    for environment in PREPARED {
        let found = ctx.store().find_environment(environment).await?;
        if let Some(environment) = found {
            beginnings.push(beginning(&environment)?);
        }
    }
    let made = apps::create_with(ctx, wanted, beginnings, Mode::Run).await?;
    Ok(made.value)
}

fn beginning(environment: &Environment) -> Result<Beginning, Error> {
    let names = ["id", "RACK_ENV"].map(|key| {
        let key = key.parse().expect("a constant that follows the rule");
        (key, environment.name.to_string())
    });
    let variables = Variables::new(names.into()).map_err(store::Error::from)?;
    let web = "web".parse().expect("a constant that follows the rule");
    Ok(Beginning {
        environment: environment.id,
        variables,
        summary: "set RACK_ENV, set id".to_owned(),
        worker: WorkerSpec::named(web),
        scale: Scale::default(),
    })
}

//! What a request is about: which App, which Environment. Found out before anything is done.

use controller::usecases::{
    Ctx, Error, Kind, apps, builds, deploys, environments, instances, legacy, reconciles, releases,
    runs, versions, webhooks, workers,
};
use domain::{
    ConfigSetId,
    access::{Part, Place},
};
use std::str::FromStr;

/// What a request is about, in its own words: names or ids, not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of<'a> {
    /// Nothing of any App or Environment.
    Nothing,
    /// The whole Installation.
    Installation,
    /// An App, wherever it runs.
    App(&'a str),
    /// As `App`, of what a list is narrowed to: an empty text is any of them.
    FilterApp(&'a str),
    /// An App, in every Environment there is.
    WholeApp(&'a str),
    /// As `WholeApp`; an empty text is the whole Installation.
    WholeAppOrAll(&'a str),
    /// An App that is not there yet.
    NewApp(&'a str),
    /// An Environment.
    Environment(&'a str),
    /// An Environment, with every App in it.
    WholeEnvironment(&'a str),
    /// An Environment that may get another name, by which grants and the tag at its repositories go: only a right in all
    /// of them suffices then.
    RenamedEnvironment(&'a str, &'a str),
    /// An Environment that is not there yet.
    NewEnvironment(&'a str),
    /// An App in an Environment. An empty text is all of them.
    Place(&'a str, &'a str),
    /// As `Place`, of what a list is narrowed to: an empty text is any of them, for the list then shows those alone
    /// that its reader may see.
    Filter(&'a str, &'a str),
    Build(&'a str),
    Deploy(&'a str),
    Release(&'a str),
    Reconcile(&'a str),
    Instance(&'a str),
    Version(&'a str),
    /// With all of its App, or of the Installation where it has none.
    Webhook(&'a str),
    Run(&'a str),
    /// That of an App in an Environment, by its number.
    ConfigSet(&'a str),
    Worker {
        worker: &'a str,
        app: &'a str,
        environment: &'a str,
    },
}

impl Of<'_> {
    /// Looks it up.
    ///
    /// # Errors
    /// `Unknown` and `Invalid` of what is named, as the call itself would answer.
    pub(crate) async fn place(&self, ctx: &Ctx) -> Result<Place, Error> {
        Ok(match *self {
            Self::Nothing => Place::ANYWHERE,
            Self::Installation => Place::EVERYWHERE,
            Self::App(app) => at(part_app(ctx, app).await?, Part::Any),
            Self::FilterApp(app) => at(some(app, part_app(ctx, app), Part::Any).await?, Part::Any),
            Self::WholeApp(app) => at(part_app(ctx, app).await?, Part::Every),
            Self::WholeAppOrAll(app) => at(
                some(app, part_app(ctx, app), Part::Every).await?,
                Part::Every,
            ),
            Self::NewApp(name) => at(named(name), Part::Every),
            Self::Environment(environment) => {
                at(Part::Any, part_environment(ctx, environment).await?)
            }
            Self::WholeEnvironment(environment) => {
                at(Part::Every, part_environment(ctx, environment).await?)
            }
            Self::RenamedEnvironment(environment, name) => renamed(ctx, environment, name).await?,
            Self::NewEnvironment(name) => at(Part::Every, named(name)),
            Self::Place(app, environment) => Place {
                app: some(app, part_app(ctx, app), Part::Every).await?,
                environment: some(environment, part_environment(ctx, environment), Part::Every)
                    .await?,
            },
            Self::Filter(app, environment) => Place {
                app: some(app, part_app(ctx, app), Part::Any).await?,
                environment: some(environment, part_environment(ctx, environment), Part::Any)
                    .await?,
            },
            Self::Build(id) => at(named(&builds::get(ctx, id).await?.app), Part::Any),
            Self::Deploy(id) => {
                let found = deploys::get(ctx, id).await?;
                at(named(&found.app), named(&found.environment))
            }
            Self::Release(id) => {
                let found = releases::get(ctx, id).await?;
                at(named(&found.app), named(&found.environment))
            }
            Self::Reconcile(id) => {
                let found = reconciles::get(ctx, id).await?;
                let app = found.app.as_deref().map_or(Part::Every, named);
                at(app, named(&found.environment))
            }
            Self::Instance(id) => {
                let found = instances::get(ctx, id).await?;
                at(named(&found.app), named(&found.environment))
            }
            Self::Version(id) => {
                let (app, environment) = versions::place(ctx, id).await?;
                at(perhaps(&app), perhaps(&environment))
            }
            Self::Webhook(id) => {
                let found = webhooks::get(ctx, id).await?;
                let app = found.app.as_deref().map_or(Part::Every, named);
                at(app, Part::Every)
            }
            Self::Run(id) => {
                let found = runs::get(ctx, id).await?;
                at(named(&found.app), named(&found.environment))
            }
            Self::ConfigSet(number) => of_config_set(ctx, number).await?,
            Self::Worker {
                worker,
                app,
                environment,
            } => of_worker(ctx, worker, app, environment).await?,
        })
    }

    /// Where such a request would be that is about this App and this Environment, which need not be there.
    pub(crate) fn as_if(&self, app: &str, environment: &str) -> Place {
        match self {
            Self::Nothing => Place::ANYWHERE,
            Self::Installation => Place::EVERYWHERE,
            Self::App(_) | Self::FilterApp(_) | Self::Build(_) => at(named(app), Part::Any),
            Self::WholeApp(_) | Self::WholeAppOrAll(_) | Self::NewApp(_) | Self::Webhook(_) => {
                at(named(app), Part::Every)
            }
            Self::Environment(_) => at(Part::Any, named(environment)),
            Self::WholeEnvironment(_) | Self::RenamedEnvironment(..) | Self::NewEnvironment(_) => {
                at(Part::Every, named(environment))
            }
            Self::Filter(..) => Place {
                app: if app.is_empty() {
                    Part::Any
                } else {
                    named(app)
                },
                environment: if environment.is_empty() {
                    Part::Any
                } else {
                    named(environment)
                },
            },
            Self::Place(..)
            | Self::Deploy(_)
            | Self::Release(_)
            | Self::Reconcile(_)
            | Self::Instance(_)
            | Self::Version(_)
            | Self::Run(_)
            | Self::ConfigSet(_)
            | Self::Worker { .. } => at(named(app), named(environment)),
        }
    }
}

/// All of an Environment that keeps its name, else the whole Installation.
async fn renamed(ctx: &Ctx, environment: &str, name: &str) -> Result<Place, Error> {
    let found = environments::get(ctx, environment).await?;
    Ok(match found.name.as_str() == name {
        true => at(Part::Every, named(name)),
        false => Place::EVERYWHERE,
    })
}

async fn of_config_set(ctx: &Ctx, number: &str) -> Result<Place, Error> {
    let id = number.parse().map_err(|_| Error::Unknown {
        what: Kind::ConfigSet,
        which: number.to_owned(),
    })?;
    let found = legacy::config_sets::get(ctx, ConfigSetId::new(id)).await?;
    let environment = found.environment.name.as_str();
    Ok(at(named(found.app.name.as_str()), named(environment)))
}

async fn of_worker(ctx: &Ctx, worker: &str, app: &str, environment: &str) -> Result<Place, Error> {
    let which = workers::Which {
        worker: worker.to_owned(),
        app: app.to_owned(),
        environment: environment.to_owned(),
    };
    let found = workers::get(ctx, &which).await?;
    Ok(at(named(&found.app), named(&found.environment)))
}

const fn at(app: Part<domain::AppName>, environment: Part<domain::EnvironmentName>) -> Place {
    Place { app, environment }
}

/// The part of this name. Only a right in all suffices for what has none: what was deleted goes by its id, and an id is
/// nobody's name here.
pub(crate) fn named<T: FromStr>(name: &str) -> Part<T> {
    let is_id =
        name.parse::<domain::AppId>().is_ok() || name.parse::<domain::EnvironmentId>().is_ok();
    match name.parse() {
        Ok(name) if !is_id => Part::One(name),
        Ok(_) | Err(_) => Part::Every,
    }
}

/// As `named`, where what has no name may be of any of them.
fn perhaps<T: FromStr>(name: &str) -> Part<T> {
    if name.is_empty() {
        Part::Any
    } else {
        named(name)
    }
}

async fn part_app(ctx: &Ctx, which: &str) -> Result<Part<domain::AppName>, Error> {
    let found = apps::get(ctx, which).await?;
    Ok(named(found.app.name.as_str()))
}

async fn part_environment(ctx: &Ctx, which: &str) -> Result<Part<domain::EnvironmentName>, Error> {
    let found = environments::get(ctx, which).await?;
    Ok(named(found.name.as_str()))
}

async fn some<T>(
    text: &str,
    part: impl Future<Output = Result<Part<T>, Error>>,
    otherwise: Part<T>,
) -> Result<Part<T>, Error> {
    if text.is_empty() {
        return Ok(otherwise);
    }
    part.await
}

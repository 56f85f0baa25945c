//! Apps.

mod pushes;

pub use pushes::{WantedPushes, WantedRule};

use super::{
    Ctx, Done, EnvironmentPlan, Error, Etag, Intended, Kind, Mode, Record, Verb, names::Names,
};
use domain::{
    App, AppId, AppName, EnvironmentId, RepoName, WorkerName,
    app::{Builder, Recipe},
    push::BranchPattern,
};
use ports::store::{
    Listed, Page,
    entities::{AppFilter, Beginning, NewApp},
};
use std::collections::BTreeMap;

/// An App with the name of its Stack.
#[derive(Debug, Clone)]
pub struct AppView {
    pub app: App,
    pub stack: String,
    /// The names of those that its rules name.
    pub environments: BTreeMap<EnvironmentId, String>,
}

/// An App that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: AppName,
    pub repo: RepoName,
    /// By name or id. Empty: the first of the installation.
    pub stack: String,
    pub recipe: Recipe,
    pub subscribe_to_github_webhook: bool,
    pub pushes: WantedPushes,
}

/// What shall change of an App. None: it stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub name: Option<AppName>,
    pub repo: Option<RepoName>,
    pub stack: Option<String>,
    /// None inside: the default again.
    pub dockerfile: Option<Option<String>>,
    /// None inside: the server's again.
    pub builder: Option<Option<Builder>>,
    pub secrets: Option<Vec<String>>,
    pub subscribe_to_github_webhook: Option<bool>,
    pub built: Option<Vec<BranchPattern>>,
    pub rules: Option<Vec<WantedRule>>,
}

/// Whether an App goes with the instances that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    Yes,
    No,
}

/// Makes an App. Nothing runs until its first Deploy.
///
/// # Errors
/// `Unknown` (the Stack), `NoStack`, `Invalid`, `Store(Exists | ServiceNameTaken)`.
pub async fn create(ctx: &Ctx, wanted: Wanted, mode: Mode) -> Result<Done<AppView>, Error> {
    create_with(ctx, wanted, Vec::new(), mode).await
}

/// Makes an App with what it begins with, all or none.
///
/// # Errors
/// As `create`.
pub(super) async fn create_with(
    ctx: &Ctx,
    wanted: Wanted,
    beginnings: Vec<Beginning>,
    mode: Mode,
) -> Result<Done<AppView>, Error> {
    let stack = if wanted.stack.is_empty() {
        let first = Page {
            size: 1,
            after: None,
        };
        let stacks = ctx.store().list_stacks("", first).await?;
        stacks.items.into_iter().next().ok_or(Error::NoStack)?
    } else {
        ctx.stack(&wanted.stack).await?
    };
    check_service_names(ctx, &wanted.name).await?;
    let record = Record::new(
        Verb::Create,
        format!("app {}", wanted.name),
        format!("made from {}, in the stack {}", wanted.repo, stack.name),
    );
    let new = NewApp {
        name: wanted.name,
        repo: wanted.repo,
        stack: stack.id,
        recipe: wanted.recipe,
        subscribe_to_github_webhook: wanted.subscribe_to_github_webhook,
        pushes: pushes::found(ctx, wanted.pushes).await?,
    };
    let change = ctx.change(format!("created app {} of {}", new.name, new.repo));
    let store = ctx.store_for(mode);
    let mut app = store.create_app_with(new, beginnings, &change).await?;
    if mode == Mode::Preview {
        app.id = AppId::new(0);
    }
    let view = viewed(&mut Names::new(ctx), app).await?;
    Ok(Done::recorded(view, record))
}

/// Refuses a name of which no service name can be made. Whether it is another's, the store knows.
async fn check_service_names(ctx: &Ctx, name: &AppName) -> Result<(), Error> {
    let Ok(web) = "web".parse::<WorkerName>() else {
        return Ok(());
    };
    for environment in ctx.store().list_environments("", Page::ALL).await?.items {
        environment
            .service_template
            .service_name(name, &web, &environment.name)
            .map_err(|error| Error::invalid("name", error))?;
    }
    Ok(())
}

/// One App, by name or id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<AppView, Error> {
    let app = ctx.app(which).await?;
    viewed(&mut Names::new(ctx), app).await
}

async fn viewed(names: &mut Names<'_>, app: App) -> Result<AppView, Error> {
    Ok(AppView {
        stack: names.stack(app.stack).await?,
        environments: pushes::environments(names, &app.pushes).await?,
        app,
    })
}

/// A page of Apps, in order of id; of one Stack or one repository where they are given.
///
/// # Errors
/// `Unknown` (the Stack).
pub async fn list(
    ctx: &Ctx,
    stack: &str,
    repo: Option<RepoName>,
    page: Page,
) -> Result<Listed<AppView>, Error> {
    let stack = ctx.any_stack(stack).await?;
    let filter = AppFilter {
        name: None,
        repo,
        stack: stack.map(|stack| stack.id),
    };
    let found = ctx.store().list_apps(&filter, page).await?;
    let mut names = Names::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for app in found.items {
        items.push(viewed(&mut names, app).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

/// Changes an App. What runs stays as it is until the next Deploy.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid`, `NameHeld`, `Store(Exists | Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    edit: Edit,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<AppView>, Error> {
    let before = ctx.app(which).await?;
    Etag::changed_at(before.updated_at).check(expected, Kind::App, &before.name)?;
    let after = edited(ctx, &before, edit).await?;
    let changed = differences(&before, &after);
    let mut view = viewed(&mut Names::new(ctx), after).await?;
    if changed.is_empty() {
        return Ok(Done::unchanged(view));
    }
    if view.app.name != before.name {
        check_service_names(ctx, &view.app.name).await?;
    }
    let what = changed.join(", ");
    let record = Record::new(
        Verb::Update,
        format!("app {}", before.name),
        format!("{what} changed"),
    );
    let change = ctx.change(format!("changed {what} of app {}", before.name));
    let store = ctx.store_for(mode);
    let stored = store.update_app(&view.app, before.updated_at, &change);
    let stored = stored.await;
    view.app = stored.map_err(|error| Error::of_rename(error, Kind::App))?;
    Ok(Done::recorded(view, record))
}

async fn edited(ctx: &Ctx, before: &App, edit: Edit) -> Result<App, Error> {
    let mut after = before.clone();
    if let Some(stack) = &edit.stack {
        after.stack = ctx.stack(stack).await?.id;
    }
    after.name = edit.name.unwrap_or(after.name);
    after.repo = edit.repo.unwrap_or(after.repo);
    after.recipe.dockerfile = edit.dockerfile.unwrap_or(after.recipe.dockerfile);
    after.recipe.builder = edit.builder.unwrap_or(after.recipe.builder);
    after.recipe.secrets = edit.secrets.unwrap_or(after.recipe.secrets);
    after.subscribe_to_github_webhook = edit
        .subscribe_to_github_webhook
        .unwrap_or(after.subscribe_to_github_webhook);
    after.pushes.built = edit.built.unwrap_or(after.pushes.built);
    if let Some(rules) = edit.rules {
        let built = after.pushes.built.clone();
        after.pushes = pushes::found(ctx, WantedPushes { built, rules }).await?;
    }
    pushes::check(&after.pushes)?;
    Ok(after)
}

fn differences(before: &App, after: &App) -> Vec<&'static str> {
    [
        ("name", before.name != after.name),
        ("repository", before.repo != after.repo),
        ("stack", before.stack != after.stack),
        (
            "Dockerfile",
            before.recipe.dockerfile != after.recipe.dockerfile,
        ),
        ("builder", before.recipe.builder != after.recipe.builder),
        (
            "build secrets",
            before.recipe.secrets != after.recipe.secrets,
        ),
        (
            "webhook",
            before.subscribe_to_github_webhook != after.subscribe_to_github_webhook,
        ),
        ("branches", before.pushes != after.pushes),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect()
}

/// Deletes an App with its Workers and Config Sets, and, forced, its instances.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `HasInstances` unless forced.
pub async fn delete(
    ctx: &Ctx,
    which: &str,
    expected: Option<&Etag>,
    force: Force,
    mode: Mode,
) -> Result<Done<AppView>, Error> {
    let view = get(ctx, which).await?;
    let app = &view.app;
    Etag::changed_at(app.updated_at).check(expected, Kind::App, &app.name)?;
    let instances = instances_of(ctx, app.id).await?;
    if force == Force::No && instances > 0 {
        return Err(Error::HasInstances {
            app: app.name.to_string(),
            instances,
        });
    }
    let why = match instances {
        0 => "with its workers and config sets".to_owned(),
        some => format!("with its workers and config sets; its {some} instances are stopped"),
    };
    let record = Record::new(Verb::Delete, format!("app {}", app.name), why);
    let mut plan = Intended::of(record);
    if mode == Mode::Preview {
        plan.instances = without(ctx, app.id).await?;
    }
    let change = ctx.change(format!("deleted app {}", app.name));
    ctx.store_for(mode).delete_app(app.id, &change).await?;
    Ok(Done { value: view, plan })
}

/// Instances of it that stand in any Environment, those included that are about to start.
async fn instances_of(ctx: &Ctx, app: AppId) -> Result<usize, Error> {
    let intents = ctx.store().standing_intents().await?;
    let starts = intents
        .iter()
        .filter(|intent| intent.app == app && intent.kind == domain::IntentKind::Start);
    Ok(starts.count())
}

/// What would happen if nothing of the App were wanted.
async fn without(ctx: &Ctx, app: AppId) -> Result<Vec<EnvironmentPlan>, Error> {
    let mut plans = Vec::new();
    for environment in ctx.store().list_environments("", Page::ALL).await?.items {
        let mut plan = ctx
            .preview(&environment, |input| {
                for desired in input.apps.iter_mut().filter(|desired| desired.app == app) {
                    desired.deploy = None;
                }
            })
            .await?;
        plan.plan.steps.retain(|step| step.app == app);
        plan.plan.held.retain(|held| held.app == app);
        plans.push(plan);
    }
    Ok(plans)
}

//! Config Sets. Values are secrets: no message, plan or error here holds one.

mod diff;
mod explain;
mod put_back;

pub use diff::{Diff, VariableDifference, diff};
pub use explain::{Explained, Explanation, Source, explain};
pub(crate) use put_back::put_back;

use super::{
    Ctx, Done, Error, Etag, Intended, Kind, Mode, Record, Verb,
    deploys::DeployView,
    find,
    names::Names,
    redeploy::{self, Affected},
};
use domain::{
    App, Cause, ConfigVersionId, Environment, Timestamp,
    config::{BadVariable, ConfigScope, ConfigSet, ConfigVersions, Key, Value, Variables},
};
use ports::store::{self, Listed, Page, configs::ConfigVersion};
use std::collections::BTreeMap;

/// Which Config Set is meant, by names or ids.
#[derive(Debug, Clone)]
pub struct Which {
    pub environment: String,
    /// Empty unless it is Stack-wide.
    pub stack: String,
    /// Empty unless it is an App's.
    pub app: String,
}

/// A Config Set with the names of what it belongs to.
#[derive(Debug, Clone)]
pub struct ConfigView {
    pub environment: String,
    pub stack: String,
    pub app: String,
    /// None: it was never written.
    pub version: Option<Version>,
    pub variables: Variables,
    pub etag: Etag,
}

/// Which version of a Config Set it is.
#[derive(Debug, Clone)]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// None: of a preview.
    pub id: Option<ConfigVersionId>,
    pub at: Timestamp,
    pub author: String,
}

/// What shall change of a Config Set.
#[derive(Debug, Clone)]
pub enum Edit {
    Change {
        set: BTreeMap<Key, Value>,
        unset: Vec<Key>,
    },
    /// Take every variable away.
    Empty,
}

/// A changed Config Set, and the Deploys that follow.
#[derive(Debug, Clone)]
pub struct Changed {
    pub config: ConfigView,
    pub deploys: Vec<DeployView>,
}

/// A scope with what it is made of.
struct Scope {
    scope: ConfigScope,
    environment: Environment,
    stack: Option<domain::Stack>,
    app: Option<App>,
}

async fn scope(ctx: &Ctx, which: &Which) -> Result<Scope, Error> {
    let environment = ctx.environment(&which.environment).await?;
    let stack = ctx.any_stack(&which.stack).await?;
    let app = ctx.any_app(&which.app).await?;
    let scope = match (&stack, &app) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "stack",
                "a config set belongs to a stack or to an app, not to both; leave one of them out",
            ));
        }
        (Some(stack), None) => ConfigScope::Stack(stack.id, environment.id),
        (None, Some(app)) => ConfigScope::App(app.id, environment.id),
        (None, None) => ConfigScope::Environment(environment.id),
    };
    Ok(Scope {
        scope,
        environment,
        stack,
        app,
    })
}

impl Scope {
    fn view(&self, set: Option<ConfigSet>) -> ConfigView {
        ConfigView {
            environment: self.environment.name.to_string(),
            stack: self
                .stack
                .as_ref()
                .map(|s| s.name.to_string())
                .unwrap_or_default(),
            app: self
                .app
                .as_ref()
                .map(|a| a.name.to_string())
                .unwrap_or_default(),
            etag: Etag::of_version(set.as_ref().map(|set| set.version)),
            version: set.as_ref().map(Version::of),
            variables: set.map(|set| set.variables).unwrap_or_default(),
        }
    }

    /// For people: `config of sample in staging`.
    fn title(&self) -> String {
        match (&self.app, &self.stack) {
            (Some(app), _) => format!("config of {} in {}", app.name, self.environment.name),
            (None, Some(stack)) => {
                format!(
                    "config of stack {} in {}",
                    stack.name, self.environment.name
                )
            }
            (None, None) => format!("config of {}", self.environment.name),
        }
    }
}

impl Version {
    fn of(set: &ConfigSet) -> Self {
        Self {
            number: set.number,
            id: Some(set.version),
            at: set.updated_at,
            author: set.updated_by.clone(),
        }
    }
}

/// One Config Set, at its newest version or an earlier one. With its values: who may see them, the caller decides.
///
/// # Errors
/// `Unknown` (Environment, Stack, App, version), `Invalid`.
pub async fn get(ctx: &Ctx, which: &Which, version: &str) -> Result<ConfigView, Error> {
    let scope = scope(ctx, which).await?;
    let newest = ctx.store().find_config(scope.scope).await?;
    if version.is_empty() {
        return Ok(scope.view(newest));
    }
    let id: ConfigVersionId = find::id("version_id", Kind::ConfigVersion, version)?;
    let known = find_version(ctx, scope.scope, id).await?;
    let versions = ConfigVersions::only(scope.scope, Some(id));
    Ok(ConfigView {
        variables: ctx.store().config_at(versions).await?,
        version: Some(Version {
            number: known.number,
            id: Some(id),
            at: known.created_at,
            author: known.created_by,
        }),
        ..scope.view(newest)
    })
}

/// A version of this set, so that no id reads the variables of another.
async fn find_version(
    ctx: &Ctx,
    scope: ConfigScope,
    id: ConfigVersionId,
) -> Result<ConfigVersion, Error> {
    // Newest first, so that the page that begins at this version has it in front.
    let page = Page {
        size: 1,
        after: Some(id.number() + 1),
    };
    let found = ctx.store().list_config_versions(scope, page).await?;
    let version = found.items.into_iter().next();
    version
        .filter(|version| version.id == id)
        .ok_or_else(|| Error::unknown(Kind::ConfigVersion, id))
}

/// A page of Config Sets at their newest versions, in order of id.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, which: &Which, page: Page) -> Result<Listed<ConfigView>, Error> {
    let environment = ctx.any_environment(&which.environment).await?;
    let stack = ctx.any_stack(&which.stack).await?;
    let app = ctx.any_app(&which.app).await?;
    let matches = |scope: ConfigScope| match scope {
        ConfigScope::Environment(_) => stack.is_none() && app.is_none(),
        ConfigScope::Stack(id, _) => app.is_none() && stack.as_ref().is_none_or(|s| s.id == id),
        ConfigScope::App(id, _) => stack.is_none() && app.as_ref().is_none_or(|a| a.id == id),
    };
    let environment = environment.map(|environment| environment.id);
    let found = super::filtered(
        page,
        |page| ctx.store().list_configs(environment, page),
        |set: &ConfigSet| matches(set.scope) && !set.variables.is_empty(),
        |set| set.id.number(),
    )
    .await?;
    let mut names = Names::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for set in found.items {
        let (stack, app) = match set.scope {
            ConfigScope::Environment(_) => (String::new(), String::new()),
            ConfigScope::Stack(id, _) => (names.stack(id).await?, String::new()),
            ConfigScope::App(id, _) => (String::new(), names.app(id).await?),
        };
        items.push(ConfigView {
            environment: names.environment(set.scope.environment()).await?,
            stack,
            app,
            version: Some(Version::of(&set)),
            etag: Etag::of_version(Some(set.version)),
            variables: set.variables,
        });
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

/// A page of versions of one Config Set, newest first.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn versions(
    ctx: &Ctx,
    which: &Which,
    page: Page,
) -> Result<Listed<ConfigVersion>, Error> {
    let scope = scope(ctx, which).await?;
    Ok(ctx.store().list_config_versions(scope.scope, page).await?)
}

/// Writes a new version of a Config Set, and deploys each App that runs with it. Where nothing changes no version is
/// written, and only Apps are deployed that do not run with the newest one yet.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid`, `Store(BadVariable | Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &Which,
    edit: Edit,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Changed>, Error> {
    let scope = scope(ctx, which).await?;
    let before = ctx.store().find_config(scope.scope).await?;
    let view = scope.view(before.clone());
    view.etag
        .check(expected, Kind::ConfigVersion, scope.title())?;
    let (variables, summary) = changed(&view.variables, edit).map_err(store::Error::from)?;
    let same = variables == view.variables;
    let mut plan = Intended::default();
    let mut config = view.clone();
    if !same {
        let record = Record::new(Verb::Update, scope.title(), &summary);
        plan.records
            .push(record.within(&view.app, &view.environment));
        let base = before.as_ref().map(|set| set.version);
        let change = ctx.change(summary);
        let store = ctx.store_for(mode);
        let set = store.write_config(scope.scope, base, &variables, &change);
        let written = scope.view(Some(set.await?));
        config = match mode {
            Mode::Preview => previewed(written, &view.etag),
            Mode::Run => written,
        };
    }
    // After the change, so that a Deploy that goes on meanwhile either has it or is seen to lack it.
    let mut affected = affected(ctx, &scope).await?;
    if same {
        let newest = before.as_ref().map(|set| set.version);
        affected.retain(|affected| {
            let mut releases = affected.releases.iter();
            releases.any(|release| release.config.of(scope.scope) != newest)
        });
    }
    plan.records.extend(affected.iter().map(Affected::record));
    let deploys = match mode {
        Mode::Preview => {
            plan.instances =
                redeploy::preview(ctx, &scope.environment, &affected, Cause::Config).await?;
            redeploy::planned(ctx, &affected, Cause::Config)
        }
        Mode::Run => {
            let why = format!("{} changed", scope.title());
            let ctx = if same { ctx.clone() } else { ctx.keyless() };
            redeploy::run(&ctx, &affected, Cause::Config, &why).await?
        }
    };
    Ok(Done {
        value: Changed { config, deploys },
        plan,
    })
}

/// The variables after the edit, and what it does, by name.
fn changed(before: &Variables, edit: Edit) -> Result<(Variables, String), BadVariable> {
    let (set, unset) = match edit {
        Edit::Change { set, unset } => (set, unset),
        Edit::Empty => {
            let all = before.iter().map(|(key, _)| key.clone()).collect();
            (BTreeMap::new(), all)
        }
    };
    let named: Vec<Key> = set.keys().cloned().collect();
    let after = before.changed(set, &unset)?;
    let words = named
        .iter()
        .filter(|key| after.value(key) != before.value(key))
        .map(|key| format!("set {key}"))
        .chain(
            unset
                .iter()
                .filter(|key| before.get(key).is_some() && !named.contains(key))
                .map(|key| format!("unset {key}")),
        );
    let summary = words.collect::<Vec<_>>().join(", ");
    Ok((after, summary))
}

/// The version that would be written has no id yet.
fn previewed(written: ConfigView, etag: &Etag) -> ConfigView {
    ConfigView {
        version: written.version.map(|version| Version {
            id: None,
            ..version
        }),
        etag: etag.clone(),
        ..written
    }
}

/// The Apps that run with the set.
async fn affected(ctx: &Ctx, scope: &Scope) -> Result<Vec<Affected>, Error> {
    if let Some(app) = &scope.app {
        return redeploy::affected(ctx, [app.clone()], &scope.environment).await;
    }
    let filter = ports::store::entities::AppFilter {
        stack: scope.stack.as_ref().map(|stack| stack.id),
        ..Default::default()
    };
    let apps = super::all(|page| ctx.store().list_apps(&filter, page)).await?;
    redeploy::affected(ctx, apps, &scope.environment).await
}

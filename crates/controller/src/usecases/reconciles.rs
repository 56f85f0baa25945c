//! Reconciles: a plan on demand, shown or run.

pub mod steps;

use super::{Ctx, Done, EnvironmentPlan, Error, Intended, Mode, names::Names};
use domain::{
    App, Environment, ReconcileId,
    reconcile::{PlannedStep, Reconcile, ReconcileState},
};
use ports::store::{
    Listed, Page,
    reconciles::{NewReconcile, OnConflict},
};
use steps::Ground;

/// A Reconcile with the names of what it is for.
#[derive(Debug, Clone)]
pub struct ReconcileView {
    pub reconcile: Reconcile,
    pub environment: String,
    /// None: every App.
    pub app: Option<String>,
    /// The Stack whose pool it evens out, of one that does.
    pub stack: Option<String>,
}

/// What a reconcile would do now. Nothing is saved.
///
/// # Errors
/// `Unknown`, `World`.
pub async fn preview(ctx: &Ctx, environment: &str, app: &str) -> Result<EnvironmentPlan, Error> {
    let environment = ctx.environment(environment).await?;
    let app = ctx.any_app(app).await?;
    Ok(plan(ctx, &environment, app.as_ref()).await?.plan)
}

/// A plan, and what of it starts, stops or replaces an instance.
pub(super) struct Planned {
    pub(super) plan: EnvironmentPlan,
    pub(super) steps: Vec<PlannedStep>,
}

pub(super) async fn plan(
    ctx: &Ctx,
    environment: &Environment,
    app: Option<&App>,
) -> Result<Planned, Error> {
    let mut ground = Ground::default();
    let mut plan = ctx
        .preview(environment, |input| ground = Ground::of(input))
        .await?;
    if let Some(app) = app {
        plan.plan.steps.retain(|step| step.app == app.id);
        plan.plan.held.retain(|held| held.app == app.id);
    }
    let steps = ground.steps(ctx, environment, &plan.plan).await?;
    Ok(Planned { plan, steps })
}

/// Starts a reconcile: it is completed when the world matches.
///
/// # Errors
/// `Unknown`, `World`.
pub async fn create(
    ctx: &Ctx,
    environment: &str,
    app: &str,
    mode: Mode,
) -> Result<Done<ReconcileView>, Error> {
    let environment = ctx.environment(environment).await?;
    let app = ctx.any_app(app).await?;
    let planned = plan(ctx, &environment, app.as_ref()).await?;
    run(ctx, (environment, app), planned, OnConflict::Ignore, mode).await
}

/// Notes down a Reconcile with the plan that was made for it.
pub(super) async fn run(
    ctx: &Ctx,
    (environment, app): (Environment, Option<App>),
    Planned { plan, steps }: Planned,
    on_conflict: OnConflict,
    mode: Mode,
) -> Result<Done<ReconcileView>, Error> {
    let new = NewReconcile {
        environment: environment.id,
        app: app.as_ref().map(|app| app.id),
        rebalance: None,
        state: ReconcileState::InProgress,
        plan: plan.plan.lines(),
        steps,
        on_conflict,
    };
    let reconcile = match mode {
        Mode::Preview => Reconcile {
            id: ReconcileId::new(0),
            environment: new.environment,
            app: new.app,
            rebalance: new.rebalance,
            state: ReconcileState::Preview,
            plan: new.plan,
            steps: new.steps,
            reason: None,
            created_at: ctx.deps.clock.now(),
            completed_at: None,
        },
        Mode::Run => {
            let of = app
                .as_ref()
                .map_or_else(String::new, |app| format!("{} in ", app.name));
            let change = ctx.change(format!("asked for a reconcile of {of}{}", environment.name));
            ctx.store().create_reconcile(new, &change).await?
        }
    };
    Ok(Done {
        value: ReconcileView {
            reconcile,
            environment: environment.name.to_string(),
            app: app.map(|app| app.name.to_string()),
            stack: None,
        },
        plan: Intended {
            records: Vec::new(),
            instances: vec![plan],
        },
    })
}

/// One Reconcile.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<ReconcileView, Error> {
    let reconcile = ctx.reconcile(which).await?;
    view(&mut Names::new(ctx), reconcile).await
}

/// A page of Reconciles, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    state: Option<ReconcileState>,
    page: Page,
) -> Result<Listed<ReconcileView>, Error> {
    let app = ctx.any_app(app).await?.map(|app| app.id);
    let environment = ctx.any_environment(environment).await?.map(|e| e.id);
    let found = super::filtered(
        page,
        |page| ctx.store().list_reconciles(environment, state, page),
        |reconcile: &Reconcile| app.is_none() || reconcile.app == app,
        |reconcile| reconcile.id.number(),
    )
    .await?;
    let mut names = Names::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for reconcile in found.items {
        items.push(view(&mut names, reconcile).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

pub(super) async fn view(
    names: &mut Names<'_>,
    reconcile: Reconcile,
) -> Result<ReconcileView, Error> {
    Ok(ReconcileView {
        environment: names.environment(reconcile.environment).await?,
        app: match reconcile.app {
            Some(app) => Some(names.app(app).await?),
            None => None,
        },
        stack: match reconcile.rebalance {
            Some(of) => Some(names.stack(of.stack).await?),
            None => None,
        },
        reconcile,
    })
}

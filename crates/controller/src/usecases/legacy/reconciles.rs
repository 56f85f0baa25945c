//! Reconciles with all that they embed, oldest first.

use super::Embedded;
use crate::usecases::{Ctx, Error, Kind, Mode, reconciles};
use domain::{
    App, Environment, ReconcileId,
    reconcile::{PlannedStep, Reconcile},
};
use ports::store::{Listed, Page, reconciles::OnConflict};
use secrecy::SecretString;
use std::collections::BTreeMap;

/// A Reconcile with what it embeds. None: that was deleted, or every App is meant.
#[derive(Debug, Clone)]
pub struct ReconcileView {
    pub reconcile: Reconcile,
    pub environment: Option<Environment>,
    pub app: Option<App>,
    /// Who is called once it is over; of several the last.
    pub callback: Option<SecretString>,
}

/// How many numbers are looked through for one page.
const WINDOW: u32 = Page::ALL.size;

/// A page of Reconciles, oldest first. The store has them newest first: a page is what has numbers of one window.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, after: i64) -> Result<Listed<ReconcileView>, Error> {
    let newest = Page {
        size: 1,
        after: None,
    };
    let newest = ctx.store().list_reconciles(None, None, newest).await?;
    let newest = newest.items.first().map_or(0, |last| last.id.number());
    let end = after.saturating_add(i64::from(WINDOW));
    let window = Page {
        size: WINDOW,
        after: Some(end.saturating_add(1)),
    };
    let found = ctx.store().list_reconciles(None, None, window).await?;
    let within = found.items.into_iter().rev();
    let within: Vec<_> = within
        .filter(|reconcile| reconcile.id.number() > after)
        .collect();
    let mut callbacks = callbacks(ctx, &within).await?;
    let mut embedded = Embedded::new(ctx);
    let mut items = Vec::with_capacity(within.len());
    for reconcile in within {
        let callback = callbacks.remove(&reconcile.id.to_string());
        items.push(view(&mut embedded, reconcile, callback).await?);
    }
    Ok(Listed {
        items,
        next: (end < newest).then_some(end),
    })
}

/// The Reconcile of this id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, id: ReconcileId) -> Result<ReconcileView, Error> {
    let found = ctx.store().find_reconcile(id).await?;
    let reconcile = found.ok_or_else(|| Error::unknown(Kind::Reconcile, id.number()))?;
    let mut callbacks = callbacks(ctx, std::slice::from_ref(&reconcile)).await?;
    let callback = callbacks.remove(&reconcile.id.to_string());
    view(&mut Embedded::new(ctx), reconcile, callback).await
}

/// Starts a Reconcile, or shows what it would do.
///
/// # Errors
/// `Unknown`, `World`; with `Refuse`, `Store(ReconcileUnderWay | DeploysUnderWay)`.
pub async fn create(
    ctx: &Ctx,
    (app, environment): (&str, &str),
    on_conflict: OnConflict,
    mode: Mode,
) -> Result<ReconcileView, Error> {
    let environment = ctx.environment(environment).await?;
    let app = ctx.any_app(app).await?;
    let planned = reconciles::plan(ctx, &environment, app.as_ref()).await?;
    let of = (environment.clone(), app.clone());
    let done = reconciles::run(ctx, of, planned, on_conflict, mode).await?;
    Ok(ReconcileView {
        reconcile: done.value.reconcile,
        environment: Some(environment),
        app,
        callback: None,
    })
}

/// What would be done in an Environment now.
///
/// # Errors
/// `World`.
pub(super) async fn steps(ctx: &Ctx, environment: &Environment) -> Result<Vec<PlannedStep>, Error> {
    Ok(reconciles::plan(ctx, environment, None).await?.steps)
}

/// Who is called after these, by what they wait for.
async fn callbacks(
    ctx: &Ctx,
    reconciles: &[Reconcile],
) -> Result<BTreeMap<String, SecretString>, Error> {
    let subjects: Vec<String> = reconciles.iter().map(|it| it.id.to_string()).collect();
    let mut urls = BTreeMap::new();
    for callback in ctx.store().expected_callbacks(&subjects).await? {
        if let Some(url) = ctx.store().find_callback(callback.number).await? {
            urls.insert(callback.subject, url);
        }
    }
    Ok(urls)
}

async fn view(
    embedded: &mut Embedded<'_>,
    reconcile: Reconcile,
    callback: Option<SecretString>,
) -> Result<ReconcileView, Error> {
    Ok(ReconcileView {
        callback,
        environment: embedded.environment(reconcile.environment).await?,
        app: match reconcile.app {
            Some(app) => embedded.app(app).await?,
            None => None,
        },
        reconcile,
    })
}

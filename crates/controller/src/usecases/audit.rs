//! The audit log, listed, looked through and exported.

use super::{Ctx, Error, names::Names};
use domain::{AppId, AuditEntry, AuditId, EnvironmentId, Timestamp, audit::Verdict};
use ports::store::{Listed, Page, audit::AuditFilter};

/// How many rows one message of an export has.
const BATCH: u32 = 200;

/// Which rows are wanted; an empty text is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor: String,
    /// An id, or the name of a node.
    pub object: String,
    pub kind: String,
    /// By name or id; by id also one that was deleted.
    pub app: String,
    /// By name or id; by id also one that was deleted.
    pub environment: String,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// A row, with names.
#[derive(Debug, Clone)]
pub struct EntryView {
    pub entry: AuditEntry,
    /// Empty: it belongs to none.
    pub app: String,
    /// Empty: it belongs to none.
    pub environment: String,
}

pub(super) async fn app_id(ctx: &Ctx, which: &str) -> Result<Option<AppId>, Error> {
    match (ctx.any_app(which).await, which.parse()) {
        (Err(Error::Unknown { .. }), Ok(deleted)) => Ok(Some(deleted)),
        (found, _) => Ok(found?.map(|app| app.id)),
    }
}

pub(super) async fn environment_id(ctx: &Ctx, which: &str) -> Result<Option<EnvironmentId>, Error> {
    match (ctx.any_environment(which).await, which.parse()) {
        (Err(Error::Unknown { .. }), Ok(deleted)) => Ok(Some(deleted)),
        (found, _) => Ok(found?.map(|environment| environment.id)),
    }
}

async fn resolve(ctx: &Ctx, filter: &Filter) -> Result<AuditFilter, Error> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(AuditFilter {
        actor: some(&filter.actor),
        object: some(&filter.object),
        kinds: some(&filter.kind).into_iter().collect(),
        app: app_id(ctx, &filter.app).await?,
        environment: environment_id(ctx, &filter.environment).await?,
        since: filter.since,
        until: filter.until,
    })
}

/// A page of rows, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<EntryView>, Error> {
    let filter = resolve(ctx, filter).await?;
    let found = ctx.store().audit_entries(&filter, page).await?;
    Ok(Listed {
        items: views(ctx, found.items).await?,
        next: found.next,
    })
}

pub(super) async fn views(ctx: &Ctx, entries: Vec<AuditEntry>) -> Result<Vec<EntryView>, Error> {
    let mut names = Names::new(ctx);
    let (apps, environments) = (
        entries.iter().filter_map(|entry| entry.app),
        entries.iter().filter_map(|entry| entry.environment),
    );
    names.know(apps, environments).await?;
    let mut views = Vec::with_capacity(entries.len());
    for entry in entries {
        let app = match entry.app {
            Some(app) => names.app(app).await?,
            None => String::new(),
        };
        let environment = match entry.environment {
            Some(environment) => names.environment(environment).await?,
            None => String::new(),
        };
        views.push(EntryView {
            entry,
            app,
            environment,
        });
    }
    Ok(views)
}

/// Looks through the whole log.
///
/// # Errors
/// Those of the database.
pub async fn verify(ctx: &Ctx) -> Result<Verdict, Error> {
    Ok(ctx.store().verify_audit().await?)
}

/// A reader's place in the log, at its own pace.
pub struct Export {
    ctx: Ctx,
    filter: AuditFilter,
    after: AuditId,
}

/// Begins after a row, or with the first.
///
/// # Errors
/// `Unknown`.
pub async fn export(ctx: Ctx, filter: &Filter, after: Option<AuditId>) -> Result<Export, Error> {
    Ok(Export {
        filter: resolve(&ctx, filter).await?,
        after: after.unwrap_or(AuditId::new(0)),
        ctx,
    })
}

impl Export {
    /// The next rows, at least one, in order. None: that was the last.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Option<Result<Vec<EntryView>, Error>> {
        let store = self.ctx.store();
        let found = store.audit_entries_after(self.after, &self.filter, BATCH);
        let found = match found.await {
            Ok(found) => found,
            Err(error) => return Some(Err(error.into())),
        };
        self.after = found.last()?.id;
        Some(views(&self.ctx, found).await)
    }
}

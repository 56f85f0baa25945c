//! Stacks.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{Stack, StackId, StackName};
use ports::store::{self, Listed, Page, entities::AppFilter};

/// Makes a Stack.
///
/// # Errors
/// `Store(Exists | ServiceNameTaken)`.
pub async fn create(ctx: &Ctx, name: StackName, mode: Mode) -> Result<Done<Stack>, Error> {
    let record = Record::new(Verb::Create, format!("stack {name}"), "it is asked for");
    let stack = match mode {
        Mode::Preview => {
            if ctx.store().find_stack(name.as_str()).await?.is_some() {
                return Err(Error::Store(store::Error::Exists {
                    what: "a stack",
                    which: name.to_string(),
                }));
            }
            Stack {
                id: StackId::new(0),
                name,
                created_at: ctx.deps.clock.now(),
            }
        }
        Mode::Run => {
            let change = ctx.change(format!("created stack {name}"));
            ctx.store().create_stack(name, &change).await?
        }
    };
    Ok(Done::recorded(stack, record))
}

/// One Stack, by name or id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<Stack, Error> {
    ctx.stack(which).await
}

/// A page of Stacks, in order of id.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, page: Page) -> Result<Listed<Stack>, Error> {
    Ok(ctx.store().list_stacks(page).await?)
}

/// Changes a Stack, of which nothing can be changed yet: its hosts register under its name.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid` for another name.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    name: Option<StackName>,
    expected: Option<&Etag>,
) -> Result<Done<Stack>, Error> {
    let stack = ctx.stack(which).await?;
    Etag::changed_at(stack.created_at).check(expected, Kind::Stack, &stack.name)?;
    if name.is_some_and(|name| name != stack.name) {
        return Err(Error::invalid(
            "values.name",
            "a stack keeps its name, for its hosts register under it; create another one and move its apps there",
        ));
    }
    Ok(Done::unchanged(stack))
}

/// Deletes a Stack that no App belongs to.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Store(InUse)`.
pub async fn delete(
    ctx: &Ctx,
    which: &str,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Stack>, Error> {
    let stack = ctx.stack(which).await?;
    Etag::changed_at(stack.created_at).check(expected, Kind::Stack, &stack.name)?;
    match mode {
        Mode::Preview => refuse_used(ctx, &stack).await?,
        Mode::Run => {
            let change = ctx.change(format!("deleted stack {}", stack.name));
            ctx.store().delete_stack(stack.id, &change).await?;
        }
    }
    let record = Record::new(
        Verb::Delete,
        format!("stack {}", stack.name),
        "no app belongs to it",
    );
    Ok(Done::recorded(stack, record))
}

async fn refuse_used(ctx: &Ctx, stack: &Stack) -> Result<(), Error> {
    let filter = AppFilter {
        stack: Some(stack.id),
        ..AppFilter::default()
    };
    let apps = ctx.store().list_apps(&filter, Page::ALL).await?.items.len();
    if apps == 0 {
        return Ok(());
    }
    Err(Error::Store(store::Error::InUse {
        what: "stack",
        which: stack.name.to_string(),
        by: format!("{apps} apps"),
    }))
}

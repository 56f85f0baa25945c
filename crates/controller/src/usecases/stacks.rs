//! Stacks.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{Stack, StackId, StackName};
use ports::store::{Listed, Page};

/// Makes a Stack.
///
/// # Errors
/// `Store(Exists | ServiceNameTaken)`.
pub async fn create(ctx: &Ctx, name: StackName, mode: Mode) -> Result<Done<Stack>, Error> {
    let record = Record::new(Verb::Create, format!("stack {name}"), "it is asked for");
    let change = ctx.change(format!("created stack {name}"));
    let mut stack = ctx.store_for(mode).create_stack(name, &change).await?;
    if mode == Mode::Preview {
        stack.id = StackId::new(0);
    }
    Ok(Done::recorded(stack, record))
}

/// One Stack, by name or id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<Stack, Error> {
    ctx.stack(which).await
}

/// A page of the Stacks whose names start with `prefix`, in order of id.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, prefix: &str, page: Page) -> Result<Listed<Stack>, Error> {
    Ok(ctx.store().list_stacks(prefix, page).await?)
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
    let change = ctx.change(format!("deleted stack {}", stack.name));
    ctx.store_for(mode).delete_stack(stack.id, &change).await?;
    let record = Record::new(
        Verb::Delete,
        format!("stack {}", stack.name),
        "no app belongs to it",
    );
    Ok(Done::recorded(stack, record))
}

//! Pages of lists that the store cannot filter itself.

use super::Error;
use ports::store::{self, Listed, Page};
use std::future::Future;

/// How many pages are read at the most for one that is asked for: a filter that matches little ends with a short page
/// and a token instead of reading everything.
const READ_MAX: usize = 20;

/// A page of those records that match.
pub(super) async fn filtered<T, F>(
    page: Page,
    read: impl Fn(Page) -> F,
    matches: impl Fn(&T) -> bool,
    number: impl Fn(&T) -> i64,
) -> Result<Listed<T>, Error>
where
    F: Future<Output = Result<Listed<T>, store::Error>>,
{
    let wanted = usize::try_from(page.size).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut from = page;
    for _ in 0..READ_MAX {
        let found = read(from).await?;
        let mut rest = found.items.into_iter().filter(&matches);
        items.extend(rest.by_ref().take(wanted - items.len()));
        if items.len() == wanted && (rest.next().is_some() || found.next.is_some()) {
            let next = items.last().map(&number);
            return Ok(Listed { items, next });
        }
        from.after = found.next;
        if found.next.is_none() {
            return Ok(Listed { items, next: None });
        }
    }
    Ok(Listed {
        items,
        next: from.after,
    })
}

/// Every record of a list.
pub(super) async fn all<T, F>(read: impl Fn(Page) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Listed<T>, store::Error>>,
{
    let mut page = Page::ALL;
    let mut items = Vec::new();
    loop {
        let found = read(page).await?;
        items.extend(found.items);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(items),
        }
    }
}

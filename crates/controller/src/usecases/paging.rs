//! Pages of lists that the store cannot filter itself.

use super::Error;
use ports::store::{Listed, Page};

/// How many pages are read at the most for one that is asked for: a filter that matches little ends with a short page
/// and a token instead of reading everything.
const READ_MAX: usize = 20;

/// A page of those records that match.
pub(super) async fn filtered<T>(
    page: Page,
    read: impl AsyncFn(Page) -> Result<Listed<T>, Error>,
    matches: impl Fn(&T) -> bool,
    number: impl Fn(&T) -> i64,
) -> Result<Listed<T>, Error> {
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
pub(super) async fn all<T>(
    read: impl AsyncFn(Page) -> Result<Listed<T>, Error>,
) -> Result<Vec<T>, Error> {
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

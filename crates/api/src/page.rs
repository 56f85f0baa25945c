//! Pages: sizes, and opaque tokens that say after which record the next one begins.

use crate::{secret::sha256, status::Refusal};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::store::Page;
use proto::v1;

/// How many records a page has unless the caller says otherwise.
const SIZE: i32 = 100;
/// The most records of one page.
const SIZE_MAX: i32 = 1000;
/// How much of the list's digest is in a token: enough to tell lists apart, which is all it is for.
const DIGEST: usize = 6;

/// A request for a page of a list.
pub(crate) trait Paged: prost::Message + Clone {
    /// The call.
    const LIST: &'static str;

    /// Its size and token, taken out, so that what is left says which list it is.
    fn take(&mut self) -> (i32, String);
}

macro_rules! paged {
    ($($request:ident),+ $(,)?) => {$(
        impl Paged for v1::$request {
            const LIST: &'static str = stringify!($request);

            fn take(&mut self) -> (i32, String) {
                (std::mem::take(&mut self.page_size), std::mem::take(&mut self.page_token))
            }
        }
    )+};
}

paged!(
    ListAppsRequest,
    ListAuditEntriesRequest,
    ListBuildsRequest,
    ListConfigSetsRequest,
    ListConfigSetVersionsRequest,
    ListDeploysRequest,
    ListEnvironmentsRequest,
    ListEventsRequest,
    ListInstancesRequest,
    ListNodesRequest,
    ListReconcilesRequest,
    ListReleasesRequest,
    ListRunsRequest,
    ListStacksRequest,
    ListTokensRequest,
    ListUsersRequest,
    ListVersionsRequest,
    ListWebhookDeliveriesRequest,
    ListWebhooksRequest,
    ListWorkersRequest,
);

/// What was asked for of a list.
pub(crate) struct Asked {
    size: u32,
    /// The key of the last record that the caller has. Empty: none.
    after: String,
    list: [u8; DIGEST],
}

impl Asked {
    /// # Errors
    /// `Field` for a size that cannot be, and for a token of another list or of nobody.
    pub(crate) fn read<Q: Paged>(request: &Q) -> Result<Self, Refusal> {
        let mut rest = request.clone();
        let (size, token) = rest.take();
        let size = match size {
            0 => SIZE,
            size @ 1..=SIZE_MAX => size,
            size => {
                let problem = format!("a page of {size} is not possible: it has 1 to {SIZE_MAX}");
                return Err(Refusal::field("page_size", problem));
            }
        };
        let mut described = Q::LIST.as_bytes().to_vec();
        described.extend(rest.encode_to_vec());
        let mut list = [0; DIGEST];
        list.copy_from_slice(&sha256(&described)[..DIGEST]);
        let after = if token.is_empty() {
            String::new()
        } else {
            open(&token, &list).ok_or_else(wrong)?
        };
        Ok(Self {
            size: size.unsigned_abs(),
            after,
            list,
        })
    }

    /// For a list that the store pages.
    ///
    /// # Errors
    /// `Field` for a token of another sort of list.
    pub(crate) fn page(&self) -> Result<Page, Refusal> {
        let after = match self.after.as_str() {
            "" => None,
            number => Some(number.parse().map_err(|_| wrong())?),
        };
        Ok(Page {
            size: self.size,
            after,
        })
    }

    /// The token of the next page; empty when there is none.
    pub(crate) fn next(&self, next: Option<i64>) -> String {
        next.map(|next| self.token(&next.to_string()))
            .unwrap_or_default()
    }

    /// A page of what is not stored, sorted by a unique key, and the token of the next one.
    pub(crate) fn of<T>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let mut rest = items
            .into_iter()
            .skip_while(|item| !self.after.is_empty() && key(item) <= self.after);
        let page: Vec<T> = rest.by_ref().take(size).collect();
        let next = match (rest.next(), page.last()) {
            (Some(_), Some(last)) => self.token(&key(last)),
            (Some(_) | None, _) => String::new(),
        };
        (page, next)
    }

    fn token(&self, key: &str) -> String {
        let mut bytes = self.list.to_vec();
        bytes.extend(key.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn open(token: &str, list: &[u8; DIGEST]) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (of, key) = bytes.split_at_checked(DIGEST)?;
    (of == list).then(|| String::from_utf8(key.to_vec()).ok())?
}

fn wrong() -> Refusal {
    Refusal::field(
        "page_token",
        "the page token is not of this list; send back the `next_page_token` of the page before, with every other field as it was",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(stack: &str, token: String) -> v1::ListAppsRequest {
        v1::ListAppsRequest {
            stack: stack.to_owned(),
            page_token: token,
            ..Default::default()
        }
    }

    #[test]
    fn a_token_leads_on_in_its_own_list_alone() {
        let first = Asked::read(&request("api", String::new())).unwrap();
        let token = first.next(Some(7));
        let next = Asked::read(&request("api", token.clone())).unwrap();
        assert_eq!(next.page().unwrap().after, Some(7));
        for wrong in [
            request("gpu", token.clone()),
            request("api", format!("{token}x")),
            request("api", "!".to_owned()),
        ] {
            assert!(Asked::read(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(first.next(None), "");
    }

    #[test]
    fn a_list_that_is_not_stored_goes_on_after_its_last_key() {
        let all = || vec!["a", "b", "c"];
        let mut asked = request("", String::new());
        asked.page_size = 2;
        let (page, token) = Asked::read(&asked).unwrap().of(all(), ToString::to_string);
        assert_eq!(page, ["a", "b"]);
        asked.page_token = token;
        let (page, token) = Asked::read(&asked).unwrap().of(all(), ToString::to_string);
        assert_eq!((page, token.as_str()), (vec!["c"], ""));
    }

    #[test]
    fn a_size_has_its_limits() {
        for size in [-1, 1001] {
            let mut asked = request("", String::new());
            asked.page_size = size;
            assert!(Asked::read(&asked).is_err(), "{size}");
        }
    }
}

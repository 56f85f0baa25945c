//! Lists in pages, which lead to one another by `Link`.

use super::problem::ok;
use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::Response,
};
use serde_json::Value;
use std::{collections::BTreeMap, convert::Infallible};

/// Where a call came in, for the addresses in its answer.
#[derive(Clone)]
pub(super) struct Here {
    /// Of the API, without a slash at its end.
    pub(super) base: String,
    /// As the client wrote it, without the query.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let here = parts.extensions.get::<Self>().cloned();
        Ok(here.expect("the door has put it there"))
    }
}

/// Items of a page unless `per_page` says otherwise, and the most that it may say.
const USUAL: usize = 30;
const MOST: usize = 100;

impl Here {
    fn number(&self, name: &str) -> Option<usize> {
        let number = self.query.get(name)?.parse().ok()?;
        (number > 0).then_some(number)
    }

    /// One page of a bare list.
    pub(super) fn list(&self, items: &[Value]) -> Response {
        self.page(items, |items| Value::Array(items.to_vec()))
    }

    /// One page of a list that is inside of something.
    pub(super) fn page(&self, items: &[Value], wrap: impl FnOnce(&[Value]) -> Value) -> Response {
        let size = self.number("per_page").unwrap_or(USUAL).min(MOST);
        let page = self.number("page").unwrap_or(1);
        let last = items.len().div_ceil(size).max(1);
        let from = items.len().min(size.saturating_mul(page - 1));
        let to = items.len().min(from + size);
        let mut response = ok(&wrap(&items[from..to]));
        let link = |page: usize, rel: &str| {
            let mut query = self.query.clone();
            query.insert("page".to_owned(), page.to_string());
            let query: Vec<_> = query.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let query = query.join("&");
            format!("<{}{}?{query}>; rel=\"{rel}\"", self.base, self.path)
        };
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        if !links.is_empty() {
            let links = HeaderValue::from_str(&links.join(", ")).expect("an address is a header");
            response.headers_mut().insert(header::LINK, links);
        }
        response
    }
}

//! The caller's token, wherever it is. It goes on as a header, marked so that nobody prints it.

use super::params::Params;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The parameter in which old clients send it.
const PARAMETER: &str = "github_access_token";
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// Where a token was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the query, where it does not belong: addresses are written into logs.
    Query,
    Elsewhere,
}

/// Whether a token is in the headers. What is there of another scheme is for a proxy, and is none.
pub(super) fn is_there(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.to_str().ok());
    let parts = given.and_then(|given| given.trim().split_once(' '));
    parts.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()
    })
}

/// Sees to it that the token is in the headers. One that is there wins.
pub(super) fn take(headers: &mut HeaderMap, body: &Params, query: &Params) -> Place {
    let of = |params: &Params| Some(params.get(PARAMETER)?.as_str()?.to_owned());
    let (in_query, in_body) = (of(query), of(body));
    let place = match in_query {
        Some(_) => Place::Query,
        None => Place::Elsewhere,
    };
    if !is_there(headers)
        && let Some(token) = in_query.or(in_body)
        // A token that no header can hold is nobody's.
        && let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
    }
    place
}

/// Tells a caller whose token was in the query that there is a better place.
pub(super) fn deprecate(response: &mut Response, place: Place) {
    match place {
        Place::Query => {
            let value = HeaderValue::from_static("true");
            response.headers_mut().insert(DEPRECATION, value);
        }
        Place::Elsewhere => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(token: &str) -> Params {
        let mut params = Params::new();
        if !token.is_empty() {
            params.insert(PARAMETER.to_owned(), token.into());
        }
        params
    }

    #[test]
    fn a_header_wins_over_the_query_and_that_over_the_body() {
        for (header, query, body, want, place) in [
            ("", "", "", "", Place::Elsewhere),
            ("", "", "b", "Bearer b", Place::Elsewhere),
            ("", "q", "b", "Bearer q", Place::Query),
            ("Bearer h", "q", "b", "Bearer h", Place::Query),
            ("Basic dTpw", "q", "", "Bearer q", Place::Query),
            ("Bearer ", "", "b", "Bearer b", Place::Elsewhere),
            ("Basic dTpw", "", "", "Basic dTpw", Place::Elsewhere),
            ("", "", "a\nb", "", Place::Elsewhere),
        ] {
            let mut headers = HeaderMap::new();
            if !header.is_empty() {
                headers.insert(header::AUTHORIZATION, header.parse().unwrap());
            }
            let found = take(&mut headers, &params(body), &params(query));
            let got = headers.get(header::AUTHORIZATION);
            let got = got.map_or("", |value| value.to_str().unwrap());
            assert_eq!((got, found), (want, place), "{header} {query} {body}");
        }
    }

    #[test]
    fn the_header_of_a_token_is_not_printed() {
        let mut headers = HeaderMap::new();
        take(&mut headers, &params("swordfish"), &Params::new());
        assert!(!format!("{headers:?}").contains("swordfish"));
    }
}

//! Where browsers went at the original Jockey: bookmarks and links of old lead to what there is instead.
//!
//! Whoever does not say that they read HTML is a program, and is answered as at every other path of old: in JSON, and
//! never by a redirect. At `/` alone there was nothing for programs, and they are told where there is something.

use crate::rest::Reader;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, header, request::Parts};

/// An address of old, and where it leads.
const PAGES: [(&str, &str); 5] = [
    ("/", "/v1/"),
    ("/auth/github", "/login"),
    ("/auth/failure", "/v1/"),
    ("/signout", "/logout"),
    ("/admin", "/v1/"),
];

/// Where a person is led who has opened an address of old. None: it is none, or they are no person.
pub(crate) fn led(asked: &Parts) -> Option<Response> {
    let path = match asked.uri.path() {
        "/" => "/",
        path => path.trim_end_matches('/'),
    };
    let (_, to) = PAGES.iter().find(|(old, _)| *old == path)?;
    if Reader::of(asked) == Reader::Program {
        return None;
    }
    let mut response = Redirect::to(to).into_response();
    // What a program is answered at the same address is something else.
    let accept = HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, accept);
    Some(response)
}

/// What a program is told that asks for `/`, the address that a server says of itself.
const ROOT: &str = r#"{"message":"this is Jockey; its API is at /v1/, and described at /v1/openapi.json","location":"/v1/"}"#;

/// What is said at `/` to whoever is not led on. None: something else is asked for.
pub(crate) fn root(asked: &Parts) -> Option<Response> {
    let reads = [Method::GET, Method::HEAD].contains(&asked.method);
    if !reads || asked.uri.path() != "/" {
        return None;
    }
    let mut response = ROOT.into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, StatusCode};

    fn to(method: Method, path: &str, accept: &str) -> Option<String> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::ACCEPT, accept).body(()).unwrap();
        let response = led(&request.into_parts().0)?;
        let location = response.headers().get(header::LOCATION)?;
        Some(location.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_person_is_led_on_and_a_program_is_not() {
        let person = "text/html,application/xhtml+xml,*/*;q=0.8";
        for (path, want) in [
            ("/", "/v1/"),
            ("/auth/github", "/login"),
            ("/auth/github/", "/login"),
            ("/auth/failure?message=access_denied", "/v1/"),
            ("/signout", "/logout"),
            ("/admin", "/v1/"),
        ] {
            let led = to(Method::GET, path, person);
            assert_eq!(led.as_deref(), Some(want), "{path}");
            assert_eq!(to(Method::GET, path, "*/*"), None, "{path}");
            assert_eq!(to(Method::POST, path, person), None, "{path}");
        }
        for path in ["/apps", "/auth/github/callback", "/signouts"] {
            assert_eq!(to(Method::GET, path, person), None, "{path}");
        }
    }

    #[test]
    fn a_program_is_told_at_the_root_where_the_api_is() {
        let asked = |method: Method, path: &str| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(())
                .unwrap();
            root(&request.into_parts().0)
        };
        let told = asked(Method::GET, "/").unwrap();
        assert_eq!(told.status(), StatusCode::OK);
        let kind = &told.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "application/json; charset=utf-8");
        assert!(asked(Method::HEAD, "/").is_some());
        assert!(serde_json::from_str::<serde_json::Value>(ROOT).is_ok());
        assert!(asked(Method::POST, "/").is_none());
        assert!(asked(Method::GET, "/nowhere").is_none());
    }
}

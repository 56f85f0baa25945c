//! What browsers are told with every answer, whatever it is.

use crate::Settings;
use axum::{Router, middleware::map_response, response::Response};
use http::{HeaderValue, header};

/// A year: whoever has come by TLS once does not come without it.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// For what is no page of ours: nothing in it is run or loaded, and no page shows it within itself.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The same router, whose answers say so.
pub(crate) fn every_answer(router: Router, settings: &Settings) -> Router {
    let is_https = settings.is_https;
    router.layer(map_response(move |mut response: Response| {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            headers.insert(header::CONTENT_SECURITY_POLICY, NOTHING);
        }
        if is_https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT);
        }
        std::future::ready(response)
    }))
}

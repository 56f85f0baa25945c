//! Deliveries that proptest makes up: the body of the fuzz target, for seconds.

#[path = "../../../../fuzz/bodies/webhook.rs"]
mod webhook;

use proptest::prelude::*;

const EVENTS: &str =
    "(push|ping|delete|organization|membership|installation|repository|pull_request|[a-z_]{0,12})";
/// JSON that has some of the fields of a delivery, each with something.
const JSON: &str = r#"(\{("(ref|after|before|repository|full_name|action|deleted|sender|login|id)":("[^"]{0,8}"|[0-9]{1,6}|null|true|\{"full_name":"a/b","id":7\}),?){0,8}\}|[^\n]{0,40})"#;

proptest! {
    #[test]
    fn a_delivery_is_read_or_refused(event in EVENTS, json in JSON) {
        webhook::body(format!("{event}\n{json}").as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        webhook::body(&bytes);
    }
}

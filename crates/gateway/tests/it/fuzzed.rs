//! Requests of old clients that proptest makes up: the body of the fuzz target, for seconds.

#[path = "../../../../fuzz/bodies/legacy.rs"]
mod legacy;

use proptest::prelude::*;

const HEAD: &str = r"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /(apps|builds|deploys|config_sets|workers|environments|reconciles|health|sanity|[a-z]{0,6})(/[a-z0-9%._-]{0,8}){0,3}(\?[a-z_]{0,8}(\[[a-z]{0,4}\]){0,2}=[a-z0-9%+]{0,8}(&page=[0-9-]{0,6})?)?";
const KIND: &str = "(application/json|application/x-www-form-urlencoded|text/plain|multipart/form-data; boundary=x|[a-z/]{0,8})";
const BODY: &str = r#"(\{("[a-z_]{1,12}":("[^"]{0,8}"|-?[0-9]{1,20}|null|true|\[\]|\{\}),?){0,6}\}|[a-z_]{1,8}(\[[a-z]{0,4}\])?=[^&]{0,8}(&[a-z]{1,4}=[0-9]{0,3}){0,3}|[^\n]{0,40})"#;

proptest! {
    #[test]
    fn a_request_is_answered_with_an_object(head in HEAD, kind in KIND, body in BODY) {
        legacy::body(format!("{head}\n{kind}\n{body}").as_bytes());
    }

    #[test]
    fn so_are_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        legacy::body(&bytes);
    }
}

//! What comes from outside, as proptest makes it up: the bodies of the fuzz targets, for seconds.
#![cfg(test)]

#[path = "../../../../fuzz/bodies/config.rs"]
mod config;
#[path = "../../../../fuzz/bodies/names.rs"]
mod names;

use proptest::prelude::*;

/// Text with the letters that parsers look at.
const WRITTEN: &str = r#"[a-z0-9_/:@.~^ \-]{0,80}"#;
/// Lines as people write them into a configuration, and what they may get wrong.
const LINES: &str = r#"(\[{0,2}(worker|grant|web|job)[.a-z]{0,8}\]{0,2}\n|[a-z_]{1,12} ?[=:] ?("[^"\n]{0,12}"|[0-9]{0,6}|\["a/b"\]|true)\n|\PC{0,12}\n){0,12}"#;

proptest! {
    #[test]
    fn names_are_taken_or_refused(text in WRITTEN) {
        names::body(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        names::body(&bytes);
        config::body(&bytes);
    }

    #[test]
    fn files_are_taken_or_refused(text in LINES) {
        config::body(text.as_bytes());
    }
}

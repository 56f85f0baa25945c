//! What is marked `debug_redact` does not get into a log by way of `Debug`.

use crate::api::{messages, pool};
use proto::v1::{ConfigSet, CreateTokenResponse, UpdateConfigSetRequest};

const SECRET: &str = "swordfish";

#[test]
fn every_message_with_a_secret_is_known_here() {
    let pool = pool();
    let secret: Vec<String> = messages(&pool)
        .filter(|message| {
            message.fields().any(|field| {
                let redact = field
                    .options()
                    .get_field_by_name("debug_redact")
                    .map(|v| v.as_bool());
                redact == Some(Some(true))
            })
        })
        .map(|message| message.name().to_owned())
        .collect();
    assert_eq!(
        secret,
        ["ConfigSet", "UpdateConfigSetRequest", "CreateTokenResponse"]
    );
}

#[test]
fn debug_output_names_variables_and_hides_their_values() {
    let values = || [("GREETING".to_owned(), SECRET.to_owned())].into();
    let set = ConfigSet {
        values: values(),
        ..ConfigSet::default()
    };
    let update = UpdateConfigSetRequest {
        set: values(),
        ..UpdateConfigSetRequest::default()
    };
    for text in [format!("{set:?}"), format!("{update:?}")] {
        assert!(
            text.contains("GREETING") && !text.contains(SECRET),
            "{text}"
        );
    }
}

#[test]
fn debug_output_hides_the_secret_of_a_new_token() {
    let answer = CreateTokenResponse {
        secret: SECRET.to_owned(),
        ..CreateTokenResponse::default()
    };
    assert!(!format!("{answer:?}").contains(SECRET));
}

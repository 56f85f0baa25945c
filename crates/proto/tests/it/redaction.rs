//! What is marked `debug_redact` does not get into a log by way of `Debug`.

use crate::api::{LEGACY, messages, pool};
use proto::{
    legacy,
    v1::{
        self, ConfigSet, CreateTokenResponse, ExchangeTokenResponse, FinishWebSignInRequest,
        FinishWebSignInResponse, PollSignInRequest, PollSignInResponse, StartSignInResponse,
        StartWebSignInResponse, UpdateConfigSetRequest, VariableDifference, VariableSource,
        VersionDifference, Webhook,
    },
};

const SECRET: &str = "swordfish";

#[test]
fn every_message_with_a_secret_is_known_here() {
    let pool = pool();
    let legacy = pool
        .all_messages()
        .filter(|message| message.package_name() == LEGACY && !message.is_map_entry());
    let secret: Vec<String> = messages(&pool)
        .chain(legacy)
        .filter(|message| {
            message.fields().any(|field| {
                let redact = field
                    .options()
                    .get_field_by_name("debug_redact")
                    .map(|v| v.as_bool());
                redact == Some(Some(true))
            })
        })
        .map(|message| message.full_name().to_owned())
        .collect();
    let mut secret = secret;
    secret.sort();
    assert_eq!(
        secret,
        [
            "jockey.legacy.v1.ConfigSet",
            "jockey.legacy.v1.CreateConfigSetRequest",
            "jockey.legacy.v1.UpdateConfigSetRequest",
            "jockey.v1.ConfigSet",
            "jockey.v1.CreateJoinTokenResponse",
            "jockey.v1.CreateTokenResponse",
            "jockey.v1.ExchangeTokenResponse",
            "jockey.v1.FinishWebSignInRequest",
            "jockey.v1.FinishWebSignInResponse",
            "jockey.v1.JoinNodeRequest",
            "jockey.v1.PollSignInRequest",
            "jockey.v1.PollSignInResponse",
            "jockey.v1.StartSignInResponse",
            "jockey.v1.StartWebSignInResponse",
            "jockey.v1.UpdateConfigSetRequest",
            "jockey.v1.VariableDifference",
            "jockey.v1.VariableSource",
            "jockey.v1.VersionDifference",
            "jockey.v1.Webhook",
        ]
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
    let difference = VersionDifference {
        field: "variables.GREETING".to_owned(),
        before: Some(SECRET.to_owned()),
        after: Some(SECRET.to_owned()),
    };
    let variable = VariableDifference {
        name: "GREETING".to_owned(),
        before: Some(SECRET.to_owned()),
        after: Some(SECRET.to_owned()),
    };
    let source = VariableSource {
        config_set: Some(set.clone()),
        value: SECRET.to_owned(),
    };
    let old_set = legacy::v1::ConfigSet {
        config: values(),
        config_command_line_args: SECRET.to_owned(),
        ..legacy::v1::ConfigSet::default()
    };
    let old_create = legacy::v1::CreateConfigSetRequest {
        config: values(),
        ..legacy::v1::CreateConfigSetRequest::default()
    };
    let old_update = legacy::v1::UpdateConfigSetRequest {
        config: values(),
        ..legacy::v1::UpdateConfigSetRequest::default()
    };
    for text in [
        format!("{set:?}"),
        format!("{update:?}"),
        format!("{difference:?}"),
        format!("{variable:?}"),
        format!("{source:?}"),
        format!("{old_set:?}"),
        format!("{old_create:?}"),
        format!("{old_update:?}"),
    ] {
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
    let answer = v1::CreateJoinTokenResponse {
        token: SECRET.to_owned(),
        ..v1::CreateJoinTokenResponse::default()
    };
    assert!(!format!("{answer:?}").contains(SECRET));
    let asked = v1::JoinNodeRequest {
        token: SECRET.to_owned(),
        ..v1::JoinNodeRequest::default()
    };
    assert!(!format!("{asked:?}").contains(SECRET));
    let webhook = Webhook {
        url: SECRET.to_owned(),
        secret: SECRET.to_owned(),
        fields: [("room".to_owned(), SECRET.to_owned())].into(),
        ..Webhook::default()
    };
    let asked = v1::CreateWebhookRequest {
        webhook: Some(webhook),
        ..v1::CreateWebhookRequest::default()
    };
    assert!(!format!("{asked:?}").contains(SECRET), "{asked:?}");
    let begun = StartSignInResponse {
        device_code: SECRET.to_owned(),
        ..StartSignInResponse::default()
    };
    let asked = PollSignInRequest {
        device_code: SECRET.to_owned(),
    };
    let granted = PollSignInResponse {
        token: SECRET.to_owned(),
        ..PollSignInResponse::default()
    };
    let exchanged = ExchangeTokenResponse {
        token: SECRET.to_owned(),
        ..ExchangeTokenResponse::default()
    };
    assert!(!format!("{begun:?} {asked:?} {granted:?} {exchanged:?}").contains(SECRET));
    let begun = StartWebSignInResponse {
        ticket: SECRET.to_owned(),
        address: SECRET.to_owned(),
        ..StartWebSignInResponse::default()
    };
    let finished = FinishWebSignInRequest {
        ticket: SECRET.to_owned(),
        state: SECRET.to_owned(),
        code: SECRET.to_owned(),
        ..FinishWebSignInRequest::default()
    };
    let session = FinishWebSignInResponse {
        token: SECRET.to_owned(),
        ..FinishWebSignInResponse::default()
    };
    assert!(!format!("{begun:?} {finished:?} {session:?}").contains(SECRET));
}

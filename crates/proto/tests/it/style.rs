//! Names, and the fields that every request of a kind has.

use crate::api::{LEGACY, PACKAGE, assert_none, field, messages, methods, mutates, pool};
use prost_reflect::Kind;

#[test]
fn every_service_is_named_after_its_entity() {
    let pool = pool();
    assert!(pool.services().len() >= 14);
    assert_none(pool.services().filter_map(|service| {
        let good = [PACKAGE, LEGACY].contains(&service.package_name())
            && service.name().ends_with("Service");
        (!good).then(|| format!("{} is no name for a service", service.full_name()))
    }));
}

#[test]
fn every_rpc_has_a_request_and_a_response_of_its_own() {
    let pool = pool();
    assert_none(methods(&pool).filter_map(|method| {
        let (input, output) = (method.input(), method.output());
        let good = input.name() == format!("{}Request", method.name())
            && output.name() == format!("{}Response", method.name());
        let found = (input.name().to_owned(), output.name().to_owned());
        (!good).then(|| format!("{} takes and gives {found:?}", method.full_name()))
    }));
    let mut names: Vec<String> = methods(&pool)
        .map(|method| method.name().to_owned())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(
        names.len(),
        all,
        "two RPCs of one name share their messages"
    );
}

#[test]
fn every_message_named_as_a_request_or_response_belongs_to_an_rpc() {
    let pool = pool();
    let used: Vec<String> = methods(&pool)
        .flat_map(|method| [method.input(), method.output()])
        .map(|message| message.name().to_owned())
        .collect();
    assert_none(messages(&pool).filter_map(|message| {
        let name = message.name();
        let of_rpc = name.ends_with("Request") || name.ends_with("Response");
        (of_rpc && !used.iter().any(|one| one == name)).then(|| format!("{name} is not used"))
    }));
}

#[test]
fn every_rpc_that_changes_something_can_be_tried_and_repeated() {
    let pool = pool();
    let wanted = |method: &prost_reflect::MethodDescriptor| {
        [
            (method.input(), "dry_run", "bool = 14"),
            (method.input(), "request_id", "string = 15"),
            (method.output(), "plan", "jockey.v1.Plan = 2"),
        ]
    };
    assert_none(methods(&pool).flat_map(|method| {
        let mutates = mutates(&method);
        wanted(&method)
            .into_iter()
            .filter_map(move |(message, name, wanted)| {
                let found = field(&message, name);
                let good = if mutates {
                    found.as_deref() == Some(wanted)
                } else {
                    message.name() == "PreviewReconcileResponse" || found.is_none()
                };
                (!good).then(|| format!("{}.{name} is {found:?}, not `{wanted}`", message.name()))
            })
    }));
}

#[test]
fn every_list_is_paged() {
    let pool = pool();
    let lists = methods(&pool).filter(|method| method.name().starts_with("List"));
    assert_none(lists.flat_map(|method| {
        [
            (method.input(), "page_size", "int32 = 14"),
            (method.input(), "page_token", "string = 15"),
            (method.output(), "next_page_token", "string = 2"),
        ]
        .into_iter()
        .filter_map(|(message, name, wanted)| {
            let found = field(&message, name);
            (found.as_deref() != Some(wanted))
                .then(|| format!("{}.{name} is {found:?}, not `{wanted}`", message.name()))
        })
    }));
}

#[test]
fn every_update_can_name_its_fields_and_be_refused_when_stale() {
    let pool = pool();
    let updates = methods(&pool)
        .map(|method| method.input())
        .filter(|input| input.get_field_by_name("values").is_some());
    assert_none(updates.flat_map(|input| {
        ["update_mask", "etag"].into_iter().filter_map(move |name| {
            let missing = input.get_field_by_name(name).is_none();
            missing.then(|| format!("{} has no {name}", input.name()))
        })
    }));
}

#[test]
fn every_update_and_delete_is_refused_to_a_stale_reader() {
    let pool = pool();
    let changes: Vec<_> = methods(&pool)
        .filter(|method| {
            ["Update", "Delete"]
                .iter()
                .any(|verb| method.name().starts_with(verb))
        })
        .collect();
    assert_eq!(changes.len(), 15, "{changes:?}");
    assert_none(changes.iter().filter_map(|method| {
        let asks = field(&method.input(), "etag").is_some_and(|it| it.starts_with("string = "));
        let tells = method.output().fields().any(|field| {
            let entity = field.kind().as_message().cloned();
            entity.is_some_and(|entity| entity.get_field_by_name("etag").is_some())
        });
        (!asks || !tells).then(|| format!("{} has no etag", method.full_name()))
    }));
}

#[test]
fn every_field_named_as_a_time_is_one() {
    let pool = pool();
    let fields = messages(&pool).flat_map(|message| message.fields().collect::<Vec<_>>());
    assert_none(fields.filter_map(|field| {
        let is_time = matches!(
            field.kind(),
            Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp"
        );
        let named = field.name().ends_with("_time") || ["time", "since"].contains(&field.name());
        (is_time != named).then(|| format!("{} is {:?}", field.full_name(), field.kind()))
    }));
}

#[test]
fn every_value_of_an_enum_begins_with_its_name_and_zero_means_nothing() {
    let pool = pool();
    let enums = pool.all_enums().filter(|one| one.package_name() == PACKAGE);
    assert_none(enums.flat_map(|one| {
        let prefix = screaming(one.name());
        one.values()
            .filter_map(|value| {
                let rest = value.name().strip_prefix(&prefix);
                let good =
                    rest.is_some_and(|rest| (rest == "UNSPECIFIED") == (value.number() == 0));
                (!good).then(|| format!("{} of {}", value.name(), one.name()))
            })
            .collect::<Vec<_>>()
    }));
}

/// `DeployState` as `DEPLOY_STATE_`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text + "_"
}
